"""The walk by itself, without a database: a sound chain has no finding, and any change of any place has one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from audit_app import chain, jose, merkle
from audit_app.chain import Evidence, Seal
from audit_app.walk import Finding, Place, Walk, stroll
from requests_app.codes.keys import KeySet, generate_pem

KEYS = KeySet.from_pem({"a": generate_pem()})
CHECK = jose.checker(KEYS.jwks())
START = datetime(2026, 11, 26, 8, tzinfo=UTC)
Part = Place | tuple[Seal, str]


def place(position: int, *, back: timedelta = timedelta(0)) -> Place:
    moment = chain.instant(START + timedelta(minutes=position) - back)
    public: dict[str, str | int] = dict.fromkeys(chain.PUBLIC, "x")
    public |= {"id": position, "uid": f"uid-{position}", "at": moment, "written_at": moment}
    personal: dict[str, str | None] = {name: f"{name} {position}" for name in chain.PERSONAL}
    salt = position.to_bytes(32, "big")
    committed = chain.commitments(salt, personal)
    leaf = chain.leaf(public, committed)
    return Place(
        position, f"uid-{position}", leaf, committed, moment, moment, Evidence(public, personal, salt)
    )


def chained(sizes: list[int], late: int = 0) -> list[Part]:
    """A chain of seals of these sizes; the event at position `late` says it was written an hour before it was."""
    parts: list[Part] = []
    before: Seal | None = None
    for size in sizes:
        first = before.last + 1 if before else 1
        there = [
            place(position, back=timedelta(hours=position == late)) for position in range(first, first + size)
        ]
        before = chain.follow(
            before,
            root=merkle.root([one.leaf for one in there]),
            count=size,
            epoch="1/1",
            sealed_at=START + timedelta(minutes=first + size - 1, seconds=1),
            horizon=first,
            partly=0,
            kid=KEYS.signing.kid,
        )
        token = jose.sign(KEYS.signing.private, before.kid, before.to_bytes(), jose.SEAL_TYPE)
        parts += [*there, (before, token)]
    return parts


def found(parts: list[Part], *, whole: bool = True) -> list[Finding]:
    return stroll(Walk(CHECK, whole=whole), parts)


SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=6)


@settings(max_examples=30)
@given(SIZES)
def test_a_chain_nobody_touched_has_no_finding(sizes: list[int]) -> None:
    assert found(chained(sizes)) == []


@settings(max_examples=60)
@given(SIZES, st.data())
def test_any_one_part_left_out_doubled_or_moved_is_found(sizes: list[int], draw: st.DataObject) -> None:
    parts = chained(sizes)
    index = draw.draw(st.integers(0, len(parts) - 1))
    to = draw.draw(st.integers(0, len(parts) - 1).filter(lambda other: other != index))
    without = [*parts[:index], *parts[index + 1 :]]
    moved = [*without[:to], parts[index], *without[to:]]
    doubled = [*parts[:to], parts[index], *parts[to:]]
    assert found(without), "a part that was left out was not missed"
    assert found(moved), "a moved part was not found"
    assert found(doubled), "a doubled part was not found"


@settings(max_examples=60)
@given(SIZES, st.data())
def test_any_one_value_changed_is_named_with_its_position(sizes: list[int], draw: st.DataObject) -> None:
    parts = chained(sizes)
    places = [number for number, part in enumerate(parts) if isinstance(part, Place)]
    index = draw.draw(st.sampled_from(places))
    name = draw.draw(st.sampled_from([*chain.PUBLIC, *chain.PERSONAL]))
    one = parts[index]
    assert isinstance(one, Place)
    assert one.event is not None
    event = one.event
    if name in chain.PUBLIC:
        event = replace(
            event, public={**event.public, name: 0 if name == "id" else "1999-01-01T00:00:00.000000Z"}
        )
    else:
        event = replace(event, personal={**event.personal, name: "another"})
    parts[index] = replace(one, event=event)
    (finding,) = found(parts)
    assert finding.kind == ("back-dated" if name in ("at", "written_at") else "edited")
    assert finding.position == one.position
    assert name not in chain.PERSONAL or finding.words.endswith(f"changed in {name}")


def test_what_was_written_to_look_old_is_named_though_it_was_sealed_as_it_is() -> None:
    (finding,) = found(chained([30, 30], late=45))
    assert (finding.kind, finding.position) == ("back-dated", 45)


def test_a_walk_may_begin_in_the_middle_and_says_no_more_than_it_saw() -> None:
    parts = chained([3, 3, 3])
    assert found(parts[4:], whole=False) == []
    assert "seal 1 is missing" in found(parts[4:])[0].words


def test_memory_of_a_walk_does_not_grow_with_the_chain() -> None:
    walk = Walk(CHECK)
    stroll(walk, chained([5] * 40))
    assert (walk.events, len(walk.hashes), walk._block, walk._wrong) == (200, 40 * 32, [], [])
