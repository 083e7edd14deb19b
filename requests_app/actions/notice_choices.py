"""What a person chooses of their own notices. A choice is no access, so a line in the log keeps it, not the trail."""

from collections.abc import Mapping
from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from django.conf import settings

from requests_app.errors import Invalid, Refused
from requests_app.models import NoticeChoices, Person
from requests_app.notices import channels, topics

log = structlog.get_logger("latch.notices")


def choose(
    *,
    by: Person,
    levels: Mapping[str, str],
    quiet: tuple[time, time] | None,
    digest_at: time,
    time_zone: str,
    channel: str = "",
) -> NoticeChoices:
    """What this person hears, and when, is as they say, for every notice from now on.

    Refused for what has to be heard; Invalid for hours that begin when they end, an unknown zone or channel.
    """
    for name, level in levels.items():
        _refuse(name, level)
    if quiet and quiet[0] == quiet[1]:
        words = "Quiet hours that begin when they end would be all day. Leave both empty for none."
        raise Invalid(words, fields={"quiet_to": words})
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(
            "There is no such time zone.", fields={"time_zone": "There is no such time zone."}
        ) from None
    if channel and channel not in channels.personal():
        raise Invalid("There is no such channel.", fields={"channel": "There is no such channel any more."})
    chosen, _ = NoticeChoices.objects.update_or_create(
        person=by,
        defaults={
            "levels": {name: level for name, level in levels.items() if level != topics.NOW},
            "quiet_from": quiet[0] if quiet else None,
            "quiet_to": quiet[1] if quiet else None,
            "digest_at": digest_at,
            "time_zone": time_zone,
            "channel": channel,
        },
    )
    log.info("notices.chosen", person=by.identity, levels=chosen.levels, quiet=bool(quiet), channel=channel)
    return chosen


def forget(*, by: Person) -> None:
    """Everything comes at once again, by mail."""
    NoticeChoices.objects.filter(person=by).delete()
    log.info("notices.forgotten", person=by.identity)


def _refuse(name: str, level: str) -> None:
    topic = next((one for one in topics.TOPICS if one.name == name), None)
    if topic is None or level not in topics.LEVELS:
        raise Invalid("There is no such notice, or no such choice of it.")
    if level not in topics.allowed(topic, settings.NOTICES_ALWAYS):
        raise Refused(
            f"“{topic.title}” can not be {'put off' if level == topics.DIGEST else 'switched off'}.",
            check="notices that have to be heard",
            way_on="Choose one of the others; quiet hours hold what can wait.",
        )
