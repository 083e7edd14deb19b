"""Grants as the pages show them: how far open, until when, and what Azure said. Read-only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch, QuerySet

from audit_app.clock import now
from requests_app import lifecycle
from requests_app.models import AccessRequest, Attempt, Grant, LatchCode, Opening, Person
from requests_app.targets.kinds import Kind, words_for
from requests_app.views.time_offers import TimeOffers, time_offers


@dataclass(frozen=True)
class Trouble:
    """Why a door is not as it should be: our sentence, and Azure's own words."""

    sentence: str
    code: str = ""
    message: str = ""
    at: datetime | None = None
    correlation_id: str = ""


@dataclass(frozen=True)
class OpeningRow:
    """One rule of a door: what is wanted, what was read, and each attempt."""

    opening: Opening
    word: str
    tone: str
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class Door:
    """One grant with everything its card shows."""

    grant: Grant
    total: int
    buttons: frozenset[str]
    time: TimeOffers
    trouble: Trouble | None
    openings: tuple[OpeningRow, ...]
    code_live: bool
    moving: bool
    close_lag: timedelta | None
    sessions: str


def with_openings(grants: QuerySet[Grant]) -> QuerySet[Grant]:
    """Return the grants with all that their cards show, in a fixed number of queries."""
    openings = Opening.objects.select_related("container__snapshot").defer("container__snapshot__body")
    live_codes = LatchCode.objects.filter(spent_at__isnull=True, revoked_at__isnull=True)
    waiting = AccessRequest.objects.filter(state__in=["pending", "returned"])
    return grants.select_related(
        "entitlement__resource", "access_request", "person", "item"
    ).prefetch_related(
        Prefetch("extensions", waiting),
        Prefetch("openings", openings),
        Prefetch("openings__attempts", Attempt.objects.order_by("id")),
        Prefetch("access_request__codes", live_codes),
    )


def doors(grants: Iterable[Grant], person: Person) -> list[Door]:
    """Return what each of these grants shows to this person. Needs `with_openings`."""
    return [_door(grant, person) for grant in grants]


def _door(grant: Grant, person: Person) -> Door:
    lag = grant.closed_at - grant.ending_at if grant.closed_at and grant.ending_at else None
    buttons = frozenset(button.event for button in lifecycle.buttons(grant, person))
    whole = grant.expires_at - grant.opened_at if grant.expires_at and grant.opened_at else grant.duration
    return Door(
        grant=grant,
        total=int(whole.total_seconds()),
        buttons=buttons,
        time=time_offers(grant, buttons, holder=grant.person_id == person.pk, moment=now()),
        trouble=_trouble(grant),
        openings=tuple(_row(opening) for opening in grant.openings.all()),
        code_live=bool(grant.access_request.codes.all()),
        moving=grant.state in {Grant.State.OPENING, Grant.State.CLOSING, Grant.State.EXTENDING},
        close_lag=lag if grant.activated_at else None,
        sessions=_sessions(grant),
    )


def _sessions(grant: Grant) -> str:
    """Say what becomes of connections that are up when the rule goes; the trail keeps which it was."""
    if grant.flush_connection:
        return "This group re-evaluates connections that are up: sessions may be cut when the rule goes."
    return "Sessions that are already connected stay up until you end them, even after the rule is gone."


def _row(opening: Opening) -> OpeningRow:
    wanted = opening.desired == Opening.Desired.PRESENT
    seen = opening.observed
    if wanted:
        word, tone = {"present": ("Open, as read from Azure", "good")}.get(seen, ("Being written", "wait"))
    else:
        word, tone = {"absent": ("Gone, as read from Azure", "quiet")}.get(seen, ("Being removed", "wait"))
    return OpeningRow(opening, word, tone, tuple(opening.attempts.all()))


def _trouble(grant: Grant) -> Trouble | None:
    """Return what stands in the way now, or why it could never open; None when all is well."""
    failed = grant.ended_why == Grant.Why.FAILED
    if not failed and grant.state not in {Grant.State.OPENING, Grant.State.CLOSING}:
        return None
    last = _last_error(grant, failed=failed)
    if failed:
        sentence = grant.ended_note or "Azure did not open it."
        return _told(last, sentence) if last else Trouble(sentence)
    if last:
        where = last.opening.container.name
        kind: Kind = last.error_kind if last.error_kind else "unknown"  # type: ignore[assignment]
        return _told(last, words_for(kind, where))
    unread = [_unreadable(opening) for opening in grant.openings.all()]
    return next((Trouble(words) for words in unread if words), None)


def _last_error(grant: Grant, *, failed: bool) -> Attempt | None:
    """Return the latest attempt if it went wrong; of a door that never opened, the latest that did."""
    writes = [attempt for opening in grant.openings.all() for attempt in opening.attempts.all()]
    if failed:
        writes = [attempt for attempt in writes if attempt.kind == Attempt.Kind.WRITE and attempt.error_kind]
    latest = max(writes, key=lambda attempt: attempt.pk, default=None)
    return latest if latest and latest.error_kind else None


def _told(attempt: Attempt, sentence: str) -> Trouble:
    return Trouble(
        sentence, attempt.error_code, attempt.error_message, attempt.started_at, attempt.correlation_id
    )


def _unreadable(opening: Opening) -> str:
    snapshot = getattr(opening.container, "snapshot", None)
    return snapshot.error if snapshot else ""
