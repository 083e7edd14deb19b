"""The SDK's clients in threads and after a fork, as Celery's workers use them."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import pytest

from requests_app.targets.arm import client
from requests_app.targets.azure_cloud import AzureConfig
from requests_app.targets.credential import credential
from requests_app.targets.graph import GraphReader
from requests_app.targets.nsg import NsgTarget
from tests.targets.examples import INSTANCE, NSG_ID
from tests.targets.scripted import Answer, Scripted


@pytest.fixture
def group(scripted: Scripted) -> Scripted:
    """The server, answering every read with an empty group."""
    scripted.answer = lambda method, path: Answer(body={"id": NSG_ID, "properties": {"securityRules": []}})
    return scripted


def read(config: AzureConfig) -> int:
    NsgTarget(config, INSTANCE).read(NSG_ID, correlation_id="c-1")
    return id(client(config, "s-1"))


def test_each_thread_has_its_own_client_and_all_share_one_token(group: Scripted) -> None:
    config = group.config()
    read(config)
    with ThreadPoolExecutor(4) as pool:
        clients = set(pool.map(read, [config] * 12)) | {read(config)}
    assert 1 < len(clients) <= 5
    assert sum(path.startswith("/identity/token") for _, path, _ in group.asked) == 1


def test_one_thread_has_one_client_a_subscription(group: Scripted) -> None:
    config = group.config()
    assert client(config, "s-1") is client(config, "S-1")
    assert client(config, "s-1") is not client(config, "s-2")
    assert credential(config) is credential(config)


def test_a_proxy_of_the_machine_is_not_asked_about_loopback(
    group: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    read(group.config())
    group.answer = lambda method, path: Answer(body={"value": []})
    assert list(GraphReader(group.config()).people()) == []


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_worker_shares_nothing_with_its_parent(group: Scripted) -> None:
    config = group.config()
    read(config)
    parents = client(config, "s-1")

    def in_the_child() -> None:
        read(config)
        assert client(config, "s-1") is not parents, "the child uses its parent's connections"

    child = multiprocessing.get_context("fork").Process(target=in_the_child)
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert sum(path.startswith("/identity/token") for _, path, _ in group.asked) == 2
