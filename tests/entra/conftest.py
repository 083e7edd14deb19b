"""The pretend Entra beside the site, and a browser that signs in through both."""

import copy
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.test import Client

from tests.entra.false_entra import FalseEntra, running_false_entra
from tests.entra.visitor import SITE
from tests.support.devcloud import Devcloud, running_devcloud
from tests.support.environment import TENANT
from tests.support.organisation import the_world

SignIn = Callable[..., Any]


@pytest.fixture(scope="package")
def _devcloud() -> Iterator[Devcloud]:
    with running_devcloud() as running:
        yield running


@pytest.fixture(scope="package")
def _false_entra() -> Iterator[FalseEntra]:
    with running_false_entra() as running:
        yield running


@pytest.fixture
def devcloud(_devcloud: Devcloud, settings: Any) -> Iterator[Devcloud]:
    """The pretend Entra, everybody as the file says, and the site pointed at it."""
    point_at(_devcloud.url, settings)
    yield _devcloud
    _devcloud.control("DELETE", "people")


@pytest.fixture
def false_entra(_false_entra: FalseEntra, settings: Any) -> FalseEntra:
    """An Entra that answers what the test says, and the site pointed at it."""
    point_at(_false_entra.url, settings)
    _false_entra.answer, _false_entra.status = {}, 200
    return _false_entra


def point_at(url: str, settings: Any) -> None:
    """The site signs people in at this authority."""
    settings.ROOT_URLCONF = "tests.entra.urls"
    settings.ENTRA_AUTHORITY = url
    providers = copy.deepcopy(settings.SOCIALACCOUNT_PROVIDERS)
    providers["openid_connect"]["APPS"][0]["settings"]["server_url"] = f"{url}/{TENANT}/v2.0"
    settings.SOCIALACCOUNT_PROVIDERS = providers


@pytest.fixture
def tenant(devcloud: Devcloud, settings: Any, people: Any, policy: Any) -> Iterator[Devcloud]:
    """The pretend Entra as the file says, and the site with all of its pages."""
    settings.ROOT_URLCONF = "latchportal.urls"
    yield devcloud
    devcloud.control("DELETE", "tenant")


@pytest.fixture
def browser() -> Client:
    """Nobody yet, at the site's own address."""
    return Client(**SITE)


@pytest.fixture
def sign_in(devcloud: Devcloud, browser: Client) -> SignIn:
    """Return what signs somebody in as a browser would: the portal, Entra's page, the portal again."""

    def go(key: str, *, next_url: str = "/inbox/", client: Client | None = None, edit: Any = None) -> Any:
        client = client or browser
        start = client.get("/login/", {"next": next_url})
        assert start.status_code == 302, f"no way to Entra: {start.status_code}"
        return client.get(picked(edit(start["Location"]) if edit else start["Location"], key))

    return go


def picked(authorize: str, key: str) -> str:
    """Pick a person at the pretend Entra; return path and query it sends the browser back to."""
    answer = httpx.post(authorize, data={"person": the_world().person(key).oid}, timeout=10)
    assert answer.status_code == 302, f"Entra answered {answer.status_code}: {answer.text[:300]}"
    back = urlsplit(answer.headers["location"])
    return f"{back.path}?{back.query}"
