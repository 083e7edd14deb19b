"""What is sealed: bytes that have one form only, commitments nobody can guess, seals that hold each other."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_app import chain, jose
from audit_app.chain import Malformed, Seal
from requests_app.codes.keys import KeySet, generate_pem

SALT = bytes(range(32))
PUBLIC: dict[str, Any] = {
    "id": 7,
    "uid": "6b1f5a0e-0000-4000-8000-000000000001",
    "at": "2026-11-26T08:00:00.000001Z",
    "written_at": "2026-11-26T08:00:00.000002Z",
    "kind": "request.submitted",
    "outcome": "success",
    "object_kind": "access_request",
    "resource_label": "prod-web-01 – Küche",
    "story": "request-1",
    "correlation_id": "c-1",
}
PERSONAL: dict[str, str | None] = {name: f"the {name}" for name in chain.PERSONAL} | {"source_address": None}
EVENT_LEAF = "0ea1ff556d92d815f0467109fbe582522509c08590ec2de4a4ab5d32ab41a474"
AT = datetime(2026, 11, 26, 8, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def leaf(**changed: Any) -> bytes:
    public = {name: changed.get(name, value) for name, value in PUBLIC.items()}
    personal = {name: changed.get(name, value) for name, value in PERSONAL.items()}
    return chain.leaf(public, chain.commitments(changed.get("salt", SALT), personal))


def seal(before: Seal | None = None, **changed: Any) -> Seal:
    said: dict[str, Any] = {
        "root": bytes(32),
        "count": 3,
        "epoch": "7/1",
        "sealed_at": AT,
        "horizon": 900,
        "partly": 0,
        "kid": "k",
    }
    return chain.follow(before, **{**said, **changed})


def test_bytes_of_an_event_are_these_for_ever() -> None:
    """Written down once: whoever changes the form must give it another name, or no old proof holds."""
    committed = chain.commitments(SALT, PERSONAL)
    said = json.loads(chain.event_bytes(PUBLIC, committed))
    assert said["format"] == "latchportal-event/1"
    assert set(said) == {"format", "personal", *chain.PUBLIC}
    assert leaf().hex() == EVENT_LEAF


def test_moments_are_told_in_utc_to_the_microsecond() -> None:
    moment = datetime(2026, 3, 1, 14, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert chain.instant(moment) == "2026-03-01T12:00:00.000005Z"
    with pytest.raises(Malformed, match="zone"):
        chain.instant(moment.replace(tzinfo=None))


@pytest.mark.parametrize("name", [*chain.PUBLIC, *chain.PERSONAL])
def test_each_field_is_held_by_the_leaf(name: str) -> None:
    assert leaf(**{name: 8 if name == "id" else "another"}) != leaf()


def test_names_of_people_are_nowhere_in_the_sealed_bytes() -> None:
    personal = {**PERSONAL, "actor_label": "Ada Lindqvist"}
    assert b"Lindqvist" not in chain.event_bytes(PUBLIC, chain.commitments(SALT, personal))


@given(TEXTS, TEXTS, st.sampled_from(chain.PERSONAL), st.sampled_from(chain.PERSONAL))
def test_two_commitments_are_equal_only_for_one_value_of_one_field(
    one: str, other: str, name: str, other_name: str
) -> None:
    same = (one, name) == (other, other_name)
    assert (chain.commit(SALT, name, one) == chain.commit(SALT, other_name, other)) is same


def test_nothing_and_an_empty_text_are_told_apart() -> None:
    assert chain.commit(SALT, "why", None) != chain.commit(SALT, "why", "")


def test_commitment_depends_on_the_salt_and_refuses_one_that_can_be_guessed() -> None:
    assert chain.commit(SALT, "why", "x") != chain.commit(SALT[::-1], "why", "x")
    with pytest.raises(Malformed, match="guessed"):
        chain.commit(b"short", "why", "x")


@pytest.mark.parametrize("wrong", [b"", bytes(31), bytes(32), bytes(32 * 9 + 1)])
def test_commitments_of_another_number_are_refused(wrong: bytes) -> None:
    with pytest.raises(Malformed):
        chain.leaf(PUBLIC, wrong)


@given(st.dictionaries(TEXTS, st.integers() | TEXTS, max_size=6))
def test_what_is_the_same_is_written_the_same(value: dict[str, Any]) -> None:
    turned = dict(reversed(value.items()))
    assert chain.canonical(value) == chain.canonical(turned)
    assert json.loads(chain.canonical(value)) == value


def test_seals_follow_each_other_without_a_gap() -> None:
    first = seal()
    second = seal(first, count=2)
    assert (first.sequence, first.first, first.last, first.previous) == (1, 1, 3, "00" * 32)
    assert (second.sequence, second.first, second.last, second.previous) == (2, 4, 5, first.hash().hex())
    assert chain.breaks(None, first) == chain.breaks(first, second) == ""


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sequence": 3}, "seal 2 is missing"),
        ({"previous": "ff" * 32}, "does not name"),
        ({"first": 5}, "begin at position 4"),
        ({"count": 9}, "begin at position 4"),
    ],
)
def test_a_seal_that_does_not_follow_is_told_why(changed: dict[str, Any], words: str) -> None:
    first = seal()
    second = seal(first)
    fields = {name: getattr(second, name) for name in Seal.__slots__} | changed
    assert words in chain.breaks(first, Seal(**fields))


@pytest.mark.parametrize("name", Seal.__slots__)
def test_every_field_of_a_seal_is_held_by_its_hash(name: str) -> None:
    first = seal()
    fields = {field: getattr(first, field) for field in Seal.__slots__}
    changed = Seal(**{**fields, name: 99 if isinstance(fields[name], int) else "another"})
    assert changed.hash() != first.hash()


def test_seal_is_read_back_from_its_bytes_and_from_no_other_form() -> None:
    data = seal().to_bytes()
    assert Seal.from_bytes(data) == seal()
    for wrong in (b"", b"{}", b"[]", data.replace(b":", b": ", 1), data.replace(b"seal/1", b"seal/2")):
        with pytest.raises(Malformed):
            Seal.from_bytes(wrong)


def test_signature_holds_for_its_bytes_its_kind_and_its_key_alone() -> None:
    ours, other = (KeySet.from_pem({"a": generate_pem()}) for _ in range(2))
    token = jose.sign(ours.signing.private, ours.signing.kid, b"a seal", jose.SEAL_TYPE)
    check = jose.checker(ours.jwks())
    assert check(token, jose.SEAL_TYPE) == b"a seal"
    head, _, signature = token.split(".")
    swapped = f"{head}.{jose.sign(ours.signing.private, 'k', b'other', 'x').split('.')[1]}.{signature}"
    for wrong, kind, words in (
        (token, jose.MANIFEST_TYPE, "no latch-manifest"),
        (swapped, jose.SEAL_TYPE, "signature is wrong"),
        ("nonsense", jose.SEAL_TYPE, "signature is wrong"),
    ):
        with pytest.raises(jose.NotSigned, match=words):
            check(wrong, kind)
    with pytest.raises(jose.NotSigned, match="not among"):
        jose.checker(other.jwks())(token, jose.SEAL_TYPE)
    with pytest.raises(jose.NotSigned, match="public keys"):
        jose.checker({"keys": "none"})
