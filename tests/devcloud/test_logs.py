"""The pretend Logs Ingestion endpoint: what it takes, in which order it kept it, and what it refuses in whose words."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from latchportal.devcloud.streams import DECLARED, LONGEST_FIELD, RULE, TYPES
from tests.support.devcloud import HTTP, Devcloud

STREAM = "Custom-LatchAudit"
PATH = f"/dataCollectionRules/{RULE}/streams/{STREAM}"
VERSION = "2023-01-01"
Send = Callable[..., httpx.Response]


@pytest.fixture
def send(devcloud: Devcloud) -> Send:
    """`send(records)`: one upload as the portal's identity, gzipped as the SDK does it."""
    headers = {
        "authorization": f"Bearer {devcloud.token('https://monitor.azure.com')}",
        "content-type": "application/json",
        "content-encoding": "gzip",
    }

    def post(records: Any, path: str = PATH, version: str = VERSION, **more: Any) -> httpx.Response:
        body = more.pop("body", None)
        content = gzip.compress(json.dumps(records).encode()) if body is None else body
        merged = {**headers, **more.pop("headers", {})}
        address = f"{devcloud.url}{path}" + (f"?api-version={version}" if version else "")
        return HTTP.post(address, content=content, headers=merged)

    return post


def record(**changes: Any) -> dict[str, Any]:
    """One record the stream takes, with these columns changed; None leaves one out."""
    at = "2026-11-26T08:00:00.123456Z"
    columns = {
        "TimeGenerated": at,
        "EventStartTime": at,
        "EventEndTime": at,
        "EventCount": 1,
        "EventType": "Create",
        "EventResult": "Success",
        "EventProduct": "latchportal",
        "EventVendor": "latchportal",
        "EventSchema": "AuditEvent",
        "EventSchemaVersion": "0.1.2",
        "Dvc": "demo",
        "Operation": "grant.opened",
        "Object": "SSH to prod-web-01",
        **changes,
    }
    return {name: value for name, value in columns.items() if value is not None}


def kept(devcloud: Devcloud) -> list[dict[str, Any]]:
    return [one["record"] for one in devcloud.control("GET", "logs")["records"]]


def code(answer: httpx.Response) -> tuple[int, str]:
    said = answer.json()["error"]["code"]
    assert answer.headers["x-ms-error-code"] == said
    return answer.status_code, said


def test_records_are_kept_in_the_order_they_came(send: Send, devcloud: Devcloud) -> None:
    assert send([record(EventUid="1"), record(EventUid="2")]).status_code == 204
    assert send([record(EventUid="3")]).content == b""
    assert [one["EventUid"] for one in kept(devcloud)] == ["1", "2", "3"]
    later = devcloud.control("GET", "logs?since=2")
    assert [one["record"]["EventUid"] for one in later["records"]] == ["3"]
    assert later["total"] == 3


def test_a_body_that_is_not_packed_is_taken_too(send: Send, devcloud: Devcloud) -> None:
    body = json.dumps([record()]).encode()
    assert send(None, body=body, headers={"content-encoding": ""}).status_code == 204
    assert len(kept(devcloud)) == 1


def test_the_watch_page_tells_how_many_came(send: Send, devcloud: Devcloud) -> None:
    send([record(), record()])
    assert "<strong>2</strong> audit events received" in HTTP.get(f"{devcloud.url}/").text


def test_a_reset_forgets_what_was_received(send: Send, devcloud: Devcloud) -> None:
    send([record()])
    devcloud.control("POST", "reset")
    assert devcloud.control("GET", "logs")["total"] == 0


@pytest.mark.parametrize("audience", ["https://management.azure.com", "https://graph.microsoft.com"])
def test_a_token_for_another_audience_is_refused(send: Send, devcloud: Devcloud, audience: str) -> None:
    answer = send([record()], headers={"authorization": f"Bearer {devcloud.token(audience)}"})
    assert code(answer) == (401, "InvalidAuthenticationTokenAudience")
    assert kept(devcloud) == []


@pytest.mark.parametrize("authorization", ["", "Basic eA==", "Bearer x.y.z"])
def test_a_caller_without_a_sound_token_is_refused(send: Send, authorization: str) -> None:
    assert send([record()], headers={"authorization": authorization}).status_code == 401


@pytest.mark.parametrize(
    ("where", "refusal"),
    [
        ({"path": PATH.replace(RULE, "dcr-" + "0" * 32)}, (404, "NotFound")),
        ({"path": PATH.replace(STREAM, "Custom-Other")}, (400, "InvalidStream")),
        ({"version": ""}, (400, "MissingApiVersionParameter")),
        ({"version": "2020-01-01"}, (400, "InvalidApiVersionParameter")),
    ],
)
def test_a_wrong_address_is_refused(send: Send, where: dict[str, str], refusal: tuple[int, str]) -> None:
    assert code(send([record()], **where)) == refusal


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"Operation": "x"}, "JSON array"),
        (["text"], "no object"),
        ([record(Dvc=None)], "mandatory column 'Dvc'"),
        ([record(), record(Colour="red")], "Record 1 has the column 'Colour'"),
        ([record(EventCount="1")], "'EventCount' must be of type int"),
        ([record(EventCount=True)], "'EventCount' must be of type int"),
        ([record(TimeGenerated="yesterday")], "'TimeGenerated' must be of type datetime"),
        ([record(SrcIpAddr=7)], "'SrcIpAddr' must be of type string"),
    ],
)
def test_what_does_not_fit_the_stream_is_refused_whole(
    send: Send, devcloud: Devcloud, body: Any, words: str
) -> None:
    answer = send(body)
    assert code(answer) == (400, "InvalidPayload")
    assert words in answer.json()["error"]["message"]
    assert kept(devcloud) == []


def test_text_that_is_no_json_is_refused(send: Send) -> None:
    assert code(send(None, body=gzip.compress(b"{nothing"))) == (400, "InvalidPayload")
    assert code(send(None, body=b"no gzip at all")) == (400, "InvalidContentEncoding")


def test_an_empty_body_is_500_as_the_sdks_live_tests_found(send: Send) -> None:
    answer = send(None, body=b"", headers={"content-encoding": ""})
    assert (answer.status_code, answer.content) == (500, b"")


def test_a_body_over_one_mebibyte_is_refused_packed_or_not(send: Send, devcloud: Devcloud) -> None:
    large = [record(Object="x" * 60_000) for _ in range(18)]
    answer = send(large)
    assert code(answer) == (413, "ContentLengthLimitExceeded")
    assert answer.json()["error"]["message"].startswith(
        "Maximum allowed content length: 1048576 bytes (1 MB)."
    )
    plain = send(None, body=json.dumps(large).encode(), headers={"content-encoding": ""})
    assert code(plain) == (413, "ContentLengthLimitExceeded")
    assert send(large[:17]).status_code == 204
    assert len(kept(devcloud)) == 17


def test_a_field_over_64_kilobytes_is_cut(send: Send, devcloud: Devcloud) -> None:
    assert send([record(Object="ä" * LONGEST_FIELD)]).status_code == 204
    assert len(kept(devcloud)[0]["Object"].encode()) == LONGEST_FIELD


def test_more_calls_than_a_minute_allows_are_told_when_to_come_back(send: Send, devcloud: Devcloud) -> None:
    devcloud.control("POST", "logs", {"requests_per_minute": 2})
    assert [send([record()]).status_code for _ in range(2)] == [204, 204]
    answer = send([record()])
    assert code(answer) == (429, "TooManyRequests")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_a_record_can_be_refused_for_azures_own_reasons(send: Send, devcloud: Devcloud) -> None:
    devcloud.control("POST", "logs", {"refuses": "poison"})
    assert code(send([record(), record(Object="poison")])) == (400, "InvalidPayload")
    assert kept(devcloud) == []
    assert send([record()]).status_code == 204


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [
        ("server_error", (500, "InternalServerError")),
        ("throttle", (429, "TooManyRequests")),
        ("forbidden", (403, "OperationFailed")),
    ],
)
def test_faults_that_name_logs_meet_it_in_its_own_words(
    send: Send, devcloud: Devcloud, fault: str, refusal: tuple[int, str]
) -> None:
    devcloud.fault(fault, match={"method": "LOGS"})
    assert code(send([record()])) == refusal
    assert send([record()]).status_code == 204
    assert devcloud.control("GET", "logs")["calls"][0]["fault"] == fault


def test_a_fault_that_names_no_method_is_for_arm_alone(send: Send, devcloud: Devcloud) -> None:
    devcloud.fault("server_error")
    assert send([record()]).status_code == 204


@pytest.mark.parametrize(("applied", "found"), [(True, 1), (False, 0)])
def test_a_dropped_connection_leaves_open_whether_it_was_taken(
    send: Send, devcloud: Devcloud, applied: bool, found: int
) -> None:
    devcloud.fault("drop_connection", match={"method": "LOGS"}, applied=applied)
    with pytest.raises(httpx.TransportError):
        send([record()])
    assert len(kept(devcloud)) == found


def test_every_declared_column_has_a_type_and_a_lawful_name() -> None:
    for columns in DECLARED.values():
        assert set(columns.values()) <= set(TYPES)
        assert all(len(name) <= 45 and name.isidentifier() for name in columns)
