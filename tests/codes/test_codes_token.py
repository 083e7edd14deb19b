"""A latch code is trusted only when all of it is ours; each way it may not be is a row."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from requests_app.codes.keys import KeySet, generate_pem
from requests_app.codes.token import Claims, CodeRefused, GrantClaim, digest, sign, verify
from requests_app.errors import Invalid

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ISSUER, AUDIENCE = "https://latch.northwind-harbour.example", "latchportal"
TENANT = "6f0b0f5e-3f5f-4c59-9d1b-0c2a4f3c7a10"
KEYS = KeySet.from_pem({"a": generate_pem(), "b": generate_pem()})
STRANGER = KeySet.from_pem({"a": generate_pem()})
GRANT = GrantClaim("g-1", "prod-web-01-ssh", "prod-web-01", "81.2.69.142", ("22", "8000-8010"), "Tcp", 1800)
CLAIMS = Claims(
    iss=ISSUER,
    aud=AUDIENCE,
    sub=f"{TENANT}:a1f0c0de-0000-4000-8000-000000000001",
    tid=TENANT,
    jti="code-1",
    iat=NOW,
    nbf=NOW,
    exp=NOW + timedelta(hours=1),
    request="r-1",
    grants=(GRANT,),
    policy="ab" * 32,
)


def check(token: str, *, keys: KeySet = KEYS, now: datetime = NOW, leeway: int = 0) -> Claims:
    return verify(keys, token, issuer=ISSUER, audience=AUDIENCE, now=now, leeway=leeway)


def forged(payload: Any = None, *, algorithm: str | None = "ES256", key: Any = None, **header: Any) -> str:
    """A token signed by us but made by hand, with anything in its payload and header."""
    headers = {"typ": "latch+jwt", "kid": KEYS.signing.kid, **header}
    body = CLAIMS.to_payload() if payload is None else payload
    return jwt.encode(body, key or KEYS.signing.private, algorithm=algorithm, headers=headers)


def raw(header: bytes, payload: bytes = b"{}", signature: bytes = b"x") -> str:
    return ".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, payload, signature)
    )


def unsigned() -> str:
    header = json.dumps({"alg": "none", "typ": "latch+jwt", "kid": KEYS.signing.kid}).encode()
    return raw(header, json.dumps(CLAIMS.to_payload()).encode(), b"")


def signed_with_the_public_key() -> str:
    """The classic confusion: the published key used as an HMAC secret."""
    public = KEYS.signing.private.public_key()
    secret = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    header = json.dumps({"alg": "HS256", "typ": "latch+jwt", "kid": KEYS.signing.kid}).encode()
    said = raw(header, json.dumps(CLAIMS.to_payload()).encode(), b"").rstrip(".")
    mac = hmac.new(secret, said.encode(), hashlib.sha256).digest()
    return said + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in CLAIMS.to_payload().items() if key != name}


def swapped_payload() -> str:
    header, _payload, signature = sign(KEYS, CLAIMS).split(".")
    longer = replace(CLAIMS, grants=(replace(GRANT, duration=99999),))
    return ".".join((header, sign(KEYS, longer).split(".")[1], signature))


def test_what_is_signed_is_what_is_read() -> None:
    assert check(sign(KEYS, CLAIMS)) == CLAIMS
    assert check(f"  {sign(KEYS, CLAIMS)}\n") == CLAIMS


def test_a_code_names_its_key_and_its_type() -> None:
    header = jwt.get_unverified_header(sign(KEYS, CLAIMS))
    assert header == {"alg": "ES256", "typ": "latch+jwt", "kid": KEYS.signing.kid}


def test_a_code_of_an_older_key_is_still_trusted_while_that_is_kept() -> None:
    older, newer = generate_pem(), generate_pem()
    token = sign(KeySet.from_pem({"1": older}), CLAIMS)
    assert check(token, keys=KeySet.from_pem({"1": older, "2": newer})) == CLAIMS
    with pytest.raises(CodeRefused) as refused:
        check(token, keys=KeySet.from_pem({"2": newer}))
    assert refused.value.check == "code_key"


REFUSED = [
    ("", "code_format"),
    ("not a code", "code_format"),
    ("a.b.c", "code_format"),
    ("é.é.é", "code_format"),
    ("\ud800", "code_format"),
    (raw(b"[]"), "code_format"),
    (raw(b"{"), "code_format"),
    (raw(b"[" * 1400 + b"]" * 1400), "code_format"),
    ("." * 4096, "code_format"),
    ("a" * 4097, "code_size"),
    (sign(KEYS, CLAIMS) + "." * 4096, "code_size"),
    (unsigned(), "code_algorithm"),
    (signed_with_the_public_key(), "code_algorithm"),
    (raw(b'{"typ":"latch+jwt"}'), "code_algorithm"),
    (forged(typ="JWT"), "code_type"),
    (forged(typ=None), "code_type"),
    (forged(jku="https://evil.example/jwks.json"), "code_header"),
    (forged(jwk={"kty": "EC"}), "code_header"),
    (forged(crit=["exp"]), "code_format"),
    (forged(kid="unknown"), "code_key"),
    (forged(kid="../../dev/null"), "code_key"),
    (sign(STRANGER, CLAIMS), "code_key"),
    (forged(key=STRANGER.signing.private), "code_signature"),
    (swapped_payload(), "code_signature"),
    (sign(KEYS, CLAIMS)[:-8] + "AAAAAAAA", "code_signature"),
    (sign(KEYS, replace(CLAIMS, iss="https://other.example")), "code_issuer"),
    (sign(KEYS, replace(CLAIMS, aud="other")), "code_audience"),
    (forged({**CLAIMS.to_payload(), "aud": [AUDIENCE, "other"]}), "code_claims"),
    (sign(KEYS, replace(CLAIMS, sub="someone")), "code_claims"),
    (sign(KEYS, replace(CLAIMS, sub=f"{TENANT}:")), "code_claims"),
    (sign(KEYS, replace(CLAIMS, tid="another")), "code_claims"),
    *((forged(without(name)), "code_claims") for name in CLAIMS.to_payload()),
    (forged({**CLAIMS.to_payload(), "exp": "tomorrow"}), "code_claims"),
    (forged({**CLAIMS.to_payload(), "exp": 10**17}), "code_claims"),
    (forged({**CLAIMS.to_payload(), "exp": True}), "code_claims"),
    (forged({**CLAIMS.to_payload(), "grants": []}), "code_claims"),
    (forged({**CLAIMS.to_payload(), "grants": ["g"]}), "code_claims"),
    (forged({**CLAIMS.to_payload(), "grants": [{**GRANT.to_dict(), "ports": "22"}]}), "code_claims"),
    (forged({**CLAIMS.to_payload(), "grants": [{**GRANT.to_dict(), "duration": -1}]}), "code_claims"),
    (forged({**CLAIMS.to_payload(), "grants": [{**GRANT.to_dict(), "source": ""}]}), "code_claims"),
]


@pytest.mark.parametrize(
    ("token", "name"), REFUSED, ids=[f"{n}-{name}" for n, (_, name) in enumerate(REFUSED)]
)
def test_every_other_token_is_refused_by_the_check_that_says_why(token: str, name: str) -> None:
    with pytest.raises(CodeRefused) as refused:
        check(token)
    assert refused.value.check == name
    assert refused.value.reason
    assert refused.value.way_on
    assert refused.value.status == 403


SECOND = timedelta(seconds=1)
END = CLAIMS.exp


@pytest.mark.parametrize(
    ("now", "leeway", "name"),
    [
        (NOW, 0, None),
        (NOW - SECOND, 0, "code_not_yet"),
        (NOW - SECOND, 1, None),
        (END - SECOND, 0, None),
        (END - timedelta(microseconds=1), 0, None),
        (END, 0, "code_expired"),
        (END, 1, None),
        (END + SECOND, 1, "code_expired"),
        (END + timedelta(days=365), 0, "code_expired"),
    ],
)
def test_time_is_the_one_handed_in(now: datetime, leeway: int, name: str | None) -> None:
    token = sign(KEYS, CLAIMS)
    if name is None:
        assert check(token, now=now, leeway=leeway) == CLAIMS
        return
    with pytest.raises(CodeRefused) as refused:
        check(token, now=now, leeway=leeway)
    assert refused.value.check == name


def test_a_code_from_the_future_is_not_trusted_even_when_it_claims_to_be_valid() -> None:
    with pytest.raises(CodeRefused) as refused:
        check(sign(KEYS, replace(CLAIMS, iat=NOW + timedelta(minutes=5))))
    assert refused.value.check == "code_not_yet"


def test_times_are_cut_to_whole_seconds_so_that_claims_compare() -> None:
    fine = replace(CLAIMS, exp=END + timedelta(microseconds=999_999))
    assert fine == CLAIMS
    assert check(sign(KEYS, fine)) == fine


def test_more_grants_than_fit_are_refused_when_signing() -> None:
    with pytest.raises(Invalid, match="do not fit"):
        sign(KEYS, replace(CLAIMS, grants=(GRANT,) * 40))


def test_what_is_kept_of_a_code_is_its_sha256() -> None:
    token = sign(KEYS, CLAIMS)
    assert digest(token) == hashlib.sha256(token.encode()).hexdigest() == digest(f" {token}\n")


@given(st.text(max_size=80) | st.binary(max_size=60).map(lambda data: raw(data, data, data)))
def test_no_text_at_all_ends_in_anything_but_a_refusal(token: str) -> None:
    with pytest.raises(CodeRefused):
        check(token)
