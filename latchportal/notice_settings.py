"""The checks and readings of the settings about notices: channels, what goes to them, what nobody may put off."""

import re
from collections.abc import Mapping
from typing import Final

from django.core.exceptions import ImproperlyConfigured

from requests_app.notices.topics import ASKING, NAMES, ROUTED

NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_ROUTE: Final = re.compile(r"([a-z_]+)(?:/([a-z0-9_-]+))?")


def channels(text: str) -> dict[str, str]:
    """Return the channels by name, each an apprise URL, from `name=url name=url …` (or a line each).

    Raises ImproperlyConfigured without repeating an address: it holds a secret.
    """
    found: dict[str, str] = {}
    for number, part in enumerate(text.split(), 1):
        name, _, url = part.partition("=")
        if not NAME.fullmatch(name) or not _URL.fullmatch(url):
            raise ImproperlyConfigured(
                f"NOTICE_CHANNELS must be like name=scheme://address, with blanks between; number {number} is not."
            )
        if name in found:
            raise ImproperlyConfigured(f"NOTICE_CHANNELS names {name!r} twice.")
        found[name] = url
    return found


def routes(text: str, known: Mapping[str, str]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return which notices go to which channels as well: (kind, stage or "") -> names, from `kind/stage=name,name …`.

    Raises ImproperlyConfigured for a kind that is not for many, and a channel that is none or one person's.
    """
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for part in text.split():
        what, _, names = part.partition("=")
        match = _ROUTE.fullmatch(what)
        if match is None or match[1] not in ROUTED or (match[2] and match[1] not in ASKING):
            raise ImproperlyConfigured(
                f"NOTICE_ROUTES: {what!r} is none of {', '.join(ROUTED)}, of which {ASKING[0]} may go on with /stage."
            )
        wanted = tuple(names.split(","))
        for name in wanted:
            if name not in known or "{mail}" in known[name]:
                raise ImproperlyConfigured(
                    f"NOTICE_ROUTES: {name!r} is no channel of NOTICE_CHANNELS, or one of single persons."
                )
        found[match[1], match[2] or ""] = wanted
    return found


def always(text: str) -> frozenset[str]:
    """Return the topics that come at once whatever people choose; raises ImproperlyConfigured for what is none."""
    found = frozenset(text.split())
    if unknown := sorted(found - set(NAMES)):
        raise ImproperlyConfigured(
            f"NOTICES_ALWAYS: {', '.join(unknown)}: the topics are {', '.join(NAMES)}."
        )
    return found
