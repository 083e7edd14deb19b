"""Carrying out on one call what a fault says of it: refusing, waiting, hanging up. Which fault it is, is faults.py's."""

import asyncio

from starlette.requests import Request

from latchportal.devcloud.faults import Effect


class Dropped(Exception):
    """The connection was cut on purpose; there is nobody left to answer."""


async def before(request: Request, effect: Effect) -> None:
    """What comes before the call is carried out has happened. Raises Dropped, or the refusal."""
    if effect.drop_first:
        _hang_up(request)
    if effect.hang:
        await _until_gone(request, effect.hang)
        _hang_up(request)
        raise Dropped
    if effect.refuse:
        raise effect.refuse
    await asyncio.sleep(effect.wait_before)


async def after(request: Request, effect: Effect) -> None:
    """What comes between carrying out and answering has happened. Raises Dropped, or the refusal."""
    await asyncio.sleep(effect.wait_after)
    if effect.refuse_after:
        raise effect.refuse_after
    if effect.drop_last:
        _hang_up(request)
    if effect.drop_last or effect.drop_first:
        raise Dropped


async def _until_gone(request: Request, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end and not await request.is_disconnected():
        await asyncio.sleep(min(0.02, seconds))


def _hang_up(request: Request) -> None:
    # uvicorn keeps the transport beside the `receive` it hands out; ASGI itself cannot hang up.
    cycle = getattr(request.receive, "__self__", None)
    transport = getattr(cycle, "transport", None)
    if transport is not None:
        transport.abort()
