"""Channels beside mail: which there are, what goes to them, and handing a message over by apprise, in workers alone.

A channel is a name; its address holds a secret and stands in the environment, never in a row or in the trail. Nobody
enters an address on a page, so nobody makes the portal call a place of their choice.
"""

from typing import Any, Final
from urllib.parse import quote

from django.conf import settings

from requests_app.models import Message

_MAIL: Final = "{mail}"
# Services cut longer texts, each elsewhere; a text in pieces could not be tried again as one.
_LONGEST: Final = 1800


def of(kind: str, stage: str = "") -> tuple[str, ...]:
    """Return the channels that hear of this kind of notice, of this stage, as well; each once."""
    routes = settings.NOTICE_ROUTES
    found = routes.get((kind, ""), ()) + (routes.get((kind, stage), ()) if stage else ())
    return tuple(dict.fromkeys(found))


def personal() -> tuple[str, ...]:
    """Return the channels that lead to one person each: their address has a place for that person's mail address."""
    return tuple(name for name, url in settings.NOTICE_CHANNELS.items() if _MAIL in url)


def hand_over(message: Message, title: str, body: str) -> None:
    """The channel has taken these words. Raises OSError when it did not, LookupError or ValueError for a bad one.

    Never a word of the address in an error.
    """
    url = settings.NOTICE_CHANNELS.get(message.channel)
    if url is None:
        raise LookupError(f"there is no channel {message.channel} in NOTICE_CHANNELS")
    if _MAIL in url:
        if message.recipient is None or not message.recipient.mail:
            raise LookupError(f"{message.channel} needs somebody with a mail address")
        url = url.replace(_MAIL, quote(message.recipient.mail, safe="@"))
    service = _service(message.channel, url)
    # By its number whoever receives it can tell a repetition.
    body = f"{body.strip()[:_LONGEST]}\n(notice {message.pk})"
    if not service.notify(body=body, title=title, body_format="text"):
        raise OSError(f"{message.channel} did not take it; the lines of the logger apprise say why")


def _service(name: str, url: str) -> Any:
    # Half a second and 30 MB, so in a worker that needs it, and when it does.
    import apprise

    asset = apprise.AppriseAsset(
        app_id="latchportal", app_desc="latchportal", app_url=settings.BASE_URL, async_mode=False
    )
    service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is None:
        raise ValueError(f"apprise does not understand the address of {name}")
    # Trying again is the outbox's: it knows what was taken.
    service.retry = 0
    if len(service) != 1:
        raise ValueError(f"{name} leads to {len(service)} places: give each a name, or one may hear it twice")
    service.overflow_mode = apprise.OverflowMode.TRUNCATE
    return service
