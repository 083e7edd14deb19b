"""The pretend Blob service: what it takes, what it keeps, and what it refuses in whose words."""

import base64
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from latchportal.devcloud.blob_store import ACCOUNT
from tests.support.devcloud import HTTP, Devcloud

APPEND = {"x-ms-blob-type": "AppendBlob"}
NEW = {"if-none-match": "*"}
Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(devcloud: Devcloud) -> Ask:
    """`ask("PUT", "heads/trail", comp=…, content=…, **headers)`: one call as the portal's identity."""
    token = devcloud.token("https://storage.azure.com")

    def call(method: str, path: str, content: bytes = b"", comp: str = "", **more: Any) -> httpx.Response:
        query = {**({"comp": comp} if comp else {}), **more.pop("query", {})}
        headers = {
            "authorization": f"Bearer {token}",
            "x-ms-version": "2023-11-03",
            **more.pop("headers", {}),
        }
        sent = {name: value for name, value in headers.items() if value is not None}
        return HTTP.request(
            method, f"{devcloud.url}/{ACCOUNT}/{path}", params=query, headers=sent, content=content
        )

    return call


def refusal(answer: httpx.Response) -> tuple[int, str]:
    code = answer.headers["x-ms-error-code"]
    assert re.search(r"<Code>(\w+)</Code>", answer.text)[1] == code  # type: ignore[index]
    return answer.status_code, code


def block_id(number: int) -> str:
    return base64.b64encode(f"{number:06d}".encode()).decode()


def block_list(*ids: str) -> bytes:
    return f"<BlockList>{''.join(f'<Latest>{one}</Latest>' for one in ids)}</BlockList>".encode()


def test_an_append_blob_grows_by_blocks(ask: Ask, devcloud: Devcloud) -> None:
    assert refusal(ask("PUT", "heads/trail", b"one\n", "appendblock")) == (404, "BlobNotFound")
    assert ask("PUT", "heads/trail", headers=APPEND).status_code == 201
    first = ask("PUT", "heads/trail", b"one\n", "appendblock")
    second = ask("PUT", "heads/trail", b"two\n", "appendblock")
    assert (first.status_code, second.status_code) == (201, 201)
    assert (second.headers["x-ms-blob-append-offset"], first.headers["etag"]) != ("0", second.headers["etag"])
    assert second.headers["x-ms-blob-committed-block-count"] == "2"
    assert devcloud.blob("heads/trail") == b"one\ntwo\n"
    told = ask("HEAD", "heads/trail").headers
    assert (told["x-ms-blob-type"], told["content-length"]) == ("AppendBlob", "8")
    assert ask("GET", "heads/trail", headers={"x-ms-range": "bytes=4-100"}).text == "two\n"


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ({"x-ms-blob-condition-appendpos": "3"}, "AppendPositionConditionNotMet"),
        ({"x-ms-blob-condition-maxsize": "7"}, "MaxBlobSizeConditionNotMet"),
        ({"if-match": '"0x1"'}, "ConditionNotMet"),
    ],
)
def test_an_append_whose_condition_is_not_met_adds_nothing(
    ask: Ask, devcloud: Devcloud, condition: dict[str, str], code: str
) -> None:
    ask("PUT", "heads/trail", headers=APPEND)
    ask("PUT", "heads/trail", b"one\n", "appendblock", headers={"x-ms-blob-condition-appendpos": "0"})
    assert refusal(ask("PUT", "heads/trail", b"two\n", "appendblock", headers=condition)) == (412, code)
    assert devcloud.blob("heads/trail") == b"one\n"


def test_a_block_too_many_and_one_too_large_are_refused(ask: Ask, devcloud: Devcloud) -> None:
    devcloud.control("POST", "blobs", {"limits": {"blocks": 1, "append_block": 5}})
    ask("PUT", "heads/trail", headers=APPEND)
    too_large = ask("PUT", "heads/trail", b"123456", "appendblock")
    assert refusal(too_large) == (413, "RequestBodyTooLarge")
    ask("PUT", "heads/trail", b"12345", "appendblock")
    assert refusal(ask("PUT", "heads/trail", b"6", "appendblock")) == (409, "BlockCountExceedsLimit")


def test_what_is_there_is_written_over_unless_that_is_forbidden(ask: Ask, devcloud: Devcloud) -> None:
    whole = {"x-ms-blob-type": "BlockBlob"}
    assert ask("PUT", "exports/a", b"1", headers={**whole, **NEW}).status_code == 201
    assert refusal(ask("PUT", "exports/a", b"2", headers={**whole, **NEW})) == (409, "BlobAlreadyExists")
    assert devcloud.blob("exports/a") == b"1"
    assert ask("PUT", "exports/a", b"2", headers=whole).status_code == 201
    assert devcloud.blob("exports/a") == b"2"
    assert refusal(ask("PUT", "exports/a", b"3", "appendblock")) == (409, "InvalidBlobType")


def test_blocks_are_seen_when_a_list_names_them_and_not_before(ask: Ask, devcloud: Devcloud) -> None:
    for number in range(3):
        query = {"blockid": block_id(number)}
        assert ask("PUT", "exports/a", b"%d" % number, "block", query=query).status_code == 201
    assert refusal(ask("GET", "exports/a")) == (404, "BlobNotFound")
    listed = block_list(block_id(2), block_id(0))
    assert refusal(ask("PUT", "exports/a", block_list(block_id(7)), "blocklist")) == (400, "InvalidBlockList")
    marked = {**NEW, "x-ms-meta-mark": "m", "x-ms-blob-content-type": "text/csv"}
    assert ask("PUT", "exports/a", listed, "blocklist", headers=marked).status_code == 201
    told = ask("GET", "exports/a")
    assert (told.text, told.headers["x-ms-meta-mark"]) == ("20", "m")
    assert told.headers["content-type"].startswith("text/csv")
    assert refusal(ask("PUT", "exports/a", block_list(), "blocklist", headers=NEW)) == (
        409,
        "BlobAlreadyExists",
    )
    assert devcloud.control("GET", "blobs")["waiting"] == {}


def test_ids_of_blocks_are_base64_and_of_one_length(ask: Ask) -> None:
    assert refusal(ask("PUT", "exports/a", b"1", "block", query={"blockid": "?"})) == (
        400,
        "InvalidQueryParameterValue",
    )
    ask("PUT", "exports/a", b"1", "block", query={"blockid": block_id(1)})
    other = base64.b64encode(b"1").decode()
    assert refusal(ask("PUT", "exports/a", b"1", "block", query={"blockid": other})) == (
        400,
        "InvalidBlobOrBlock",
    )
    assert refusal(ask("PUT", "exports/a", b"<no", "blocklist")) == (400, "InvalidXmlDocument")


@pytest.mark.parametrize(
    ("authorization", "code", "detail"),
    [
        (None, "NoAuthenticationInformation", ""),
        ("Bearer x.y.z", "InvalidAuthenticationInfo", "Signature validation failed"),
    ],
)
def test_a_caller_without_a_sound_token_is_told_where_to_get_one(
    ask: Ask, authorization: str | None, code: str, detail: str
) -> None:
    answer = ask("GET", "heads/trail", headers={"authorization": authorization})
    assert refusal(answer) == (401, code)
    assert detail in answer.text
    assert answer.headers["www-authenticate"].endswith("resource_id=https://storage.azure.com")


@pytest.mark.parametrize("audience", ["https://management.azure.com", "https://monitor.azure.com"])
def test_a_token_for_another_audience_is_refused(ask: Ask, devcloud: Devcloud, audience: str) -> None:
    answer = ask("GET", "heads/trail", headers={"authorization": f"Bearer {devcloud.token(audience)}"})
    assert refusal(answer) == (401, "InvalidAuthenticationInfo")
    assert "Audience did not match" in answer.text


def test_versions_containers_verbs_and_types_are_checked(ask: Ask) -> None:
    assert refusal(ask("GET", "heads/a", headers={"x-ms-version": None})) == (400, "MissingRequiredHeader")
    assert refusal(ask("GET", "heads/a", headers={"x-ms-version": "2012-01-01"})) == (
        400,
        "InvalidHeaderValue",
    )
    assert refusal(ask("PUT", "other/a", headers=APPEND)) == (404, "ContainerNotFound")
    assert refusal(ask("DELETE", "heads/a")) == (405, "UnsupportedHttpVerb")
    assert refusal(ask("PUT", "heads/a")) == (400, "MissingRequiredHeader")
    assert refusal(ask("PUT", "heads/a", b"x", headers=APPEND)) == (400, "InvalidHeaderValue")
    wrong = {"content-md5": base64.b64encode(bytes(16)).decode()}
    assert refusal(ask("PUT", "heads/a", b"x", "appendblock", headers=wrong)) == (400, "Md5Mismatch")


def test_without_the_role_nothing_is_done(ask: Ask, devcloud: Devcloud) -> None:
    devcloud.control("POST", "blobs", {"role": False})
    assert refusal(ask("PUT", "heads/a", headers=APPEND)) == (403, "AuthorizationPermissionMismatch")
    assert devcloud.blobs() == {}
    assert ask("HEAD", "heads/a").headers["x-ms-error-code"] == "AuthorizationPermissionMismatch"


def test_an_immutable_container_takes_what_is_new_and_appends_where_the_policy_says_so(
    ask: Ask, devcloud: Devcloud
) -> None:
    devcloud.control("POST", "blobs", {"immutable": {"heads": "policy"}})
    assert ask("PUT", "heads/a", headers=APPEND).status_code == 201
    assert refusal(ask("PUT", "heads/a", b"1", "appendblock")) == (409, "BlobImmutableDueToPolicy")
    assert refusal(ask("PUT", "heads/a", headers=APPEND)) == (409, "BlobImmutableDueToPolicy")
    devcloud.control("POST", "blobs", {"immutable": {"heads": "policy with protected append writes"}})
    assert ask("PUT", "heads/a", b"1", "appendblock").status_code == 201


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("server_error", (500, "InternalError")),
        ("throttle", (503, "ServerBusy")),
        ("forbidden", (403, "AuthorizationPermissionMismatch")),
        ("token_revoked", (401, "InvalidAuthenticationInfo")),
    ],
)
def test_faults_that_name_an_operation_meet_it_in_its_own_words(
    ask: Ask, devcloud: Devcloud, fault: str, answer: tuple[int, str]
) -> None:
    devcloud.fault(fault, match={"method": "BLOB_APPEND", "nsg": "heads", "rule": "tr*"})
    ask("PUT", "heads/trail", headers=APPEND)
    assert refusal(ask("PUT", "heads/trail", b"1", "appendblock")) == answer
    assert ask("PUT", "heads/trail", b"1", "appendblock").status_code == 201
    assert devcloud.control("GET", "blobs")["calls"][1]["fault"] == fault


@pytest.mark.parametrize(("applied", "found"), [(True, b"1"), (False, b"")])
def test_a_dropped_connection_leaves_open_whether_it_was_appended(
    ask: Ask, devcloud: Devcloud, applied: bool, found: bytes
) -> None:
    ask("PUT", "heads/trail", headers=APPEND)
    devcloud.fault("drop_connection", match={"method": "BLOB_APPEND"}, applied=applied)
    with pytest.raises(httpx.TransportError):
        ask("PUT", "heads/trail", b"1", "appendblock")
    assert devcloud.blob("heads/trail") == found


def test_a_reset_forgets_every_blob(ask: Ask, devcloud: Devcloud) -> None:
    ask("PUT", "heads/trail", headers=APPEND)
    devcloud.control("POST", "reset")
    assert devcloud.blobs() == {}
    assert devcloud.control("GET", "blobs")["role"] is True
