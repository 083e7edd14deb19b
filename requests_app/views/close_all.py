"""Close everything on one resource, or everything one person holds: what that would be, and the one loud button."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from requests_app.actions import revoke
from requests_app.actions.held import LIVE
from requests_app.errors import Invalid, Missing, Refused
from requests_app.models import Grant, Person, Resource
from requests_app.views.http import PortalRequest, why

PAGE = "requests/close_all.html"
SHOWN = 100
_METHODS = ["GET", "HEAD", "POST"]
_NOT_THE_OWNER = "Only an administrator or the owner of this resource can close everything on it."
_NOT_AN_ADMINISTRATOR = "Only an administrator can close everything a person holds."


@never_cache
@require_http_methods(_METHODS)
def resource(request: PortalRequest, key: str) -> HttpResponse:
    """Show what is open on this resource; by POST, with a reason, all of it is closing."""
    found = Resource.objects.filter(key=key).first()
    if found is None:
        raise _nobody(request, "resource", _NOT_THE_OWNER)
    if request.method != "POST" and not revoke.may_close(request.user, found):
        raise _refused(_NOT_THE_OWNER)
    return _answer(
        request,
        Grant.objects.filter(entitlement__resource=found),
        f"on {found.name}",
        lambda: revoke.revoke_resource(by=request.user, resource_id=found.pk, reason=why(request)),
    )


@never_cache
@require_http_methods(_METHODS)
def person(request: PortalRequest, oid: UUID) -> HttpResponse:
    """Show what this person holds; by POST, with a reason, all of it is closing."""
    found = Person.objects.filter(tid=request.user.tid, oid=oid).first()
    if found is None:
        raise _nobody(request, "person", _NOT_AN_ADMINISTRATOR)
    if request.method != "POST" and not request.user.is_administrator:
        raise _refused(_NOT_AN_ADMINISTRATOR)
    return _answer(
        request,
        Grant.objects.filter(person=found),
        f"{found} holds",
        lambda: revoke.revoke_person(by=request.user, person_id=found.pk, reason=why(request)),
    )


def _answer(
    request: PortalRequest, grants: QuerySet[Grant], what: str, close: Callable[[], int]
) -> HttpResponse:
    error, status = "", 200
    if request.method == "POST":
        try:
            count = close()
        except Invalid as invalid:
            error, status = invalid.reason, invalid.status
        else:
            messages.success(request, f"Closing everything {what}: {count} revoked.")
            return redirect(request.path)
    held = grants.filter(state__in=[Grant.State.ISSUED, *LIVE, Grant.State.CLOSING])
    rows = list(held.select_related("entitlement__resource", "person").order_by("id")[: SHOWN + 1])
    context = {
        "what": what,
        "grants": rows[:SHOWN],
        "more": len(rows) > SHOWN,
        "to_close": any(grant.state != Grant.State.CLOSING for grant in rows),
        "error": error,
    }
    return render(request, PAGE, context, status=status)


def _refused(words: str) -> Refused:
    return Refused(
        words, check="administrator", way_on="Ask an administrator; the status page is for everybody."
    )


def _nobody(request: PortalRequest, what: str, words: str) -> Missing | Refused:
    """Return the error for what is not there: only whoever may close things learns that it is not."""
    return Missing(f"There is no such {what}.") if request.user.is_administrator else _refused(words)
