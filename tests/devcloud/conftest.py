"""A pretend Azure for these tests, as it is when it was just started."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from latchportal.devcloud import world
from tests.devcloud.services import WORLD_FILE, browser
from tests.support.devcloud import HTTP, Devcloud, running_devcloud

SUBSCRIPTION = "11111111-aaaa-4bbb-8ccc-000000000001"
VERSION = "api-version=2025-05-01"
GROUP = "rg-prod-web"
NSG = "nsg-prod-web"
NSG_ID = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network"
    f"/networkSecurityGroups/{NSG}"
)


@pytest.fixture(scope="session")
def _one_devcloud() -> Iterator[Devcloud]:
    with running_devcloud(write_seconds=0) as devcloud:
        yield devcloud


@pytest.fixture
def devcloud(_one_devcloud: Devcloud) -> Devcloud:
    """The same server for all tests, with nothing left of the one before; a write ends by the first poll."""
    _one_devcloud.control("POST", "reset")
    _one_devcloud.control("POST", "settings", {"write_seconds": 0})
    return _one_devcloud


@pytest.fixture
def finish(devcloud: Devcloud) -> Callable[[], object]:
    """Writes last until this is called, so that a test sees what is half done without racing a clock."""
    devcloud.control("POST", "settings", {"write_seconds": 600})
    return lambda: devcloud.control("POST", "finish")


Arm = Callable[..., httpx.Response]


@pytest.fixture
def arm(devcloud: Devcloud) -> Arm:
    """`arm("GET", path, json=…)`: one call to ARM as the portal's identity; a path may start at the NSG."""
    headers = {"authorization": f"Bearer {devcloud.token()}"}

    def call(method: str, path: str = "", *, query: str = VERSION, **more: Any) -> httpx.Response:
        below = path if path.startswith("/sub") else NSG_ID + path
        address = path if path.startswith("http") else devcloud.url + below
        if "?" not in address and query:
            address += f"?{query}"
        merged = {**headers, **more.pop("headers", {})}
        return HTTP.request(method, address, headers=merged, timeout=5, **more)

    return call


def rule_body(**changes: Any) -> dict[str, Any]:
    """A rule Azure takes, with these properties changed; None leaves one out."""
    properties: dict[str, Any] = {
        "description": "end 2030-01-01T00:00:00Z",
        "protocol": "Tcp",
        "sourceAddressPrefix": "81.2.69.142",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "10.20.1.4",
        "destinationPortRange": "22",
        "access": "Allow",
        "priority": 210,
        "direction": "Inbound",
        **changes,
    }
    return {"properties": {key: value for key, value in properties.items() if value is not None}}


def ended(arm: Arm, answer: httpx.Response) -> dict[str, Any]:
    """The operation behind this answer once it has ended. Fails when it takes more than 200 polls."""
    for _ in range(200):
        status = arm("GET", answer.headers["azure-asyncoperation"]).raise_for_status().json()
        if status["status"] != "InProgress":
            return dict(status)
    raise AssertionError("the operation did not end")


@pytest.fixture
def of() -> world.World:
    """The demo organisation, read anew."""
    return world.load(WORLD_FILE)


@pytest.fixture
def web(of: world.World) -> httpx.Client:
    """A browser before the pretend Entra of that organisation."""
    return browser(of)
