"""The trail of one request as its page tells it. The words of each kind stand in the registry of the trail."""

from dataclasses import dataclass
from datetime import datetime

from audit_app import words
from audit_app.models import Event
from requests_app.models import AccessRequest, Person

# A story longer than this is cut at its oldest end; the audit pages have the whole.
LONGEST = 200


@dataclass(frozen=True)
class Moment:
    """One line of the timeline."""

    at: datetime
    sentence: str
    actor: str
    detail: str
    tone: str
    icon: str
    source_address: str
    correlation_id: str


def moments(access_request: AccessRequest, reader: Person) -> tuple[int, list[Moment]]:
    """Return the number of the last event, and the story newest first. Others' addresses are for auditors."""
    events = list(Event.objects.filter(story=access_request.story).order_by("-id")[:LONGEST])
    everything = reader.is_auditor or reader.is_administrator
    told = [_moment(event, everything or event.actor_id == reader.identity) for event in events]
    return (events[0].pk if events else 0), told


def _moment(event: Event, with_address: bool) -> Moment:
    wrong = event.outcome != Event.Outcome.SUCCESS
    by_system = event.actor_id.startswith("system:")
    return Moment(
        at=event.at,
        sentence=words.sentence(event),
        actor="" if by_system else event.actor_label,
        detail=event.why,
        tone=words.tone(event),
        icon=words.icon(event),
        source_address=event.source_address or "" if with_address and not by_system else "",
        correlation_id=event.correlation_id if wrong else "",
    )
