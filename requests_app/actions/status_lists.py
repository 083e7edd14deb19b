"""Which code has which bit of which status list, and the lists for anybody. Their form is codes/status.py's."""

import secrets
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic

from django.conf import settings
from django.db.models import Exists, Max, OuterRef, Q
from django.db.models.functions import Coalesce

from audit_app.clock import now
from requests_app import keyring
from requests_app.actions.held import LIVE
from requests_app.codes.claims import StatusClaim
from requests_app.codes.status import SIZE, sign_list
from requests_app.errors import Missing
from requests_app.models import Grant, LatchCode

# A list in which so many places in a row are taken is as good as full; the next one is begun.
_DRAWN = 32
# Every process of the site makes a list at most once in this time, however often it is asked for.
_FRESH_SECONDS = 1.0
# A code past its end is refused by that; its bit stays for whoever's clock is late.
_KEPT = timedelta(days=1)
_random = secrets.SystemRandom()
_lock = Lock()
_made: dict[tuple[int, str], tuple[float, str]] = {}


def draw() -> tuple[int, int]:
    """Return a list's number and a place in it that no code ever had.

    Places are drawn at random: in turn, they would tell anybody who sees two codes how many were made between them.
    Two at once may draw the same; the database refuses the second, which draws again.
    """
    number = LatchCode.objects.aggregate(latest=Max("status_list"))["latest"] or 0
    drawn = _random.sample(range(SIZE), _DRAWN)
    there = LatchCode.objects.filter(status_list=number, status_index__in=drawn)
    taken = set(there.values_list("status_index", flat=True))
    free = [place for place in drawn if place not in taken]
    return (number, free[0]) if free else (number + 1, drawn[0])


def claim(number: int, place: int) -> StatusClaim:
    """Return how a code says where its status is found."""
    return StatusClaim(idx=place, uri=_uri(number))


def published(number: int) -> str:
    """Return this list, signed, at most a second old; raises Missing where no code ever had a place in it."""
    ring = keyring.keys()
    name = (number, ring.signing.kid)
    with _lock:
        at, text = _made.get(name, (0.0, ""))
        if not text or monotonic() - at > _FRESH_SECONDS:
            at, text = monotonic(), _signed(number)
            _made[name] = at, text
    return text


def forget() -> None:
    """The next list asked for is made anew."""
    _made.clear()


def invalid(number: int, moment: datetime) -> list[int]:
    """Return the places of this list whose codes are revoked, or were used and have nothing open any more."""
    live = Grant.objects.alias(end=Coalesce("expires_at", "hard_end")).filter(
        Q(activate_from__isnull=True) | Q(activate_from=OuterRef("activate_from")),
        access_request=OuterRef("access_request"),
        state__in=LIVE,
        end__gt=moment,
    )
    codes = LatchCode.objects.filter(status_list=number, expires_at__gt=moment - _KEPT)
    bad = Q(revoked_at__isnull=False) | (Q(spent_at__isnull=False) & ~Exists(live))
    found = codes.filter(bad).order_by().values_list("status_index", flat=True)
    return [place for place in found if place is not None]


def _signed(number: int) -> str:
    if not LatchCode.objects.filter(status_list=number).exists():
        raise Missing("There is no such status list.")
    moment = now()
    uri = _uri(number)
    places = invalid(number, moment)
    return sign_list(keyring.keys(), issuer=settings.BASE_URL, uri=uri, invalid=places, now=moment)


def _uri(number: int) -> str:
    return f"{settings.BASE_URL}/.well-known/latch-status/{number}"
