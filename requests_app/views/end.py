"""Taking back, giving back, ending, revoking: each a POST that calls one action and says what became true."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from requests_app.actions import codes, end, submit
from requests_app.actions import revoke as revoking
from requests_app.errors import Invalid, Missing
from requests_app.models import Grant
from requests_app.views.detail import show
from requests_app.views.http import PortalRequest, visible_request


@require_POST
def withdraw(request: PortalRequest, pk: int) -> HttpResponse:
    """The request waits for nobody any more."""
    access_request = visible_request(request.user, pk)
    submit.withdraw(by=request.user, access_request_id=access_request.pk, why=_why(request))
    messages.success(request, "Withdrawn. Nobody is asked any more.")
    return redirect("request-detail", pk=pk)


@require_POST
def cancel(request: PortalRequest, pk: int) -> HttpResponse:
    """The unused right is given back and its code works no more."""
    access_request = visible_request(request.user, pk)
    codes.cancel(by=request.user, access_request_id=access_request.pk, why=_why(request))
    messages.success(request, "Cancelled before use. A code of it works no more.")
    return redirect("request-detail", pk=pk)


@require_POST
def end_now(request: PortalRequest, pk: int) -> HttpResponse:
    """What this request opened is closing."""
    grant = end.end_now(by=request.user, grant_id=_grant(request, pk).pk)
    messages.success(request, f"{grant.entitlement.name} is closing now, before its time.")
    return redirect(_back(request, pk))


@require_POST
def revoke(request: PortalRequest, pk: int) -> HttpResponse:
    """What this request opened, or could have opened, is closing by an administrator's word."""
    grant = _grant(request, pk)
    try:
        ended = revoking.revoke(by=request.user, grant_id=grant.pk, reason=_why(request))
    except Invalid as error:
        words = {"revoke_error": error.fields.get("reason", error.reason), "status": error.status}
        return show(request, visible_request(request.user, pk), **words)
    done = "is closing now" if ended.state == Grant.State.CLOSING else "can not be activated any more"
    messages.success(request, f"Revoked. {ended.entitlement.name} of {ended.person} {done}.")
    return redirect("request-detail", pk=pk)


def _grant(request: PortalRequest, pk: int) -> Grant:
    """Return the right that came out of a request this person may see; raises Missing where none did."""
    grant = Grant.objects.filter(access_request=visible_request(request.user, pk)).order_by("-id").first()
    if grant is None:
        raise Missing("Nothing came out of this request yet.", way_on="It is not approved.")
    return grant


def _why(request: PortalRequest) -> str:
    return request.POST.get("reason", "").strip()[:1000]


def _back(request: PortalRequest, pk: int) -> str:
    return "/" if request.POST.get("back") == "home" else f"/requests/{pk}/"
