"""The verifier in the docs, as a process of its own against a site that answers: what it lets in, and what it does not."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from requests_app import keyring
from requests_app.actions import activate, codes, status_lists
from requests_app.codes.keys import KeySet, generate_pem
from requests_app.models import LatchCode
from tests.support.azure import approved
from tests.support.environment import ROOT
from tests.support.verifiers import Asking

SCRIPT = ROOT / "docs" / "examples" / "verify_latch_code.py"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def portal(live_server: Any, settings: Any) -> str:
    """A site that answers at the address its codes name."""
    status_lists.forget()
    settings.BASE_URL = settings.LATCH_CODE_AUDIENCE = live_server.url
    return str(live_server.url)


@pytest.fixture
def code(portal: str, people: Any, policy: Any) -> str:
    return codes.get_code(by=people["requester"], access_request_id=approved(people).pk)


class Host:
    """A jump host: its cache, and the portal it knows."""

    def __init__(self, portal: str, cache: Path) -> None:
        self.words = [sys.executable, str(SCRIPT), portal, str(cache)]

    def asks(self, code: str, *more: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*self.words, *more],
            input=code,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env=environment or None,
        )


@pytest.fixture
def host(portal: str, tmp_path: Path) -> Host:
    return Host(portal, tmp_path / "cache")


def forged(code: str, keys: KeySet | None = None, **claims: Any) -> str:
    """This code saying something else, signed with our key or another."""
    key = (keys or keyring.keys()).signing
    payload = jwt.decode(code, options={"verify_signature": False}) | claims
    headers = {"typ": "latch+jwt", "kid": keyring.keys().signing.kid}
    return jwt.encode(payload, key.private, algorithm="ES256", headers=headers)


def test_it_has_sixty_lines_at_most() -> None:
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) <= 60


def test_it_lets_a_good_code_in_and_says_what_it_is_for(host: Host, code: str, people: Any) -> None:
    done = host.asks(code)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["sub"] == people["requester"].identity
    assert said["grants"][0]["resource"] == "prod-web-01"


def _expired(code: str) -> str:
    return forged(code, exp=int(time.time()) - 10)


def _not_yet(code: str) -> str:
    return forged(code, nbf=int(time.time()) + 60)


def _another_key(code: str) -> str:
    return forged(code, KeySet.from_pem({"x": generate_pem()}))


def _altered(code: str) -> str:
    head, body, signature = code.split(".")
    return ".".join((head, body[:-4] + "AAAA", signature))


def _elsewhere(code: str) -> str:
    return forged(code, aud="https://elsewhere.example")


def _another_issuer(code: str) -> str:
    return forged(code, iss="https://elsewhere.example")


def _no_status(code: str) -> str:
    return forged(code, status={})


def _place_beyond_the_list(code: str) -> str:
    uri = jwt.decode(code, options={"verify_signature": False})["status"]["status_list"]["uri"]
    return forged(code, status={"status_list": {"idx": 10**9, "uri": uri}})


def _seal(code: str) -> str:
    from audit_app import jose

    key = keyring.keys().signing
    return jose.sign(key.private, key.kid, b"{}", jose.SEAL_TYPE)


BAD = [_expired, _not_yet, _another_key, _altered, _elsewhere, _another_issuer, _no_status]
BAD += [_place_beyond_the_list, _seal, lambda _: "", lambda _: "a.b.c"]


def test_it_refuses_every_other(host: Host, code: str) -> None:
    for make in BAD:
        done = host.asks(make(code))
        assert done.returncode == 1, f"{make.__name__}: {done.stdout}{done.stderr}"
        assert done.stderr.startswith("refused: ")
        assert not done.stdout


def test_another_audience_can_be_meant(host: Host, code: str, portal: str) -> None:
    elsewhere = _elsewhere(code)
    assert host.asks(elsewhere, "https://elsewhere.example").returncode == 0
    assert host.asks(code, "https://elsewhere.example").returncode == 1


def test_a_revoked_code_is_refused_within_five_seconds(host: Host, code: str, people: Any) -> None:
    siem = Asking(people["administrator"])
    assert host.asks(code).returncode == 0
    assert siem.revoke(code).status_code == 200
    revoked = time.monotonic()
    while host.asks(code).returncode == 0:
        assert time.monotonic() - revoked < 5
        time.sleep(0.2)
    assert time.monotonic() - revoked < 5


def test_a_used_code_is_good_while_its_grant_is_alive(host: Host, code: str, people: Any) -> None:
    activate.activate_with_code(by=people["requester"], text=code, from_elsewhere=True)
    assert LatchCode.objects.get().spent_at
    assert host.asks(code).returncode == 0


def test_with_the_portal_away_it_goes_by_what_it_has_until_the_list_is_over(
    host: Host, code: str, tmp_path: Path, portal: str
) -> None:
    away = {"http_proxy": "http://127.0.0.1:1", "no_proxy": ""}
    assert Host(portal, tmp_path / "empty").asks(code, **away).returncode == 2
    assert host.asks(code).returncode == 0
    assert host.asks(code, **away).returncode == 0
    _grow_old(tmp_path / "cache")
    done = host.asks(code, **away)
    assert done.returncode == 1
    assert "ExpiredSignatureError" in done.stderr


def _grow_old(cache: Path) -> None:
    """The list that is kept was signed a minute and more ago."""
    for kept in cache.iterdir():
        text = kept.read_text()
        if text.count(".") == 2:
            key = keyring.keys().signing
            said = jwt.decode(text, options={"verify_signature": False})
            said["exp"] -= 120
            headers = {"typ": "statuslist+jwt", "kid": key.kid}
            kept.write_text(jwt.encode(said, key.private, algorithm="ES256", headers=headers))
