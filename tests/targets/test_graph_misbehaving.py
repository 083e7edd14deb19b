"""The directory reader against a server that answers as told: paging, throttling, and what it refuses."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import requests

from requests_app.targets.base import TargetError
from requests_app.targets.graph import GraphPerson, GraphReader
from tests.targets.scripted import Answer, Scripted

ADA = {
    "id": "a-1",
    "displayName": "Ada Lindqvist",
    "userPrincipalName": "ada@northwind-harbour.example",
    "mail": None,
    "accountEnabled": True,
    "userType": "Member",
    "manager": {"id": "m-1"},
}


def read_people(scripted: Scripted, **changes: Any) -> list[GraphPerson]:
    reader = GraphReader(scripted.config(), correlation_id="c-1", **changes)
    try:
        return list(reader.people())
    finally:
        reader.close()


def test_people_are_read_with_their_manager(scripted: Scripted) -> None:
    scripted.answer = lambda method, path: Answer(body={"value": [ADA]})
    upn = "ada@northwind-harbour.example"
    assert read_people(scripted) == [GraphPerson("a-1", "Ada Lindqvist", upn, "", True, False, "m-1")]
    headers = scripted.asked[-1][2]
    assert headers["authorization"] == "Bearer a-token"
    assert headers["client-request-id"] == "c-1"


@pytest.mark.parametrize("enabled", [False, None, "true"])
def test_only_an_account_said_to_be_enabled_is(scripted: Scripted, enabled: object) -> None:
    person = {"id": "a-1", "accountEnabled": enabled, "userType": "Guest"}
    scripted.answer = lambda method, path: Answer(body={"value": [person]})
    (found,) = read_people(scripted)
    assert (found.enabled, found.guest, found.manager_oid) == (False, True, None)


def test_every_page_is_read(scripted: Scripted) -> None:
    pages = iter(
        [
            {"value": [ADA], "@odata.nextLink": f"{scripted.url}/v1.0/users?$skiptoken=2"},
            {"value": [ADA | {"id": "a-2"}]},
        ]
    )
    scripted.answer = lambda method, path: Answer(body=next(pages))
    assert [person.oid for person in read_people(scripted)] == ["a-1", "a-2"]
    assert scripted.paths("GET")[1] == "/v1.0/users?$skiptoken=2"


@pytest.mark.parametrize(
    "link", ["https://evil.example/v1.0/users", "http://127.0.0.1:1/x", "//evil.example", "/x"]
)
def test_a_next_page_elsewhere_gets_no_token(scripted: Scripted, link: str) -> None:
    scripted.answer = lambda method, path: Answer(body={"value": [], "@odata.nextLink": link})
    with pytest.raises(TargetError, match="another host"):
        read_people(scripted)
    assert len(scripted.paths("GET")) == 1


def test_a_redirect_is_not_followed(scripted: Scripted) -> None:
    scripted.answer = lambda method, path: Answer(302, headers={"Location": f"{scripted.url}/elsewhere"})
    with pytest.raises(TargetError):
        read_people(scripted)
    assert len(scripted.paths("GET")) == 1


def test_throttling_is_obeyed(scripted: Scripted) -> None:
    answers = iter([Answer(429, headers={"Retry-After": "0.3"}), Answer(body={"value": [ADA]})])
    scripted.answer = lambda method, path: next(answers)
    started = time.monotonic()
    assert len(read_people(scripted)) == 1
    assert time.monotonic() - started >= 0.3


def test_throttling_beyond_the_deadline_is_an_error_at_once(scripted: Scripted) -> None:
    body = {"error": {"code": "TooManyRequests", "message": "Slow down."}}
    scripted.answer = lambda method, path: Answer(429, body, {"Retry-After": "60"})
    started = time.monotonic()
    with pytest.raises(TargetError, match=r"Slow down\.") as caught:
        read_people(scripted, deadline_seconds=5)
    assert (caught.value.kind, caught.value.retry_after) == ("throttled", 60.0)
    assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(403, {"error": {"code": "Authorization_RequestDenied", "message": "m"}}), "forbidden"),
        (Answer(404, {"error": {"code": "Request_ResourceNotFound", "message": "m"}}), "missing"),
        (Answer(400, "nonsense"), "invalid"),
        (Answer(200, [1]), "unknown"),
        (Answer(200, {"value": 3}), "unknown"),
        (Answer(200, {}), "unknown"),
        (Answer(200, {"value": [{"displayName": "nobody"}]}), "unknown"),
        (Answer(drop=True), "unreachable"),
        (Answer(hang=2), "timeout"),
    ],
)
def test_every_failure_is_an_error_of_ours(scripted: Scripted, answer: Answer, kind: str) -> None:
    scripted.answer = lambda method, path: answer
    with pytest.raises(TargetError) as caught:
        read_people(scripted)
    assert caught.value.kind == kind


def test_a_group_brings_everyone_in_it(scripted: Scripted) -> None:
    def answer(method: str, path: str) -> Answer:
        if path.endswith("/transitiveMembers"):
            user, group = "#microsoft.graph.user", "#microsoft.graph.group"
            members = [(user, "a-1"), (group, "g-2"), (user, "a-2")]
            return Answer(body={"value": [{"@odata.type": kind, "id": oid} for kind, oid in members]})
        return Answer(body={"id": "g-1", "displayName": "security"})

    scripted.answer = answer
    (group,) = GraphReader(scripted.config()).groups(["g-1"])
    assert (group.oid, group.name, group.member_oids) == ("g-1", "security", frozenset({"a-1", "a-2"}))


def test_a_group_that_is_gone_is_not_an_empty_group(scripted: Scripted) -> None:
    scripted.answer = lambda method, path: Answer(404, {"error": {"code": "Request_ResourceNotFound"}})
    with pytest.raises(TargetError) as caught:
        list(GraphReader(scripted.config()).groups(["g-1"]))
    assert caught.value.kind == "missing"


def test_a_netrc_of_the_machine_does_not_replace_our_token(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    # On loopback the machine's settings are left aside anyhow, so look at what would be sent elsewhere.
    reader = GraphReader(scripted.config())
    ask = requests.Request("GET", scripted.url, auth=reader._bearer)
    assert requests.Session().prepare_request(ask).headers["Authorization"] == "Bearer a-token"
