"""Asking: the form, and beside it what would happen. One entitlement, or several in one request."""

from collections.abc import Sequence
from datetime import timedelta
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
from requests_app import behalf, bundles, context
from requests_app.actions import for_others, fresh, submit
from requests_app.errors import Invalid, LatchError, Refused, SignInNeeded
from requests_app.models import AccessRequest, Entitlement
from requests_app.policy.facts import REQUEST
from requests_app.views import kept_form
from requests_app.views.again import again
from requests_app.views.break_glass import may_break
from requests_app.views.http import PortalRequest, sign_in_facts
from requests_app.views.new_for import ForWhom, for_whom
from requests_app.views.new_form import NewForm, beginning, presets
from requests_app.views.new_preview import preview_words
from requests_app.views.on_offer import no_such

PAGE = "requests/new.html"
# What a press may lead to beside asking: a look at what would happen, one thing less, a fresh sign-in.
LOOK, DROP, PROVE = "preview", "drop", "prove"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: PortalRequest) -> HttpResponse:
    """Show the form for ?entitlement=… (once or several times), or ?again=… as an earlier request was; posted, ask.

    With `preview` posted, only show what would happen; with `drop`, the same without that one. With `prove` posted, or
    where only the sign-in is in the way, go and prove it: the form is kept.
    """
    if request.method != "POST":
        kept = kept_form.shown(request, kept_form.REQUEST)
        return _as_typed(request, kept.data) if kept else _blank(request)
    if LOOK in request.POST or DROP in request.POST:
        return _looked_at(request)
    wanted = _wanted(request.POST)
    if PROVE in request.POST:
        return _prove(request, wanted)
    form = NewForm(request.POST)
    if not form.is_valid():
        return render(request, PAGE, _page(request, wanted, form), status=Invalid.status)
    return _ask(request, wanted, form)


def _ask(request: PortalRequest, wanted: Sequence[Entitlement], form: NewForm) -> HttpResponse:
    said: dict[str, Any] = {
        "by": request.user,
        "asks": [form.ask(entitlement) for entitlement in wanted],
        "submission_key": form.cleaned_data["submission_key"],
        "sign_in": sign_in_facts(request),
    }
    try:
        if form.for_other:
            access_request = for_others.submit_for(named=form.cleaned_data["person"], **said)
        else:
            access_request = submit.submit(**said)
    except SignInNeeded as error:
        return _step_up(request, wanted, error)
    except (Refused, Invalid) as error:
        return _refused(request, wanted, form, error)
    kept_form.drop(request, kept_form.REQUEST)
    messages.success(request, _asked(access_request))
    return redirect("request-detail", pk=access_request.pk)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: PortalRequest) -> HttpResponse:
    """Show what the form as typed so far would do. Changes nothing, whatever the method."""
    data = request.POST if request.method == "POST" else request.GET
    wanted = _wanted(data)
    form = NewForm(data)
    form.is_valid()
    whom = for_whom(request.user, wanted, form)
    return render(request, f"{PAGE}#preview", preview_words(request, wanted, form, whom))


def _looked_at(request: PortalRequest) -> HttpResponse:
    """Return the page as typed, without the one that is to be left out; the catalogue when none is left."""
    data = request.POST.copy()
    data.setlist("entitlement", [key for key in data.getlist("entitlement") if key != data.get(DROP)])
    return _as_typed(request, data) if data.getlist("entitlement") else redirect("catalogue")


def _as_typed(request: PortalRequest, data: QueryDict) -> HttpResponse:
    """Return the page with this typed into it, and nothing of it called wrong yet."""
    wanted = _wanted(data)
    form = NewForm(data)
    form.is_valid()
    form.errors.clear()
    return render(request, PAGE, _page(request, wanted, form, asking=True))


def _prove(request: PortalRequest, wanted: Sequence[Entitlement]) -> HttpResponse:
    """Lead to Entra, and back to the form as it was typed so far; show it at once where nothing is to be proved."""
    form = NewForm(request.POST)
    form.is_valid()
    whom = for_whom(request.user, wanted, form)
    if whom.check:
        return _as_typed(request, request.POST)
    try:
        fresh.require_at(
            REQUEST,
            by=whom.person or request.user,
            entitlements=wanted,
            sign_in=sign_in_facts(request),
            now=now(),
        )
    except SignInNeeded as error:
        return _step_up(request, wanted, error)
    return _as_typed(request, request.POST)


def _step_up(request: PortalRequest, wanted: Sequence[Entitlement], error: SignInNeeded) -> HttpResponse:
    back = f"{reverse('request-new')}?{urlencode({'entitlement': [one.key for one in wanted]}, doseq=True)}"
    return kept_form.step_up(request, error, purpose=kept_form.REQUEST, back=back)


def _blank(request: PortalRequest) -> HttpResponse:
    if "again" in request.GET:
        return _untouched(request, *again(request, request.GET["again"]))
    if not any(request.GET.getlist("entitlement")):
        if "chosen" in request.GET:
            messages.warning(
                request, "Nothing was ticked. Tick what you need, then ask for it in one request."
            )
        return redirect("catalogue")
    said = {name: request.GET.get(name, "") for name in ("duration", "reason", "ticket", "person")}
    return _untouched(request, _wanted(request.GET), said)


def _untouched(request: PortalRequest, wanted: Sequence[Entitlement], said: dict[str, str]) -> HttpResponse:
    whom = for_whom(request.user, wanted, None)
    here = origin.current().source_address or ""
    most = min(one.max_duration for one in whom.limits)
    first = beginning([one.key for one in wanted], most=most, source=here, said=said)
    form = NewForm(first)
    form.is_valid()
    words = _page(request, wanted, form, None if said.get("person") else whom, asking=True)
    # The page itself shows the form untouched: what is missing is said beside it, not in red within.
    return render(request, PAGE, {**words, "form": NewForm(initial=first)})


def _refused(
    request: PortalRequest, wanted: Sequence[Entitlement], form: NewForm, error: LatchError
) -> HttpResponse:
    # Somebody who could never have it is told so by the error's own page, which shows nothing of the network.
    whom = for_whom(request.user, wanted, form, otherwise=error)
    form.add_error(None, error.reason)
    words = _page(request, wanted, form, whom)
    return render(request, PAGE, {**words, "error": error}, status=error.status)


def _wanted(data: QueryDict) -> list[Entitlement]:
    """Return what is asked for, in the order of the form; raises Invalid for nothing and for too much."""
    keys = list(dict.fromkeys(filter(None, data.getlist("entitlement"))))
    way_on = "The catalogue shows all that you can ask for."
    if not keys:
        raise Invalid("Choose at least one thing to ask for.", way_on=way_on)
    if len(keys) > bundles.MOST:
        raise Invalid(
            f"At most {bundles.MOST} can be asked for at once; these are {len(keys)}.",
            way_on="Go back, untick some, and ask for those after this.",
        )
    found = {one.key: one for one in Entitlement.objects.select_related("resource").filter(key__in=keys)}
    if len(found) < len(keys):
        raise no_such()
    return [found[key] for key in keys]


def _page(
    request: PortalRequest,
    wanted: Sequence[Entitlement],
    form: NewForm,
    whom: ForWhom | None = None,
    *,
    asking: bool = False,
) -> dict[str, Any]:
    whom = whom or for_whom(request.user, wanted, form)
    words = preview_words(request, wanted, form, whom, asking=asking)
    return {
        **words,
        "form": form,
        "presets": presets(words["most"]),
        "may_break_glass": len(wanted) == 1 and may_break(request.user, wanted[0]),
        "later_within": min(one.later.ahead for one in whom.limits),
        "several_times": min(one.later.windows for one in whom.limits),
        "own_address_only": context.active_policy().source.own_address_only,
        "names": behalf.names(request.user, wanted, now()) if whom.offered else (),
        "again": urlencode({"entitlement": [one.key for one in wanted]}, doseq=True),
    }


def _asked(access_request: AccessRequest) -> str:
    """Return what became true, in a sentence."""
    if access_request.state == AccessRequest.State.APPROVED and access_request.asked_by:
        return f"Approved by policy. {access_request.requester} is told, and alone can activate it."
    if access_request.state == AccessRequest.State.APPROVED:
        return "Approved by policy. Activate it when you are ready; the time starts when it is open."
    titles = [f"“{stage.title}”" for stage in access_request.stages.filter(state="active")]
    left = access_request.lapses_at - now() if access_request.lapses_at else timedelta(0)
    hours = int(left.total_seconds() // 3600) + 1
    told = f" {access_request.requester} is told." if access_request.asked_by else ""
    who, verb = " and ".join(titles), "decide" if len(titles) > 1 else "decides"
    return f"Asked. {who} {verb} next, within {hours} h.{told}"
