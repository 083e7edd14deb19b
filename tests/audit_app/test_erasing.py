"""A person can be erased from the trail: values and salts are gone, proofs and both verifiers are not disturbed."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction
from django.db.models import Q

from audit_app import chain, proofs, sealing, verify
from audit_app.models import Event
from audit_app.trail import Party
from tests.audit_app.chain_makers import Outside, inside, sealed_trail
from tests.audit_app.trail_makers import ADA, happened
from tests.support import own_cluster

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("cluster"),
]


def erase(person: str = ADA.id) -> str:
    out = StringIO()
    call_command("erase_person", person, "--reason", "Case 12", stdout=out)
    return out.getvalue()


def whole_table() -> str:
    """Every value of the table, as text."""
    return json.dumps(own_cluster.sql("SELECT e::text FROM audit_app_event e ORDER BY id"))


def test_nothing_of_the_person_is_left_and_that_stands_in_the_trail() -> None:
    sealed_trail()
    assert erase() == "12 events say no longer who that was. Their proofs hold.\n"
    for gone in (ADA.id, ADA.label, "Reason 1.1"):
        assert gone not in whole_table()
    assert not Event.objects.filter(~Q(kind=chain.ERASING), salt__isnull=False).exists()
    (said,) = Event.objects.filter(kind=chain.ERASING)
    assert (said.why, said.data) == ("Case 12", {"positions": list(range(1, 13))})


def test_proofs_made_before_and_after_hold(tmp_path: Path, capsys: Any) -> None:
    events, outside = sealed_trail(), Outside(tmp_path)
    before = proofs.proof(events[6].uid)
    erase()
    after = proofs.proof(events[6].uid)
    assert after["event"]["salt"] is None
    for proof in (before, after):
        (tmp_path / "proof.json").write_text(json.dumps(proof))
        assert verify.main(["event", str(tmp_path / "proof.json"), "--keys", str(outside.keys)]) == 0


def test_both_verifiers_find_the_trail_sound_afterwards(tmp_path: Path, capsys: Any) -> None:
    sealed_trail()
    erase()
    sealing.seal()
    outside = Outside(tmp_path)
    outside.export()
    assert inside().splitlines()[-1] == "sound: 13 events under 4 seals"
    assert outside.says(capsys)[0] == 0


def test_others_events_are_left_as_they_are() -> None:
    sealed_trail()
    other = happened(by=Party("t:o", "Olga"))
    erase()
    other.refresh_from_db()
    assert (other.actor_label, other.salt is None) == ("Olga", False)


def test_erasing_twice_erases_once() -> None:
    sealed_trail()
    erase()
    assert erase().startswith("0 events")
    assert Event.objects.filter(kind=chain.ERASING).count() == 1


def test_what_is_not_sealed_yet_is_not_erased() -> None:
    sealed_trail()
    with own_cluster.open_transaction():
        happened()
        with pytest.raises(CommandError, match="1 events of this person are not sealed yet"):
            erase()
    assert not Event.objects.filter(salt__isnull=True).exists()


@pytest.mark.parametrize("person", ["ada", "system:convergence", ":x", "x:"])
def test_who_is_no_person_is_refused(person: str) -> None:
    with pytest.raises(CommandError, match="TID:OID"):
        erase(person)


BLANK = {**chain.BLANK, "data": json.loads(str(chain.BLANK["data"])), "salt": None}


@pytest.mark.parametrize(
    "more",
    [
        {"kind": "another.kind"},
        {"outcome": "failure"},
        {"why": "still here"},
        {"salt": bytes(32)},
        {"data": {"erased": True, "more": 1}},
        {"written_by": 1},
    ],
)
def test_the_guard_lets_erasing_pass_and_nothing_beside_it(more: dict[str, Any]) -> None:
    event = sealed_trail()[0]
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Event.objects.filter(pk=event.pk).update(**{**BLANK, **more})
    with transaction.atomic():
        assert Event.objects.filter(pk=event.pk).update(**BLANK) == 1
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Event.objects.filter(pk=event.pk).update(**BLANK)


def test_the_guard_lets_no_event_be_erased_that_was_never_sealed() -> None:
    event = happened()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Event.objects.filter(pk=event.pk).update(**BLANK)
    with connection.cursor() as cursor, pytest.raises(DatabaseError, match="append-only"):
        cursor.execute("DELETE FROM audit_app_event")
