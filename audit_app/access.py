"""Who may read the trail: whoever holds the right to see events. Refusals are said here; how rights come about is not."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec

from django.http import HttpRequest, HttpResponseBase

from audit_app.trail import Party

VIEW_EVENTS: Final = "audit_app.view_event"
RUN_REVIEWS: Final = "audit_app.change_accessreview"
P = ParamSpec("P")


class NotForYou(Exception):
    """Somebody without the auditor's or the administrator's role asked for the trail. Nothing was shown."""

    status = 403
    title = "The audit trail is for auditors and administrators"
    check = "may read the audit trail"
    way_on = (
        "Ask an administrator for the role Latch.Auditor in Entra; it takes effect when you sign in again."
    )
    reason = "Your last sign-in brought neither the auditor's nor the administrator's role."


class NotYours(Exception):
    """Somebody other than an administrator wanted to run a campaign or a regular export. Nothing was changed."""

    status = 403
    title = "This is for administrators"
    check = "administrator"
    way_on = "Ask an administrator. Deciding the rows that are yours, and fetching a file, needs less."
    reason = "Campaigns of review and regular exports are made and ended by administrators."


class Unknown(Exception):
    """There is no such export, story or campaign."""

    status = 404
    title = "Not found"
    check = ""
    way_on = "Go back to the list and choose from there."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def auditors_only(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """The view answers only people who may see events; raises NotForYou for everybody else."""

    return _only(view, VIEW_EVENTS, NotForYou)


def runners_only(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """The view answers only people who may run campaigns; raises NotYours for everybody else."""
    return _only(view, RUN_REVIEWS, NotYours)


def _only(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
    right: str,
    refusal: type[NotForYou] | type[NotYours],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.has_perm(right):
            raise refusal(refusal.reason)
        return view(request, *args, **kwargs)

    return guarded


def party(request: HttpRequest) -> Party:
    """Return who is signed in, as the trail knows them; the floors above give every person a `party`."""
    person: Any = request.user
    made: Party = person.party
    return made
