"""More time, less time, again what was taken away: each a POST that calls one action and says what became true."""

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from audit_app.clock import now
from requests_app.actions import extend as extending
from requests_app.actions import reopen
from requests_app.actions import shorten as shortening
from requests_app.errors import Invalid, Refused, SignInNeeded
from requests_app.models import AccessRequest, Grant
from requests_app.policy.durations import parse_duration
from requests_app.views import kept_form
from requests_app.views.codes import ELSEWHERE, elsewhere
from requests_app.views.detail import show
from requests_app.views.http import PortalRequest, back, grant_of, sign_in_facts, visible_request, why


@require_POST
def extend(request: PortalRequest, pk: int) -> HttpResponse:
    """More time is asked for, or was agreed to at once and is being written into Azure."""
    grant = grant_of(request, pk)
    try:
        wish = extending.ask(
            by=request.user,
            grant_id=grant.pk,
            total=timedelta(seconds=_whole_number(request.POST.get("total", ""))),
            reason=why(request),
            ticket=grant.access_request.ticket,
            submission_key=_key(request.POST.get("submission_key", "")),
            sign_in=sign_in_facts(request),
        )
    except SignInNeeded as error:
        return _step_up(request, pk, error, kept_form.EXTENSION)
    except Invalid as error:
        return _again(request, grant, error, "extend")
    kept_form.drop(request, kept_form.EXTENSION)
    if wish.state == AccessRequest.State.APPROVED:
        messages.success(
            request, "Agreed. The later end is being written into Azure; nothing is interrupted."
        )
    else:
        messages.success(request, "Asked for more time. Until it is agreed to, the end stays as it is.")
    return redirect(back(request, pk))


@require_POST
def shorten(request: PortalRequest, pk: int) -> HttpResponse:
    """It ends earlier than agreed."""
    grant = grant_of(request, pk)
    try:
        left = parse_duration(request.POST.get("left", ""))
    except ValueError:
        return _again(request, grant, Invalid("Choose how soon it should close."), "shorten")
    try:
        shortening.shorten(by=request.user, grant_id=grant.pk, end=now() + left, reason=why(request))
    except Invalid as error:
        return _again(request, grant, error, "shorten")
    messages.success(request, f"{grant.entitlement.name} closes sooner now.")
    return redirect(back(request, pk))


@require_POST
def open_again(request: PortalRequest, pk: int) -> HttpResponse:
    """What somebody took away in Azure is opening again, for the time that was left."""
    meant, grant = request.POST.get("from_elsewhere") == "1", grant_of(request, pk)
    try:
        again = reopen.open_again(
            by=request.user, grant_id=grant.pk, from_elsewhere=meant, sign_in=sign_in_facts(request)
        )
    except SignInNeeded as error:
        return _step_up(request, pk, error, kept_form.ACTIVATION)
    except Refused as error:
        if error.check != ELSEWHERE:
            raise
        return elsewhere(request, grant.access_request, error)
    kept_form.drop(request, kept_form.ACTIVATION)
    messages.success(request, f"{again.entitlement.name} is opening again, until its end as it was agreed.")
    return redirect(back(request, pk))


def _step_up(request: PortalRequest, pk: int, error: SignInNeeded, purpose: str) -> HttpResponse:
    return kept_form.step_up(
        request, error, purpose=purpose, back=reverse("request-detail", kwargs={"pk": pk})
    )


def _again(request: PortalRequest, grant: Grant, error: Invalid, form: str) -> HttpResponse:
    """Return the page with the form open and what was typed still in it."""
    words = {"form_error": error.reason, "form": form, "typed": why(request), "status": error.status}
    return show(request, visible_request(request.user, grant.access_request_id), form_grant=grant.pk, **words)


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("The form came without its key. Please load the page again.") from None


def _whole_number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Invalid("Choose how much more time you need.")
    return int(text)
