"""Alerts over the trail by mail: to whom, how many in one, what is still worth saying when it goes out. No sending here."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from django.conf import settings
from django.db.models import QuerySet

from audit_app.alerts.rules import RULES
from audit_app.clock import now
from audit_app.models import Alert, Event
from requests_app.models import Message, Person
from requests_app.models.person import ADMIN_ROLE, AUDITOR_ROLE

ALERTS: Final = "alerts"
# A mail waits so long for others of its rule; and nobody gets a second one of that rule sooner than the longer time.
GATHERED: Final = timedelta(minutes=1)
APART: Final = timedelta(minutes=15)
# A mail tells so many; the page has them all.
MOST: Final = 20
# Administrators had a mail about the late closing itself.
_TOLD_TO_ADMINISTRATORS: Final = "overdue"


def tell(alerts: Sequence[Alert]) -> None:
    """Everybody whose work it is finds each of these alerts in one mail, those of one rule together.

    Called in the transaction that raised them, which no other does at the same time.
    """
    by_rule: dict[str, list[int]] = defaultdict(list)
    for alert in alerts:
        by_rule[alert.rule].append(alert.pk)
    for rule, found in by_rule.items():
        for whom in _recipients(rule):
            _put(rule, found, whom)


def words(message: Message) -> dict[str, Any] | None:
    """Return what the mail says now; None when all was looked at since, or it is no longer this person's work."""
    rule = message.context["rule"]
    waiting = Alert.objects.filter(pk__in=message.context["alerts"], acknowledged_at=None).order_by("pk")
    found = list(waiting) if _still(message, rule) else []
    if not found:
        return None
    events = Event.objects.in_bulk([one.event_uid for one in found[:MOST] if one.event_uid], field_name="uid")
    return {
        "title": RULES[rule].title if rule in RULES else rule,
        "count": len(found),
        "more": max(0, len(found) - MOST),
        "alerts": [_told(one, events.get(one.event_uid)) for one in found[:MOST]],
        "page": f"/audit/alerts/{found[0].pk}/" if len(found) == 1 else f"/audit/alerts/?rule={rule}",
    }


def _told(alert: Alert, event: Event | None) -> dict[str, Any]:
    return {
        "sentence": alert.sentence,
        "at": event.at if event else alert.raised_at,
        "who": event.actor_label if event else "",
        "what": event.object_label if event else "",
        "page": f"{settings.BASE_URL}/audit/alerts/{alert.pk}/",
    }


def _recipients(rule: str) -> Iterable[Person | str]:
    return _people(rule) if settings.ALERT_MAIL_TO is None else settings.ALERT_MAIL_TO


def _people(rule: str) -> QuerySet[Person]:
    """Whoever is an auditor or an administrator now, by the last sign-in, and enabled in the directory."""
    roles = {AUDITOR_ROLE} if rule == _TOLD_TO_ADMINISTRATORS else {AUDITOR_ROLE, ADMIN_ROLE}
    people = Person.objects.filter(groups__name__in=roles, enabled=True).exclude(mail="")
    if rule == _TOLD_TO_ADMINISTRATORS:
        people = people.exclude(groups__name=ADMIN_ROLE)
    return people.distinct()


def _still(message: Message, rule: str) -> bool:
    named = settings.ALERT_MAIL_TO
    if message.recipient is None:
        return named is not None and message.address in named
    return named is None and _people(rule).filter(pk=message.recipient.pk).exists()


def _put(rule: str, alerts: list[int], whom: Person | str) -> None:
    """The mail of this rule that waits for this person tells of these alerts as well, or a new one waits."""
    person = whom if isinstance(whom, Person) else None
    name = str(person.pk) if person else sha256(str(whom).encode()).hexdigest()[:16]
    mine = f"{ALERTS}:{rule}:{name}:"
    last = Message.objects.filter(key__startswith=mine).order_by("-pk").first()
    if last and _joined(last, alerts):
        return
    moment = now()
    due = moment + GATHERED
    # What still is due could not be joined: it is being sent at this moment.
    if last and (gone := last.sent_at or (moment if last.due_at else None)):
        due = max(due, gone + APART)
    Message.objects.create(
        key=f"{mine}{alerts[0]}",
        kind=ALERTS,
        recipient=person,
        address="" if person else str(whom),
        created_at=moment,
        due_at=due,
        context={"rule": rule, "alerts": alerts},
    )


def _joined(last: Message, alerts: list[int]) -> bool:
    """The alerts stand in this mail, if it was not sent and nobody is sending it."""
    waiting = Message.objects.select_for_update(skip_locked=True, of=("self",))
    message = waiting.filter(pk=last.pk, due_at__isnull=False).first()
    if message is None:
        return False
    message.context["alerts"] += alerts
    message.save(update_fields=["context"])
    return True
