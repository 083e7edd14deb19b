"""When a notice is due to whom, by what they chose: at once, after quiet hours, with the digest, or never."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings

from requests_app.models import NoticeChoices, Person
from requests_app.notices import channels, topics

# What could be acted on for less than this once it was read is sent at once instead.
TIME_TO_ACT: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Plan:
    """When it is due, whether it then is joined with others into one mail, and through which channel it goes as well."""

    due_at: datetime
    digest: bool = False
    channel: str = ""


def plan(
    person: Person,
    kind: str,
    moment: datetime,
    *,
    until: datetime | None = None,
    asked_at: datetime | None = None,
) -> Plan | None:
    """Return when this person is to hear of it; None for never.

    `until`: when it is too late to act on it. `asked_at`: when this very person asked for what it is about.
    """
    chosen = NoticeChoices.objects.filter(person=person).first()
    topic = topics.of(kind)
    if chosen is None or topic is None:
        return Plan(moment)
    level = chosen.levels.get(topic.name, topics.NOW)
    if level not in topics.allowed(topic, settings.NOTICES_ALWAYS):
        level = topics.NOW
    if level == topics.OFF:
        return None
    channel = chosen.channel if chosen.channel in channels.personal() else ""
    if level == topics.DIGEST:
        due = next_at(chosen.digest_at, moment, zone_of(chosen))
        if not _too_late(due, until):
            return Plan(due, digest=True)
    held = _quiet(chosen, moment) if topic.waits and topic.name not in settings.NOTICES_ALWAYS else None
    # Whoever asks for something in their own quiet hours is awake.
    if held is None or _too_late(held[1], until) or (asked_at and asked_at >= held[0]):
        return Plan(moment, channel=channel)
    return Plan(held[1], channel=channel)


def zone_of(chosen: NoticeChoices) -> ZoneInfo:
    """Return the zone that this person's times are meant in; the server's where it is none any more."""
    try:
        return ZoneInfo(chosen.time_zone or settings.TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(settings.TIME_ZONE)


def next_at(clock: time, moment: datetime, zone: ZoneInfo) -> datetime:
    """Return when this clock time comes next in this zone; on a day whose clocks skip it, as if they did not."""
    local = moment.astimezone(zone)
    found = local.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0, fold=0)
    return (found if found > local else found + _DAY).astimezone(moment.tzinfo)


def _quiet(chosen: NoticeChoices, moment: datetime) -> tuple[datetime, datetime] | None:
    """Return when the quiet hours of this moment began and end; None outside of them."""
    if chosen.quiet_from is None or chosen.quiet_to is None:
        return None
    zone = zone_of(chosen)
    end = next_at(chosen.quiet_to, moment, zone)
    begin = next_at(chosen.quiet_from, moment, zone)
    if begin < end:
        return None
    local = begin.astimezone(zone) - _DAY
    return local.astimezone(moment.tzinfo), end


def _too_late(due: datetime, until: datetime | None) -> bool:
    return until is not None and due > until - TIME_TO_ACT
