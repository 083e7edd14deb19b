"""What a door's card offers to do with its time: more of it, less of it, or again what was taken away. Read-only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from requests_app import context, directory
from requests_app.actions.extending import latest
from requests_app.actions.reopen import could_open_again
from requests_app.models import AccessRequest, Grant
from requests_app.policy.durations import write_duration
from requests_app.policy.evaluate import eligible

_MORE = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240))
_LESS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 10, 15, 30, 60, 120))
# Whoever extends fills in a form first; what can be asked for until the very last second is offered in vain.
_TIME_TO_TYPE = timedelta(seconds=20)


@dataclass(frozen=True)
class Offer:
    """One time to choose: as the form sends it, and as a length of time."""

    value: str
    length: timedelta


@dataclass(frozen=True)
class TimeOffers:
    """What this person may do with the time of one grant now.

    `more` are whole times since the opening, each shown as what it adds; `most` is the whole time policy allowed when
    it was asked for; `waiting` is the request for more time that nobody decided yet.
    """

    more: tuple[Offer, ...] = ()
    less: tuple[Offer, ...] = ()
    until: datetime | None = None
    most: timedelta | None = None
    at_most: bool = False
    waiting: AccessRequest | None = None
    again: timedelta | None = None
    submission_key: UUID | None = None


def time_offers(grant: Grant, buttons: frozenset[str], *, holder: bool, moment: datetime) -> TimeOffers:
    """Return what may be done. Needs the grant's item and extensions; policy and the directory are asked at the click."""
    if holder and could_open_again(grant, moment) and grant.expires_at:
        return TimeOffers(again=grant.expires_at - moment)
    if grant.state != Grant.State.OPEN or grant.expires_at is None or grant.opened_at is None:
        return TimeOffers()
    left = grant.expires_at - moment
    less = tuple(Offer(write_duration(length), length) for length in _LESS if length < left)
    less = less[-4:] if "shorten" in buttons else ()
    if "extend" not in buttons:
        return TimeOffers(less=less)
    waiting = next((one for one in grant.extensions.all() if one.state in ("pending", "returned")), None)
    last = latest(grant)
    if waiting or last is None or moment >= last - _TIME_TO_TYPE:
        return TimeOffers(less=less, waiting=waiting)
    most = _most(grant, moment)
    if most is None:
        return TimeOffers(less=less)
    total = grant.expires_at - grant.opened_at
    more = _more(total, most)
    return TimeOffers(more=more, less=less, until=last, most=most, at_most=not more, submission_key=uuid4())


def _most(grant: Grant, moment: datetime) -> timedelta | None:
    """Return the whole time policy allows; None where only an emergency let them in, and nobody can be asked for more."""
    if not grant.break_glass:
        return timedelta(seconds=grant.item.verdict.get("max_duration", 0))
    facts = directory.person_facts(grant.person, moment)
    usual = eligible(context.active_policy(), facts, context.entitlement_facts(grant.entitlement))
    return usual.max_duration if usual else None


def _more(total: timedelta, most: timedelta) -> tuple[Offer, ...]:
    """Return what can be added to this whole time, the most there is last."""
    room = timedelta(seconds=int((most - total).total_seconds()))
    if room < timedelta(minutes=1):
        return ()
    lengths = [length for length in _MORE if length < room][-3:]
    return tuple(Offer(_seconds(total + length), length) for length in (*lengths, room))


def _seconds(length: timedelta) -> str:
    # Rounded up: an end a fraction of a second before the present one would be refused.
    return str(-(-int(length / timedelta(microseconds=1)) // 1_000_000))
