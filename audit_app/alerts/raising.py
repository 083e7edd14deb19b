"""Looking at each sealed event once and raising what the rules say; acknowledging. The rules themselves are rules.py's."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from django.db import transaction

from audit_app import alarms
from audit_app.alerts.rules import RAISED, RULES, Rule, rules_for
from audit_app.clock import now
from audit_app.lifecycle import Stale
from audit_app.models import Alert, AlertCursor, Event, Seal, SealedEvent
from audit_app.parties import Party, system
from audit_app.trail import record

log = structlog.get_logger("latch.alerts")
WATCH = system("watch")
AT_ONCE, ROUNDS = 500, 10
# What is older was worth a look when it happened: a trail that is watched for the first time raises no old alarms.
FRESH = timedelta(days=31)
KEYS = "keys_rotated"
RULES[KEYS] = Rule(KEYS, "The portal signs with another key", lambda _: None)
Listener = Callable[[Sequence[Alert]], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """From now on this is called with the new alerts of each round, in the transaction that raised them."""
    if listener not in _listeners:
        _listeners.append(listener)


def look() -> int:
    """Every event that was sealed since the last look was shown to the rules, each once; returns how many alerts are new.

    The chain's positions have no gaps, so that an event committed late is looked at late and never missed. A rule that
    fails is told in the log and holds up no other.
    """
    raised = 0
    for _ in range(ROUNDS):
        shown, more = _round()
        raised += more
        if shown < AT_ONCE:
            break
    return raised


def _round() -> tuple[int, int]:
    """The next events were shown and all who listen were told; returns how many they were, how many alerts are new."""
    with transaction.atomic():
        cursor, _ = AlertCursor.objects.select_for_update().get_or_create(pk=1)
        places = SealedEvent.objects.filter(position__gt=cursor.position).order_by("position")[:AT_ONCE]
        found = dict(places.values_list("event_id", "position"))
        if not found:
            return 0, 0
        fresh = Event.objects.filter(pk__in=found, at__gt=now() - FRESH).order_by("id")
        raised = [alert for event in fresh for alert in _show(event)]
        AlertCursor.objects.filter(pk=1).update(position=max(found.values()))
        raised += _keys()
        for listener in _listeners if raised else ():
            listener(raised)
    return len(found), len(raised)


def _show(event: Event) -> list[Alert]:
    raised = []
    for one in rules_for(event):
        try:
            with transaction.atomic():
                told = one.look(event)
        except Exception as error:  # noqa: BLE001 - whatever it was, the other rules are asked all the same
            log.error("alert.rule_failed", rule=one.name, seen_in=str(event.uid), error=repr(error))
            continue
        if told:
            raised += _raise(one, told[0], told[1], event)
    return raised


def _keys() -> list[Alert]:
    """Another key signs than the one before: told once for each key but the first."""
    kid = Seal.objects.order_by("-sequence").values_list("kid", flat=True).first()
    if kid is None or Alert.objects.filter(rule=KEYS, cause=kid).exists():
        return []
    before = Seal.objects.exclude(kid=kid).order_by("-sequence").values_list("kid", flat=True).first()
    if before is None:
        return []
    return _raise(RULES[KEYS], kid, f"The portal signs with the key {kid}; before, with {before}.", None)


def _raise(one: Rule, cause: str, sentence: str, event: Event | None) -> list[Alert]:
    alert, made = Alert.objects.get_or_create(
        rule=one.name,
        cause=cause[:200],
        defaults={
            "sentence": sentence,
            "event_uid": event.uid if event else None,
            "story": event.story if event else "",
            "raised_at": now(),
        },
    )
    if not made:
        return []
    data = {"rule": one.name, "seen_in": str(event.uid) if event else ""}
    raise_it = record if one.told_already else alarms.alarm
    raise_it(RAISED, by=WATCH, about=alert.about(), outcome=_outcome(event), why=sentence, data=data)
    return [alert]


def _outcome(event: Event | None) -> str:
    """Return how what the alert tells of came out: it failed, or it happened, as a refusal that is worth a look has."""
    failed = event is not None and event.outcome == Event.Outcome.FAILURE
    return Event.Outcome.FAILURE if failed else Event.Outcome.SUCCESS


def acknowledge(*, by: Party, alert_id: int, note: str = "") -> Alert:
    """The alert was looked at, by this person. Stale when somebody had looked before; DoesNotExist for none."""
    alert = Alert.objects.get(pk=alert_id)
    with transaction.atomic():
        rows = Alert.objects.filter(pk=alert_id, acknowledged_at=None)
        note = note.strip()[:1000]
        who = {"acknowledged_by_id": by.id, "acknowledged_by_label": by.label[:200]}
        if not rows.update(acknowledged_at=now(), note=note, **who):
            raise Stale("Somebody has looked at it already. Nothing was changed.")
        record("alert.acknowledged", by=by, about=alert.about(), why=note, data={"rule": alert.rule})
    alert.refresh_from_db()
    return alert
