"""What in the trail is worth a look: one function a rule, asked about each new event of its kinds. Reads only.

A rule returns its cause (the same cause is told once) and its sentence, or None. It looks back by an index of the trail.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings

from audit_app.models import Event

Told = tuple[str, str] | None
Look = Callable[[Event], Told]

REPEATED, WITHIN_DAY = 5, timedelta(days=1)
REFUSED_OFTEN, REFUSED_WITHIN = 5, timedelta(minutes=10)
DORMANT: Final = timedelta(days=60)
HASTY, HASTE = 20, timedelta(minutes=1)
WORKING_DAY: Final = (time(7), time(20))
# Why a code was refused that is good for nothing any more, or is not theirs who used it.
REPLAYED: Final = ("code used", "code revoked", "subject")
ANY_REFUSAL: Final = "*refused"
# Somebody opened in an emergency what nobody had agreed to yet.
BREAK_GLASS: Final = "grant.break_glass"
# What the trail calls every alert, whatever rule raised it.
RAISED: Final = "alert.raised"


@dataclass(frozen=True)
class Rule:
    """One rule: its name, what it watches for in a sentence, and whether the floors above have told of it already."""

    name: str
    title: str
    look: Look
    told_already: bool = False


RULES: dict[str, Rule] = {}
_BY_KIND: dict[str, list[Rule]] = {}
_sensitive: list[Callable[[str], bool]] = []


def sensitive_is(judge: Callable[[str], bool]) -> None:
    """From now on a resource is sensitive if any such judge says so of its label."""
    if judge not in _sensitive:
        _sensitive.append(judge)


def rules_for(event: Event) -> list[Rule]:
    """Return the rules that have to be asked about this event."""
    found = list(_BY_KIND.get(event.kind, ()))
    if event.outcome == Event.Outcome.REFUSED:
        found += _BY_KIND.get(ANY_REFUSAL, ())
    return found


def rule(name: str, title: str, *kinds: str, told_already: bool = False) -> Callable[[Look], Look]:
    """The function is asked about every event of these kinds."""

    def register(look: Look) -> Look:
        made = Rule(name, title, look, told_already)
        RULES[name] = made
        for kind in kinds:
            _BY_KIND.setdefault(kind, []).append(made)
        return look

    return register


def _lately(event: Event, within: timedelta, **same: Any) -> int:
    """Return how many such events there were in the time up to this one, itself included."""
    return Event.objects.filter(id__lte=event.id, at__gt=event.at - within, at__lte=event.at, **same).count()


def _day(event: Event) -> str:
    return f"{event.at:%Y-%m-%d}"


@rule("repeated_requests", "Somebody asks for the same thing again and again", "request.submitted")
def _repeated(event: Event) -> Told:
    same = {"kind": event.kind, "actor_id": event.actor_id, "object_label": event.object_label}
    times = _lately(event, WITHIN_DAY, **same)
    if times < REPEATED:
        return None
    words = f"{event.actor_label} asked for {event.object_label} {times} times within a day."
    return f"{event.actor_id}:{event.object_label}:{_day(event)}", words


@rule("after_hours", "Something is opened at night or at the weekend", "grant.opened")
def _after_hours(event: Event) -> Told:
    local: datetime = event.at.astimezone(ZoneInfo(settings.TIME_ZONE))
    begin, end = WORKING_DAY
    if local.weekday() < 5 and begin <= local.time() < end:
        return None
    when = f"{local:%A}, {local.day} {local:%B %Y}, at {local:%H:%M} {local:%Z}"
    return event.object_id, f"{event.object_label} was opened for {event.subject_label} on {when}."


@rule("many_refusals", "Somebody is refused again and again", ANY_REFUSAL)
def _refusals(event: Event) -> Told:
    times = _lately(event, REFUSED_WITHIN, actor_id=event.actor_id, outcome=Event.Outcome.REFUSED)
    if times < REFUSED_OFTEN or event.actor_id.startswith("system:"):
        return None
    words = (
        f"{event.actor_label} was refused {times} times within ten minutes, last: {event.why or event.kind}"
    )
    return f"{event.actor_id}:{event.at:%Y-%m-%dT%H}", words


@rule("code_replayed", "A latch code is used again, or by somebody else", "code.refused")
def _replayed(event: Event) -> Told:
    check = event.data.get("check")
    if check not in REPLAYED:
        return None
    what = f"a latch code for {event.object_label}" if event.object_label else "a latch code"
    words = f"{event.actor_label} tried to use {what}. {event.why}"
    return f"{event.data.get('jti')}:{check}:{event.actor_id}", words


@rule("break_glass", "The glass is broken", BREAK_GLASS)
def _break_glass(event: Event) -> Told:
    return str(event.uid), f"{event.actor_label} broke the glass for {event.object_label}: {event.why}"


@rule("first_use", "A sensitive resource is used by somebody for the first time", "grant.opened")
def _first_use(event: Event) -> Told:
    if not any(judge(event.resource_label) for judge in _sensitive):
        return None
    before = Event.objects.filter(
        kind=event.kind, subject_id=event.subject_id, resource_label=event.resource_label, id__lt=event.id
    )
    if before.exists():
        return None
    words = f"{event.subject_label} is on {event.resource_label} for the first time, by {event.object_label}."
    return f"{event.subject_id}:{event.resource_label}", words


@rule("dormant_account", "An account wakes that nobody used for long", "signin.succeeded")
def _dormant(event: Event) -> Told:
    before = (
        Event.objects.filter(kind=event.kind, actor_id=event.actor_id, id__lt=event.id)
        .order_by("-id")
        .first()
    )
    if before is None or event.at - before.at < DORMANT:
        return None
    days = (event.at - before.at).days
    return f"{event.actor_id}:{_day(event)}", f"{event.actor_label} signed in after {days} days."


@rule("overdue", "A closing is late", "grant.overdue", told_already=True)
def _overdue(event: Event) -> Told:
    return (
        event.object_id,
        f"{event.object_label} of {event.subject_label} closed late or not yet. {event.why}",
    )


@rule(
    "drift",
    "Somebody changed in Azure what is the portal's",
    "grant.removed_in_azure",
    "grant.repaired",
    "grant.found_open",
    "rule.orphan_found",
    "rule.orphans_stopped",
    "rule.foreign_found",
    told_already=True,
)
def _drift(event: Event) -> Told:
    what = event.data.get("rule", "") if isinstance(event.data, dict) else ""
    return f"{event.kind}:{event.object_id}:{what}"[:200], f"{event.object_label}: {event.why}"


@rule("policy_changed", "The policy has changed", "policy.loaded")
def _policy(event: Event) -> Told:
    return str(event.uid), f"{event.actor_label} put {event.object_label} in force."


@rule("everything_exported", "Somebody takes everything out", "export.started")
def _everything(event: Event) -> Told:
    if event.data.get("filters"):
        return None
    return str(event.uid), f"{event.actor_label} exported all of {event.object_label}, without a filter."


@rule("void_context", "A demand of policy proves nothing", "signin.context_void")
def _void(event: Event) -> Told:
    return f"{event.object_id}:{_day(event)}", event.why


@rule("hasty_reviewer", "A reviewer keeps everything within seconds", "review.kept")
def _hasty(event: Event) -> Told:
    mine = {"actor_id": event.actor_id, "story": event.story}
    kept = _lately(event, HASTE, kind=event.kind, **mine)
    if kept < HASTY or Event.objects.filter(kind="review.removed", **mine).exists():
        return None
    words = f"{event.actor_label} kept {kept} rights within a minute in {event.story}, and removed none."
    return f"{event.story}:{event.actor_id}", words
