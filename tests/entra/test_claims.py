"""What an ID token must say, claim by claim."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from latchportal.entra.claims import Expected, SignInRefused, read

TENANT = "6f0b0f5e-3f5f-4c59-9d1b-0c2a4f3c7a10"
OID = "a1f0c0de-0000-4000-8000-000000000001"
EXPECTED = Expected(
    issuer=f"https://login.microsoftonline.com/{TENANT}/v2.0", client_id="portal", tenant=TENANT, nonce="n-1"
)
SOUND: dict[str, Any] = {
    "iss": EXPECTED.issuer,
    "aud": "portal",
    "ver": "2.0",
    "nonce": "n-1",
    "tid": TENANT,
    "oid": OID,
    "name": "Ada Lindqvist",
    "preferred_username": "ada@northwind-harbour.example",
}
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
GONE = object()


def test_sound_claims_say_who_came_back() -> None:
    identity = read(
        {**SOUND, "roles": ["Latch.Admin"], "acct": 0, "sid": "s", "auth_time": 1_800_000_000}, EXPECTED
    )
    assert (identity.tid, identity.oid) == (UUID(TENANT), UUID(OID))
    assert identity.id == f"{TENANT}:{OID}"
    assert (identity.name, identity.upn) == ("Ada Lindqvist", "ada@northwind-harbour.example")
    assert (identity.roles, identity.guest, identity.sid) == (frozenset({"Latch.Admin"}), False, "s")
    assert identity.auth_time == datetime.fromtimestamp(1_800_000_000, UTC)


@pytest.mark.parametrize(("said", "expected"), [("c1", ("c1",)), (["c1", "c2"], ("c1", "c2")), (GONE, ())])
def test_authentication_contexts_are_read_as_string_and_as_array(
    said: Any, expected: tuple[str, ...]
) -> None:
    claims = SOUND if said is GONE else {**SOUND, "acrs": said}
    assert read(claims, EXPECTED).acrs == expected


@pytest.mark.parametrize(("acct", "guest"), [(GONE, None), (0, False), (1, True)])
def test_guests_are_known_where_entra_says_so(acct: Any, guest: bool | None) -> None:
    claims = SOUND if acct is GONE else {**SOUND, "acct": acct}
    assert read(claims, EXPECTED).guest is guest


def test_nobody_has_a_role_that_was_not_named() -> None:
    assert read(SOUND, EXPECTED).roles == frozenset()


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", GONE),
        ("iss", f"https://login.microsoftonline.com/{CONSUMERS}/v2.0"),
        ("iss", "https://login.microsoftonline.com/{tenantid}/v2.0"),
        ("iss", f"https://sts.windows.net/{TENANT}/"),
        ("iss", EXPECTED.issuer + "/"),
        ("aud", GONE),
        ("aud", "another app"),
        ("aud", ["portal", "another app"]),
        ("ver", GONE),
        ("ver", "1.0"),
        ("nonce", GONE),
        ("nonce", "n-2"),
        ("nonce", 1),
        ("tid", GONE),
        ("tid", CONSUMERS),
        ("tid", "common"),
        ("tid", 7),
        ("oid", GONE),
        ("oid", ""),
        ("oid", "ada@northwind-harbour.example"),
        ("oid", [OID]),
        ("acct", 2),
        ("acct", True),
        ("acct", "0"),
        ("name", ["Ada"]),
        ("roles", "Latch.Admin"),
        ("roles", [1]),
        ("roles", [""]),
        ("roles", {"Latch.Admin": True}),
        ("acrs", 1),
        ("acrs", [None]),
        ("auth_time", "yesterday"),
        ("auth_time", True),
        ("auth_time", 10**20),
    ],
)
def test_a_claim_that_does_not_hold_is_refused_by_name(claim: str, value: Any) -> None:
    claims = {name: one for name, one in SOUND.items() if name != claim}
    if value is not GONE:
        claims[claim] = value
    with pytest.raises(SignInRefused) as refused:
        read(claims, EXPECTED)
    assert refused.value.check == f"claim {claim}"
    assert refused.value.reason
    assert refused.value.way_on


def test_an_exchange_without_a_nonce_proves_nothing() -> None:
    expected = Expected(EXPECTED.issuer, "portal", TENANT, nonce="")
    with pytest.raises(SignInRefused, match="another sign-in"):
        read({**SOUND, "nonce": ""}, expected)
