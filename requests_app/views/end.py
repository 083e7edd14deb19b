"""Taking back, giving back, ending, revoking: each a POST that calls one action and says what became true."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from requests_app.actions import codes, end, submit
from requests_app.actions import revoke as revoking
from requests_app.errors import Invalid
from requests_app.models import Grant
from requests_app.views.detail import show
from requests_app.views.http import PortalRequest, back, grant_of, visible_request, why


@require_POST
def withdraw(request: PortalRequest, pk: int) -> HttpResponse:
    """The request waits for nobody any more."""
    access_request = visible_request(request.user, pk)
    submit.withdraw(by=request.user, access_request_id=access_request.pk, why=why(request))
    messages.success(request, "Withdrawn. Nobody is asked any more.")
    return redirect("request-detail", pk=pk)


@require_POST
def cancel(request: PortalRequest, pk: int) -> HttpResponse:
    """The unused right is given back and its code works no more."""
    access_request = visible_request(request.user, pk)
    codes.cancel(by=request.user, access_request_id=access_request.pk, why=why(request))
    messages.success(request, "Cancelled before use. A code of it works no more.")
    return redirect("request-detail", pk=pk)


@require_POST
def end_now(request: PortalRequest, pk: int) -> HttpResponse:
    """What this request opened is closing."""
    grant = end.end_now(by=request.user, grant_id=grant_of(request, pk).pk)
    messages.success(request, f"{grant.entitlement.name} is closing now, before its time.")
    return redirect(back(request, pk))


@require_POST
def revoke(request: PortalRequest, pk: int) -> HttpResponse:
    """What this request opened, or could have opened, is closing by an administrator's word."""
    access_request = visible_request(request.user, pk)
    try:
        revoking.revoke_request(by=request.user, access_request_id=pk, reason=why(request))
    except Invalid as error:
        words = {"revoke_error": error.fields.get("reason", error.reason), "status": error.status}
        return show(request, access_request, **words)
    grants = Grant.objects.filter(access_request=pk).select_related("entitlement", "person").order_by("pk")
    messages.success(request, f"Revoked. {' '.join(map(_what_became, grants))}")
    return redirect("request-detail", pk=pk)


def _what_became(grant: Grant) -> str:
    if grant.state == Grant.State.CLOSED and grant.activated_at:
        return f"{grant.entitlement.name} of {grant.person} was closed already."
    done = "is closing now" if grant.state == Grant.State.CLOSING else "can not be activated any more"
    return f"{grant.entitlement.name} of {grant.person} {done}."
