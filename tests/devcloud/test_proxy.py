"""The demo's trusted proxy: one address per person, nothing forged, nothing held back."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from latchportal.devcloud import proxy, world
from tests.devcloud.services import WORLD_FILE, serving


class Site:
    """A site that tells what it saw; its download gives its second half only when told to."""

    def __init__(self) -> None:
        self.rest = threading.Event()
        self.app = Starlette(
            routes=[
                Route("/download", self.download),
                Route("/moved", self.moved),
                Route("/{path:path}", self.echo, methods=["GET", "POST", "HEAD"]),
            ]
        )

    async def echo(self, request: Request) -> Response:
        seen = {
            "path": request.scope["raw_path"].decode(),
            "query": request.url.query,
            "method": request.method,
        }
        headers = [(name.decode(), value.decode()) for name, value in request.headers.raw]
        return JSONResponse({**seen, "headers": headers, "body": (await request.body()).decode()})

    async def moved(self, request: Request) -> Response:
        response = RedirectResponse("http://elsewhere.example/x?y=1", status_code=302)
        response.set_cookie("one", "1")
        response.set_cookie("two", "2", httponly=True)
        return response

    async def download(self, request: Request) -> Response:
        async def rows() -> AsyncIterator[bytes]:
            yield b"first\n"
            await asyncio.to_thread(self.rest.wait, 10)
            yield b"second\n"

        return StreamingResponse(rows(), media_type="text/csv")


@pytest.fixture
def of() -> world.World:
    return world.load(WORLD_FILE)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def web(of: world.World, site: Site) -> Iterator[httpx.Client]:
    with (
        serving(site.app) as upstream,
        serving(proxy.app(of, upstream)) as base,
        httpx.Client(base_url=base) as client,
    ):
        yield client


def seen(answer: httpx.Response, name: str) -> list[str]:
    return [value for header, value in answer.json()["headers"] if header.lower() == name]


def test_forged_addresses_are_replaced_by_the_persons_own(web: httpx.Client, of: world.World) -> None:
    forged = {
        "X-Forwarded-For": "8.8.8.8",
        "X-Real-IP": "8.8.8.8",
        "Forwarded": "for=8.8.8.8",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "Cookie": f"latch_demo_person={of.person('ada').oid}; sessionid=abc",
    }
    answer = web.get("/x", headers=forged)
    assert seen(answer, "x-forwarded-for") == [of.person("ada").address]
    assert seen(answer, "x-real-ip") == seen(answer, "forwarded") == []
    assert seen(answer, "x-forwarded-proto") == ["http"]
    assert seen(answer, "x-forwarded-host") == seen(answer, "host") == [web.base_url.netloc.decode()]
    assert "sessionid=abc" in seen(answer, "cookie")[0]


@pytest.mark.parametrize("cookie", ["", "latch_demo_person=nobody", "latch_demo_person=8.8.8.8"])
def test_a_stranger_comes_from_the_visitors_address(web: httpx.Client, of: world.World, cookie: str) -> None:
    assert seen(web.get("/", headers={"Cookie": cookie}), "x-forwarded-for") == [of.visitor_address]


def test_download_arrives_while_it_is_still_being_made(web: httpx.Client, site: Site) -> None:
    with web.stream("GET", "/download") as answer:
        parts = answer.iter_raw()
        assert next(parts) == b"first\n"
        site.rest.set()
        assert b"".join(parts) == b"second\n"
    assert answer.headers["content-type"].startswith("text/csv")


def test_path_query_and_body_pass_as_they_are(web: httpx.Client) -> None:
    answer = web.post("/a%2Fb/%C3%A9?q=1&q=a%20b", content=iter([b"part one, ", b"part two"]))
    assert answer.json()["path"] == "/a%2Fb/%C3%A9"
    assert answer.json()["query"] == "q=1&q=a%20b"
    assert answer.json()["body"] == "part one, part two"
    assert web.head("/x").content == b""


def test_redirects_and_every_cookie_pass_unchanged(web: httpx.Client) -> None:
    answer = web.get("/moved")
    assert answer.status_code == 302
    assert answer.headers["location"] == "http://elsewhere.example/x?y=1"
    assert len(answer.headers.get_list("set-cookie")) == 2


def test_site_that_is_not_up_is_said_in_words(of: world.World) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
        with serving(proxy.app(of, nobody)) as base:
            answer = httpx.get(base)
    assert answer.status_code == 502
    assert "not up yet" in answer.text
