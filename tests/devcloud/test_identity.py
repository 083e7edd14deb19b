"""The managed-identity endpoint, asked by the real azure-identity."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ManagedIdentityCredential

from latchportal.devcloud import identity, tokens, world
from tests.devcloud.services import WORLD_FILE, browser, services, serving


@pytest.fixture
def of() -> world.World:
    return world.load(WORLD_FILE)


def test_real_credential_gets_a_token_that_arm_accepts(
    of: world.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(services(of)) as base:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{base}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", identity.HEADER)
        with ManagedIdentityCredential(client_id=of.principals[0].client_id) as credential:
            arm = credential.get_token("https://management.azure.com/.default")
            graph = credential.get_token("https://graph.microsoft.com/.default")
    assert tokens.principal_of(f"Bearer {arm.token}", tokens.ARM) == of.principals[0].object_id
    assert arm.expires_on > tokens.now_s() + 3000
    claims = jwt.decode(graph.token, options={"verify_signature": False})
    assert claims["aud"] == "https://graph.microsoft.com"
    assert claims["appid"] == of.principals[0].client_id
    with pytest.raises(tokens.Unauthorized, match="not meant for"):
        tokens.principal_of(f"Bearer {graph.token}", tokens.ARM)


def test_real_credential_fails_with_an_unknown_client_id(
    of: world.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(services(of)) as base:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{base}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", identity.HEADER)
        credential = ManagedIdentityCredential(client_id="11111111-2222-4333-8444-555555555555")
        with credential, pytest.raises(ClientAuthenticationError):
            credential.get_token("https://management.azure.com/.default")


@pytest.mark.parametrize(
    ("query", "header", "status"),
    [
        ("resource=https://management.azure.com&api-version=2019-08-01", "wrong", 401),
        ("resource=https://management.azure.com&api-version=2019-08-01", "", 401),
        ("resource=https://evil.example&api-version=2019-08-01", identity.HEADER, 400),
        ("resource=https://management.azure.com", identity.HEADER, 400),
    ],
)
def test_wrong_question_is_refused(of: world.World, query: str, header: str, status: int) -> None:
    answer = browser(of).get(f"/msi/token?{query}", headers={"X-IDENTITY-HEADER": header})
    assert answer.status_code == status
    assert answer.json()["statusCode"] == status


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x.y.z", "Basic abc"])
def test_header_without_a_good_token_has_no_principal(header: str | None) -> None:
    with pytest.raises(tokens.Unauthorized) as caught:
        tokens.principal_of(header, tokens.ARM)
    assert caught.value.code in ("AuthenticationFailed", "InvalidAuthenticationToken")


def test_first_callers_at_the_same_moment_get_tokens_of_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_made", "_public_jwk"):  # as at the start; other tests' tokens keep their key
        monkeypatch.setattr(tokens, name, cache(getattr(tokens, name).__wrapped__))
    together = Barrier(6)

    def sign(number: int) -> str:
        together.wait(10)
        return tokens.sign({"aud": tokens.ARM, "oid": str(number), "exp": tokens.now_s() + 60})

    with ThreadPoolExecutor(6) as pool:
        signed = list(pool.map(sign, range(6)))
    assert [tokens.principal_of(f"Bearer {one}", tokens.ARM) for one in signed] == list("012345")


def test_expired_token_has_no_principal() -> None:
    now = tokens.now_s()
    old = tokens.sign({"aud": tokens.ARM, "oid": "x", "iat": now - 7200, "exp": now - 3600})
    with pytest.raises(tokens.Unauthorized) as caught:
        tokens.principal_of(f"Bearer {old}", tokens.ARM)
    assert caught.value.code == "ExpiredAuthenticationToken"


def test_unsigned_token_has_no_principal() -> None:
    forged = jwt.encode({"aud": tokens.ARM, "oid": "x", "exp": tokens.now_s() + 60}, "", algorithm="none")
    with pytest.raises(tokens.Unauthorized):
        tokens.principal_of(f"Bearer {forged}", tokens.ARM)
