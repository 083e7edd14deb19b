"""The pretend Key Vault: the challenge, the rights, what it tells of a key, and real signatures."""

import base64
import hashlib
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from tests.support.devcloud import HTTP, Devcloud

VAULT = "https://vault.azure.net"
DIGEST = base64.urlsafe_b64encode(hashlib.sha256(b"a code").digest()).rstrip(b"=").decode()
ORDER = {"alg": "ES256", "value": DIGEST}
Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(devcloud: Devcloud) -> Ask:
    """`ask("GET", "versions")`: one call about the key as the portal's identity."""

    def call(method: str, path: str, *, key: str = "latch-codes", version: str = "7.4", **more: Any) -> Any:
        headers = {"authorization": f"Bearer {devcloud.token(more.pop('audience', VAULT))}"}
        query = f"?api-version={version}" if version else ""
        return HTTP.request(method, f"{devcloud.url}/keys/{key}/{path}{query}", headers=headers, **more)

    return call


def newest(devcloud: Devcloud) -> dict[str, Any]:
    return dict(devcloud.control("GET", "vault")["versions"][-1])


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("innererror", {}).get("code", "")


def number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def test_without_a_token_it_says_where_to_get_one(devcloud: Devcloud, ask: Ask) -> None:
    answer = HTTP.get(f"{devcloud.url}/keys/latch-codes/versions?api-version=7.4")
    assert refusal(answer) == (401, "Unauthorized", "")
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith('Bearer authorization="http://')
    assert f'resource="{VAULT}"' in challenge
    assert ask("GET", "versions", audience="https://management.azure.com").status_code == 401


def test_what_it_signs_verifies_with_what_it_tells_of_the_key(devcloud: Devcloud, ask: Ask) -> None:
    (listed,) = ask("GET", "versions").json()["value"]
    assert listed["attributes"]["enabled"]
    assert "key" not in listed
    name = listed["kid"].rpartition("/")[2]
    told = ask("GET", name).json()["key"]
    assert (told["kid"], told["kty"], told["crv"], told.get("d")) == (listed["kid"], "EC", "P-256", None)
    signed = ask("POST", f"{name}/sign", json=ORDER).json()
    assert signed["kid"] == listed["kid"]
    raw = base64.urlsafe_b64decode(signed["value"] + "==")
    assert len(raw) == 64
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public = ec.EllipticCurvePublicNumbers(number(told["x"]), number(told["y"]), ec.SECP256R1()).public_key()
    public.verify(der, hashlib.sha256(b"a code").digest(), ec.ECDSA(utils.Prehashed(hashes.SHA256())))


def test_versions_come_in_pages(devcloud: Devcloud, ask: Ask) -> None:
    for _ in range(25):
        devcloud.control("POST", "vault", {"make": {}})
    first = ask("GET", "versions").json()
    headers = {"authorization": f"Bearer {devcloud.token(VAULT)}"}
    last = HTTP.get(first["nextLink"], headers=headers).json()
    assert (len(first["value"]), len(last["value"]), last["nextLink"]) == (25, 1, None)
    assert ask("GET", "versions", key="another").json() == {"value": [], "nextLink": None}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"version": ""}, (400, "BadParameter", "")),
        ({"version": "1.0"}, (400, "BadParameter", "")),
        ({"key": "another"}, (404, "KeyNotFound", "")),
        ({"json": {**ORDER, "alg": "RS256"}}, (400, "BadParameter", "")),
        ({"json": {**ORDER, "value": "c2hvcnQ"}}, (400, "BadParameter", "")),
        ({"json": {**ORDER, "value": "a+b/"}}, (400, "BadParameter", "")),
        ({"json": {"alg": "ES256"}}, (400, "BadParameter", "")),
        ({"json": []}, (400, "BadParameter", "")),
    ],
)
def test_it_refuses_what_is_not_right(
    devcloud: Devcloud, ask: Ask, how: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    name = newest(devcloud)["name"]
    assert refusal(ask("POST", f"{name}/sign", **{"json": ORDER, **how})) == expected


@pytest.mark.parametrize(
    ("change", "inner"),
    [
        ({"enabled": False}, "KeyDisabled"),
        ({"not_before": int(time.time()) + 86_400}, "KeyNotYetValid"),
        ({"expires": int(time.time()) - 1}, "KeyExpired"),
    ],
)
def test_a_version_out_of_its_time_does_not_sign(
    devcloud: Devcloud, ask: Ask, change: dict[str, Any], inner: str
) -> None:
    devcloud.control("POST", "vault", {"change": change})
    name = newest(devcloud)["name"]
    assert refusal(ask("POST", f"{name}/sign", json=ORDER)) == (403, "Forbidden", inner)
    assert ask("GET", name).status_code == (403 if inner == "KeyDisabled" else 200)


def test_each_act_needs_its_right_and_faults_speak_its_words(devcloud: Devcloud, ask: Ask) -> None:
    name = newest(devcloud)["name"]
    devcloud.control("POST", "vault", {"rights": ["get", "list"]})
    refused = (403, "Forbidden", "ForbiddenByRbac")
    assert refusal(ask("POST", f"{name}/sign", json=ORDER)) == refused
    assert ask("GET", name).status_code == 200
    devcloud.control("POST", "vault", {"rights": ["sign"]})
    assert refusal(ask("GET", "versions")) == refusal(ask("GET", name)) == refused
    devcloud.fault("throttle", seconds=2, match={"method": "VAULT_SIGN", "nsg": "latch-*"})
    answer = ask("POST", f"{name}/sign", json=ORDER)
    assert (refusal(answer), answer.headers["retry-after"]) == ((429, "Throttled", ""), "2")
    devcloud.fault("server_error", unavailable=True, match={"method": "VAULT_SIGN"})
    answer = ask("POST", f"{name}/sign", json=ORDER)
    assert (refusal(answer), answer.headers["retry-after"]) == ((503, "ServiceUnavailable", ""), "1")
    assert ask("POST", f"{name}/sign", json=ORDER).status_code == 200


@pytest.mark.parametrize("curve", ["P-384", "RSA"])
def test_a_key_of_another_kind_signs_no_es256(devcloud: Devcloud, ask: Ask, curve: str) -> None:
    devcloud.control("POST", "vault", {"make": {"curve": curve}})
    name = newest(devcloud)["name"]
    assert ask("GET", name).json()["key"]["kty"] == ("RSA" if curve == "RSA" else "EC")
    assert refusal(ask("POST", f"{name}/sign", json=ORDER)) == (400, "BadParameter", "")
