"""Asking: the form, and beside it what would happen. One entitlement at a time."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from audit_app import origin
from audit_app.clock import now
from requests_app import context, directory
from requests_app import preview as previews
from requests_app.actions import fresh, submit
from requests_app.errors import Invalid, LatchError, Missing, Refused, SignInNeeded
from requests_app.models import AccessRequest, Entitlement, Person
from requests_app.policy.checks import Check
from requests_app.policy.evaluate import eligible
from requests_app.policy.facts import REQUEST
from requests_app.policy.sign_in import FreshSignIn
from requests_app.policy.verdict import Limits
from requests_app.views import kept_form
from requests_app.views.break_glass import may_break
from requests_app.views.http import PortalRequest, sign_in_facts
from requests_app.views.new_form import AskForm, beginning, presets
from requests_app.views.stages import usual_waits

PAGE = "requests/new.html"
NEEDED = "needed"
# A check whose field is still empty is not a refusal yet. A reason is measured while it is being typed.
_STILL_EMPTY = {"duration": "duration", "ticket": "ticket"}
# What asking itself leads to is no refusal either.
_NEEDED_ALL_ALONG = ("reason", FreshSignIn.name)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: PortalRequest) -> HttpResponse:
    """Show the form for ?entitlement=…; posted, ask. With `preview` posted, only show what would happen.

    With `prove` posted, or where only the sign-in is in the way, go and prove it: the form is kept.
    """
    if request.method != "POST":
        kept = kept_form.shown(request, kept_form.REQUEST)
        return _as_typed(request, kept.data) if kept else _blank(request)
    if "preview" in request.POST:
        return _as_typed(request, request.POST)
    entitlement = _entitlement(request.POST.get("entitlement", ""))
    if "prove" in request.POST:
        return _prove(request, entitlement)
    form = AskForm(request.POST)
    if not form.is_valid():
        return render(request, PAGE, _page(request, entitlement, form), status=Invalid.status)
    try:
        access_request = submit.submit(
            by=request.user,
            ask=form.ask(entitlement),
            submission_key=form.cleaned_data["submission_key"],
            sign_in=sign_in_facts(request),
        )
    except SignInNeeded as error:
        return _step_up(request, entitlement, error)
    except (Refused, Invalid) as error:
        return _refused(request, entitlement, form, error)
    kept_form.drop(request, kept_form.REQUEST)
    messages.success(request, _asked(access_request))
    return redirect("request-detail", pk=access_request.pk)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: PortalRequest) -> HttpResponse:
    """Show what the form as typed so far would do. Changes nothing, whatever the method."""
    data = request.POST if request.method == "POST" else request.GET
    entitlement = _entitlement(data.get("entitlement", ""))
    form = AskForm(data)
    form.is_valid()
    limits = _limits(request.user, entitlement)
    return render(request, f"{PAGE}#preview", _seen(request, entitlement, form, limits))


def _as_typed(request: PortalRequest, data: QueryDict) -> HttpResponse:
    """Return the page with this typed into it, and nothing of it called wrong yet."""
    entitlement = _entitlement(data.get("entitlement", ""))
    form = AskForm(data)
    form.is_valid()
    form.errors.clear()
    return render(request, PAGE, _page(request, entitlement, form, asking=True))


def _prove(request: PortalRequest, entitlement: Entitlement) -> HttpResponse:
    """Lead to Entra, and back to the form as it was typed so far; show it at once where nothing is to be proved."""
    _limits(request.user, entitlement)
    try:
        fresh.require_at(
            REQUEST,
            by=request.user,
            entitlements=[entitlement],
            sign_in=sign_in_facts(request),
            now=now(),
        )
    except SignInNeeded as error:
        return _step_up(request, entitlement, error)
    return _as_typed(request, request.POST)


def _step_up(request: PortalRequest, entitlement: Entitlement, error: SignInNeeded) -> HttpResponse:
    back = f"{reverse('request-new')}?{urlencode({'entitlement': entitlement.key})}"
    return kept_form.step_up(request, error, purpose=kept_form.REQUEST, back=back)


def _blank(request: PortalRequest) -> HttpResponse:
    key = request.GET.get("entitlement", "")
    if not key:
        return redirect("catalogue")
    entitlement = _entitlement(key)
    limits = _limits(request.user, entitlement)
    here = origin.current().source_address or ""
    said = {name: request.GET.get(name, "") for name in ("duration", "reason", "ticket")}
    first = beginning(entitlement, most=limits.max_duration, source=here, said=said)
    form = AskForm(first)
    form.is_valid()
    words = _page(request, entitlement, form, limits, asking=True)
    # The page itself shows the form untouched: what is missing is said beside it, not in red within.
    return render(request, PAGE, {**words, "form": AskForm(initial=first)})


def _refused(
    request: PortalRequest, entitlement: Entitlement, form: AskForm, error: LatchError
) -> HttpResponse:
    # Somebody who could never have it is told so by the error's own page, which shows nothing of the network.
    _limits(request.user, entitlement, otherwise=error)
    form.add_error(None, error.reason)
    words = _page(request, entitlement, form)
    return render(request, PAGE, {**words, "error": error}, status=error.status)


def _entitlement(key: str) -> Entitlement:
    found = Entitlement.objects.select_related("resource").filter(key=key).first()
    if found is None:
        raise _no_such()
    return found


def _no_such() -> Missing:
    return Missing(
        "There is no such entitlement, or none that you may ask for.",
        way_on="The catalogue shows all that you can ask for.",
    )


def _limits(person: Person, entitlement: Entitlement, *, otherwise: LatchError | None = None) -> Limits:
    """Return the most this person could get; raises Missing (or `otherwise`) for whom it is not on offer."""
    facts = directory.person_facts(person, now())
    limits = eligible(context.active_policy(), facts, context.entitlement_facts(entitlement))
    if limits is None:
        raise otherwise or _no_such()
    return limits


def _page(
    request: PortalRequest,
    entitlement: Entitlement,
    form: AskForm,
    limits: Limits | None = None,
    *,
    asking: bool = False,
) -> dict[str, Any]:
    limits = limits or _limits(request.user, entitlement)
    return {
        **_seen(request, entitlement, form, limits, asking=asking),
        "form": form,
        "presets": presets(limits.max_duration),
        "may_break_glass": may_break(request.user, entitlement),
        "own_address_only": context.active_policy().source.own_address_only,
    }


def _seen(
    request: PortalRequest, entitlement: Entitlement, form: AskForm, limits: Limits, *, asking: bool = True
) -> dict[str, Any]:
    """Return what stands beside the form. While asking, what is only missing yet is not called a failure."""
    here = origin.current().source_address
    moment = now()
    ask = form.ask(entitlement)
    shown = previews.preview(request.user, ask, observed=here, now=moment, sign_in=sign_in_facts(request))
    checks = [_soften(check, form) if asking else check for check in shown.verdict.checks]
    refused = any(check.refuses for check in checks)
    missing = any(check.outcome == NEEDED for check in checks)
    return {
        "now": moment,
        "entitlement": entitlement,
        "limits": limits,
        "shown": shown,
        "ask": ask,
        "open_checks": [check for check in checks if check.outcome != "pass"],
        "passed_checks": [check for check in checks if check.outcome == "pass"],
        "prove": any(
            check.name == FreshSignIn.name and check.outcome in ("fail", NEEDED) for check in checks
        ),
        "outcome": "refused" if refused else "incomplete" if missing else "allowed",
        "stages": [
            {"title": stage.need.title, "note": _seats(stage), "people": _here(stage), "away": _away(stage)}
            for stage in shown.stages
        ],
        "usual": usual_waits([entitlement.pk]).get(entitlement.pk),
        "observed": here,
    }


def _here(stage: previews.StagePreview) -> list[str]:
    return [one.label for one in stage.people if one.away_until is None]


def _away(stage: previews.StagePreview) -> list[tuple[str, datetime]]:
    return [(one.label, one.away_until) for one in stage.people if one.away_until]


def _seats(stage: previews.StagePreview) -> str:
    if stage.need.everyone:
        return "all of them have to agree"
    return f"{stage.need.quorum} of them have to agree" if stage.need.quorum > 1 else ""


def _soften(check: Check, form: AskForm) -> Check:
    field = _STILL_EMPTY.get(check.name)
    empty = field is not None and not str(form.data.get(field, "")).strip()
    if check.outcome == "fail" and (empty or check.name in _NEEDED_ALL_ALONG):
        return replace(check, outcome=NEEDED)  # type: ignore[arg-type]
    return check


def _asked(access_request: AccessRequest) -> str:
    """Return what became true, in a sentence."""
    if access_request.state == AccessRequest.State.APPROVED:
        return "Approved by policy. Activate it when you are ready; the time starts when it is open."
    titles = [f"“{stage.title}”" for stage in access_request.stages.filter(state="active")]
    left = access_request.lapses_at - now() if access_request.lapses_at else timedelta(0)
    hours = int(left.total_seconds() // 3600) + 1
    who, verb = " and ".join(titles), "decide" if len(titles) > 1 else "decides"
    return f"Asked. {who} {verb} next, within {hours} h."
