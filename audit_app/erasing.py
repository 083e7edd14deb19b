"""Erasing a person from the trail: the values go, the proofs stay. Whether somebody must be erased is people's to say."""

from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from audit_app.chain import BLANK, ERASING
from audit_app.models import Event, SealedEvent
from audit_app.roles import OWNER
from audit_app.trail import About, Party, record

# Of one event of the trail; the positions are told, never the person.
AT_ONCE: Final = 1000
_BLANK: Final = {**BLANK, "data": {"erased": True}, "salt": None}


class NotYet(Exception):
    """Some of the person's events are not sealed: erased now, they could never be proved. Nothing was changed."""


def erase(person_id: str, *, by: Party, reason: str) -> int:
    """No event says who this person is any more, and the trail says that somebody was erased; both or neither.

    Every personal value of the person's events goes, others' too, with the salt: a value that can not be proved any
    more shall not be shown as if it could. Goes through the owner's connection, whose UPDATE the guard lets pass for
    this alone. Returns how many events; raises NotYet.
    """
    with transaction.atomic(using=OWNER):
        found = list(_of(person_id).order_by("id").values_list("id", flat=True))
        places = _places(found)
        if len(places) != len(found):
            raise NotYet(f"{len(found) - len(places)} events of this person are not sealed yet.")
        for start in range(0, len(found), AT_ONCE):
            _erase(found[start : start + AT_ONCE], places, by, reason)
    return len(found)


def _of(person_id: str) -> "QuerySet[Event]":
    """What this person did, what was done to them, and what is about them; by id alone, never by name."""
    _, _, oid = person_id.partition(":")
    about = Q(object_kind="person", object_id__in=[person_id, *([oid] if oid else [])])
    concerned = Q(actor_id=person_id) | Q(subject_id=person_id) | about
    return Event.objects.using(OWNER).filter(concerned, salt__isnull=False)


def _places(ids: list[int]) -> dict[int, int]:
    places = SealedEvent.objects.using(OWNER).filter(event_id__in=ids)
    return dict(places.values_list("event_id", "position"))


def _erase(ids: list[int], places: dict[int, int], by: Party, reason: str) -> None:
    Event.objects.using(OWNER).filter(id__in=ids).update(**_BLANK)
    record(
        ERASING,
        by=by,
        about=About(kind="trail", label="A person"),
        why=reason,
        data={"positions": sorted(places[number] for number in ids)},
        using=OWNER,
    )
