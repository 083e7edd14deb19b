"""The way to Azure's Activity Log, handed down to the audit app, which knows neither SDK nor rules nor attempts."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings

from audit_app.activity import reading
from audit_app.activity.beside import Outcome, Record, Verb, Write
from audit_app.clock import now
from requests_app import gateways, wake
from requests_app.models import AccessRequest, Attempt, Grant, Opening
from requests_app.targets import activity
from requests_app.targets.base import TargetError
from requests_app.targets.kinds import Kind

# Clocks differ; and what somebody does to a rule of ours after its end belongs to its story as well.
BEFORE: Final = timedelta(minutes=10)
AFTER: Final = timedelta(days=1)
# A request that could not close for days has an attempt every half minute; a page shows no more.
MOST_WRITES: Final = 300
_VERBS: Final[dict[str, Verb]] = {Attempt.Kind.WRITE: "write", Attempt.Kind.REMOVE: "delete"}
_OUTCOMES: Final[dict[str, Outcome]] = {Attempt.Outcome.DONE: "done", Attempt.Outcome.FAILED: "refused"}
_WORDS: Final[dict[Kind, str]] = {
    "forbidden": "Azure does not let the portal's identity read the workspace. It needs the role Log Analytics Reader "
    "there; a new role takes some minutes to count.",
    "missing": "Azure knows no such workspace. LOG_ANALYTICS_WORKSPACE is its workspace id, a GUID, and "
    "LOG_ANALYTICS_ENDPOINT must be of the same cloud.",
    "identity": "Azure did not accept the portal's token. Read again in a moment: it gets a new one.",
    "throttled": "Azure takes no more queries from the portal just now.",
    "timeout": "Azure did not answer in time.",
    "unreachable": "Azure's Log Analytics could not be reached.",
    "invalid": "Azure did not understand the query; that is the portal's fault.",
}


def register_all() -> None:
    """Stories of requests can be compared with Azure's Activity Log, once the settings say where it is."""
    reading.hand_down(
        reading.Way(
            on=lambda: bool(settings.LOG_ANALYTICS_WORKSPACE),
            ours=ours,
            read=read,
            wake=lambda reading_id: wake.wake(wake.READ_ACTIVITY, reading_id),
        )
    )


def ours(story: str) -> reading.Ours | None:
    """Return what this request wrote to Azure, and by what it can be found there; None for another kind of story."""
    access_request = _request(story)
    if access_request is None:
        return None
    openings = list(Opening.objects.filter(grant__access_request=access_request))
    attempts = Attempt.objects.filter(opening__in=openings).select_related("opening__container")
    tries = list(attempts.order_by("pk")[: MOST_WRITES + 1])
    ids = {access_request.correlation_id, *(one.correlation_id for one in tries)}
    return reading.Ours(
        correlation_ids=tuple(sorted(one for one in ids if _is_uuid(one))),
        rules=tuple(sorted({opening.name for opening in openings})),
        writes=tuple(_write(one) for one in tries[:MOST_WRITES]),
        since=access_request.submitted_at - BEFORE,
        until=_until(access_request),
        more=len(tries) > MOST_WRITES,
    )


def read(wanted: reading.Ours) -> reading.Found:
    """What Azure's log holds. Raises Unreadable, in words for a person with Azure's own behind them."""
    try:
        found = activity.read(
            gateways.azure_config(),
            settings.LOG_ANALYTICS_WORKSPACE,
            correlation_ids=wanted.correlation_ids,
            rules=wanted.rules,
            since=wanted.since,
            until=wanted.until,
        )
    except TargetError as error:
        words = _WORDS.get(error.kind, "Azure failed, with a reason unknown here.")
        said = " ".join(part for part in (error.code, error.message) if part)
        raise reading.Unreadable(f"{words} Azure said: {said}", retry_after=error.retry_after) from error
    return reading.Found(tuple(Record(**asdict(row)) for row in found.rows), found.partial)


def _request(story: str) -> AccessRequest | None:
    kind, _, number = story.partition("-")
    if kind != "request" or not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    return AccessRequest.objects.filter(pk=int(number)).first()


def _until(access_request: AccessRequest) -> datetime:
    """Until when the log is of interest: a day after the last of it was over, or now."""
    moment = now()
    grants = list(access_request.grants.values_list("state", "closed_at"))
    if any(state != Grant.State.CLOSED for state, _ in grants):
        return moment
    ends = [closed_at for _, closed_at in grants if closed_at]
    last = max([*ends, access_request.decided_at or moment])
    return min(moment, last + AFTER)


def _write(attempt: Attempt) -> Write:
    return Write(
        at=attempt.started_at,
        verb=_VERBS[attempt.kind],
        rule=attempt.opening.name,
        where=attempt.opening.container.name,
        outcome=_OUTCOMES.get(attempt.outcome, "unknown"),
        correlation_id=attempt.correlation_id,
    )


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
