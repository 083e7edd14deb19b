"""Whatever the strongest intruder does in the database is found, by verify_trail and on an export made afterwards."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audit_app import heads, jose, sealing
from audit_app.clock import now
from audit_app.models import Event, Seal
from requests_app.codes.keys import KeySet, generate_pem
from tests.audit_app.chain_makers import Outside, inside, sealed_trail
from tests.audit_app.trail_makers import happened
from tests.support.own_cluster import behind_the_guards

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("cluster"),
]
COPIED = (
    "at, written_at, kind, outcome, actor_id, actor_label, subject_id, subject_label, object_kind, object_id, "
    "object_label, resource_label, story, correlation_id, why, data, salt, written_by"
)


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    return Outside(tmp_path)


def insert_beside(number: int) -> str:
    """A copy of an event, as if it had been there all along."""
    return (
        f"INSERT INTO audit_app_event (uid, {COPIED}) SELECT gen_random_uuid(), {COPIED} "
        f"FROM audit_app_event WHERE id = {number}"
    )


def place_of_newest(position: int) -> str:
    return (
        "INSERT INTO audit_app_sealedevent (position, event_id, uid, leaf, commitments, at, written_at) "
        f"SELECT {position}, e.id, e.uid, p.leaf, p.commitments, e.at, e.written_at FROM audit_app_event e, "
        "audit_app_sealedevent p WHERE p.position = 2 ORDER BY e.id DESC LIMIT 1"
    )


def test_a_trail_nobody_touched_is_sound_inside_and_outside(outside: Outside, capsys: Any) -> None:
    sealed_trail()
    happened()  # not sealed yet, and no fault
    outside.export()
    assert inside() == "sound: 12 events under 3 seals\n"
    assert outside.says(capsys) == (0, "sound: 12 events under 3 seals\n")


ERASE = (
    "UPDATE audit_app_event SET actor_id = '[erased]', actor_label = '[erased]', subject_id = '[erased]', "
    "subject_label = '[erased]', object_id = '[erased]', object_label = '[erased]', source_address = NULL, "
    """why = '[erased]', data = '{"erased": true}', salt = NULL WHERE id = """
)
# What is done, what both verifiers say of it, and what the one inside says besides.
SPOILS = {
    "a reason edited": (
        lambda ids: [f"UPDATE audit_app_event SET why = 'x' WHERE id = {ids[5]}"],
        "first event: edited, position 6",
        "changed in why",
    ),
    "data edited beyond what a float can tell": (
        lambda ids: [f"UPDATE audit_app_event SET data = '{{\"n\": 1.50}}' WHERE id = {ids[5]}"],
        "first event: edited, position 6",
        "changed in data",
    ),
    "an outcome edited": (
        lambda ids: [f"UPDATE audit_app_event SET outcome = 'refused' WHERE id = {ids[0]}"],
        "first event: edited, position 1",
        "says openly",
    ),
    "a salt taken away": (
        lambda ids: [f"UPDATE audit_app_event SET salt = NULL WHERE id = {ids[5]}"],
        "first event: edited, position 6",
        "was not erased",
    ),
    "an event removed": (
        lambda ids: [f"DELETE FROM audit_app_event WHERE id = {ids[5]}"],
        "first event: removed, position 6",
        "is gone",
    ),
    "an event removed with its place": (
        lambda ids: [
            f"DELETE FROM audit_app_event WHERE id = {ids[5]}",
            "DELETE FROM audit_app_sealedevent WHERE position = 6",
        ],
        "first event: removed, position 6",
        "nothing is left",
    ),
    "an event inserted and all after it moved on": (
        lambda ids: [
            insert_beside(ids[5]),
            "UPDATE audit_app_sealedevent SET position = position + 1000 WHERE position > 6",
            place_of_newest(7),
            "UPDATE audit_app_sealedevent SET position = position - 999 WHERE position > 1000",
        ],
        "first event: edited, position 7",
        "no seal holds it",
    ),
    "two events swapped within a seal": (
        lambda ids: [
            f"UPDATE audit_app_event SET id = -1 WHERE id = {ids[4]}",
            f"UPDATE audit_app_event SET id = {ids[4]} WHERE id = {ids[5]}",
            f"UPDATE audit_app_event SET id = {ids[5]} WHERE id = -1",
        ],
        "first event: edited, position 5",
        "stands in its place",
    ),
    "what two events say swapped, ids and all": (
        lambda ids: [
            f"UPDATE audit_app_sealedevent SET event_id = -1 WHERE event_id = {ids[2]}",
            f"UPDATE audit_app_sealedevent SET event_id = {ids[2]} WHERE event_id = {ids[9]}",
            f"UPDATE audit_app_sealedevent SET event_id = {ids[9]} WHERE event_id = -1",
        ],
        "first event: reordered, position 3",
        "stands where event",
    ),
    "two places swapped": (
        lambda ids: [
            "UPDATE audit_app_sealedevent SET position = -1 WHERE position = 5",
            "UPDATE audit_app_sealedevent SET position = 5 WHERE position = 6",
            "UPDATE audit_app_sealedevent SET position = 6 WHERE position = -1",
        ],
        "first seal: broken, seal 2",
        "its tree is not that of positions 5 to 8",
    ),
    "an event back-dated": (
        lambda ids: [f"UPDATE audit_app_event SET at = at - interval '1 day' WHERE id = {ids[5]}"],
        "first event: back-dated, position 6",
        "sealed as at",
    ),
    "a leaf edited with its event": (
        lambda ids: [
            f"UPDATE audit_app_event SET why = 'x' WHERE id = {ids[5]}",
            "UPDATE audit_app_sealedevent SET leaf = sha256('x') WHERE position = 6",
        ],
        "first seal: broken, seal 2",
        "first event: edited, position 6",
    ),
    "a root edited": (
        lambda ids: ["UPDATE audit_app_seal SET root = repeat('0', 64) WHERE sequence = 2"],
        "first seal: broken, seal 2",
        "",
    ),
    "a seal removed": (
        lambda ids: ["DELETE FROM audit_app_seal WHERE sequence = 2"],
        "first seal: broken, seal 3: seal 2 is missing",
        "",
    ),
    "an event erased without a word": (
        lambda ids: [f"{ERASE}{ids[5]}"],
        "first event: erased, position 6",
        "no event of the trail says so",
    ),
}
# A row that only mirrors what is signed is not part of an export.
INSIDE_ALONE = {"a root edited"}


@pytest.mark.parametrize("spoil", SPOILS)
def test_what_was_spoilt_is_named_inside_and_outside(spoil: str, outside: Outside, capsys: Any) -> None:
    statements, *words = SPOILS[spoil]
    behind_the_guards(*statements([event.id for event in sealed_trail()]))
    said = inside()
    assert said.startswith("NOT SOUND"), said
    for expected in words:
        assert expected in said
    if spoil in INSIDE_ALONE:
        return
    outside.export()
    code, said = outside.says(capsys)
    assert code == 1
    assert words[0] in said, said


def test_an_event_planted_among_the_sealed_ones_is_named() -> None:
    events = sealed_trail()
    behind_the_guards(insert_beside(events[5].id))
    planted = Event.objects.latest("id")
    assert f"inserted, event {planted.uid}" in inside()


@pytest.mark.parametrize("number", ["1", "9000000000"])
def test_an_event_no_sealer_will_come_to_is_named(number: str) -> None:
    sealed_trail()
    event = happened()
    behind_the_guards(f"UPDATE audit_app_event SET written_by = '{number}' WHERE id = {event.id}")
    assert sealing.seal() == 0
    assert f"inserted, event {event.uid}" in inside()


def test_an_event_written_now_to_look_old_is_named_though_it_was_sealed(
    outside: Outside, capsys: Any
) -> None:
    sealed_trail()
    event = happened()
    behind_the_guards(
        f"UPDATE audit_app_event SET at = at - interval '9 days', written_at = written_at - interval '9 days' "
        f"WHERE id = {event.id}"
    )
    sealing.seal()
    outside.export()
    for said in (inside(), outside.says(capsys)[1]):
        assert "first event: back-dated, position 13" in said


def test_a_seal_made_with_another_key_is_named(outside: Outside, capsys: Any) -> None:
    sealed_trail()
    other = KeySet.from_pem({"other": generate_pem()}).signing
    row = Seal.objects.get(sequence=3)
    forged = jose.sign(other.private, row.kid, sealing.as_sealed(row).to_bytes(), jose.SEAL_TYPE)
    behind_the_guards(f"UPDATE audit_app_seal SET signature = '{forged}' WHERE sequence = 3")
    outside.export()
    for said in (inside(), outside.says(capsys)[1]):
        assert "first seal: broken, seal 3: its signature is wrong" in said


CUT = (
    "DELETE FROM audit_app_seal WHERE sequence = 3",
    "DELETE FROM audit_app_event WHERE id IN (SELECT event_id FROM audit_app_sealedevent WHERE position > 8)",
    "DELETE FROM audit_app_sealedevent WHERE position > 8",
)


def test_a_cut_off_tail_is_found_with_the_heads_that_left_and_not_without(
    outside: Outside, capsys: Any, settings: Any, tmp_path: Path
) -> None:
    settings.TRAIL_HEADS = f"file://{tmp_path}/heads.jsonl"
    sealed_trail()
    heads.hand_over()
    behind_the_guards(*CUT)
    outside.export()
    assert inside().startswith("sound"), "from inside, a trail that was cut off is a shorter one"
    with_heads = ("--heads", f"{tmp_path}/heads.jsonl")
    for said in (inside(*with_heads), outside.says(capsys, *with_heads)[1]):
        assert "the trail is cut off after seal 2: seal 3 left" in said


def test_a_trail_written_anew_with_the_key_in_hand_is_found_with_the_heads(
    outside: Outside, capsys: Any, settings: Any, tmp_path: Path
) -> None:
    settings.TRAIL_HEADS = f"file://{tmp_path}/heads.jsonl"
    sealed_trail()
    heads.hand_over()
    behind_the_guards(*CUT)
    happened()
    sealing.seal()
    outside.export()
    assert inside().startswith("sound")
    with_heads = ("--heads", f"{tmp_path}/heads.jsonl")
    for said in (inside(*with_heads), outside.says(capsys, *with_heads)[1]):
        assert "seal 3: another one left when it was made" in said


def test_a_head_nobody_signed_is_named(settings: Any, tmp_path: Path) -> None:
    file = tmp_path / "heads.jsonl"
    settings.TRAIL_HEADS = f"file://{file}"
    sealed_trail()
    heads.hand_over()
    file.write_text('{"torn\n' + file.read_text() + json.dumps({"seal": 4, "jws": "a.b.c"}) + "\n")
    said = inside("--heads", str(file))
    assert "heads, line 5" in said
    assert "line 1" not in said


def test_an_event_deleted_before_it_was_sealed_can_not_be_seen() -> None:
    """The one thing the docs own up to: what never left the database, and never was sealed, leaves no trace."""
    sealed_trail()
    behind_the_guards(f"DELETE FROM audit_app_event WHERE id = {happened().id}")
    sealing.seal()
    assert inside().startswith("sound")


def test_what_tells_of_long_ago_is_counted_and_is_no_fault() -> None:
    sealed_trail()
    Event.objects.create(at=now() - timedelta(days=3), kind="test.past", actor_id="a", correlation_id="c")
    sealing.seal()
    assert inside().splitlines() == [
        "1 events tell of something a day or more before they were written",
        "sound: 13 events under 4 seals",
    ]
