"""One server for every pretend service, on loopback alone. It puts routes together and decides nothing."""

import ipaddress
import socket
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from latchportal.devcloud import (
    arm,
    blob_control,
    blobs,
    control,
    entra,
    graph,
    identity,
    loganalytics,
    logs,
    people_control,
    tenant_control,
    vault,
    watch,
)
from latchportal.devcloud.cloud import Cloud
from latchportal.devcloud.world import World

GRACE_S = 1


def build(world: World, *, write_seconds: float = 0.4, state_dir: Path | None = None) -> Starlette:
    """The whole pretend Azure as one ASGI application; `write_seconds` is how long a write takes."""
    cloud = Cloud(
        world.subscriptions,
        write_seconds=write_seconds,
        state_file=state_dir / "arm.json" if state_dir else None,
    )
    routes: list[BaseRoute] = [
        *watch.routes(cloud),
        *control.routes(cloud),
        *people_control.control_routes(world),
        *tenant_control.routes(world),
        *arm.routes(cloud),
        *logs.routes(cloud),
        *loganalytics.routes(cloud),
        *vault.routes(cloud),
        *blob_control.routes(cloud),
        *blobs.routes(cloud),
        *identity.routes(world),
        *graph.routes(world),
        *entra.routes(world),
    ]
    app = Starlette(routes=routes)
    app.state.cloud = cloud
    return app


def configured(app: Starlette, host: str = "127.0.0.1", port: int = 0) -> uvicorn.Config:
    """How uvicorn is to run it. Raises ValueError for a host that is not this machine itself."""
    refuse_other_hosts(host)
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http="h11",
        ws="none",
        lifespan="off",
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )


def refuse_other_hosts(host: str) -> None:
    """Raises ValueError unless `host` is a loopback address: this server believes whatever it is told."""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback or host not in ("127.0.0.1", "::1"):
        raise ValueError(f"the pretend Azure listens on 127.0.0.1 or ::1 only, not on {host!r}")


def bound(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError when the port is taken."""
    refuse_other_hosts(host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle off on what it accepts; without, every answer takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
