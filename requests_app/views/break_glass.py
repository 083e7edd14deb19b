"""Breaking the glass: what may be opened at once in an emergency, what will happen then, and the one loud button."""

from dataclasses import dataclass
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
from requests_app import context, directory, preview
from requests_app.actions import break_glass as breaking
from requests_app.actions import fresh
from requests_app.errors import Invalid, LatchError, Missing, Refused, SignInNeeded
from requests_app.models import Entitlement, Person
from requests_app.policy.conditions import Reason
from requests_app.policy.evaluate import eligible
from requests_app.policy.facts import BREAK_GLASS
from requests_app.policy.sign_in import FreshSignIn
from requests_app.policy.verdict import Limits
from requests_app.views import kept_form
from requests_app.views.http import PortalRequest, sign_in_facts
from requests_app.views.new_form import AskForm, beginning, presets

PAGE = "requests/break_glass.html"
# What the form is there to fill in, and what pressing the button leads to, is no refusal beforehand.
_LEFT_TO_DO = (Reason.name, "ticket", "duration", FreshSignIn.name)


@dataclass(frozen=True)
class Pane:
    """One entitlement this person may open at once, and for how long at most."""

    entitlement: Entitlement
    limits: Limits


def panes(person: Person) -> list[Pane]:
    """Return what this person may break the glass for; nothing is looked up where policy names nobody like them."""
    policy = context.policy_at(BREAK_GLASS)
    facts = directory.person_facts(person, now())
    if not any(rule.who.matches(facts) for rule in policy.rules):
        return []
    on_offer = Entitlement.objects.filter(active=True, resource__active=True).select_related("resource")
    found = [
        (one, eligible(policy, facts, context.entitlement_facts(one)))
        for one in on_offer.order_by("resource__environment", "resource__name", "name")
    ]
    return [Pane(one, limits) for one, limits in found if limits is not None]


def may_break(person: Person, entitlement: Entitlement) -> bool:
    """Return whether this person may break the glass for this entitlement."""
    facts = directory.person_facts(person, now())
    policy = context.policy_at(BREAK_GLASS)
    return eligible(policy, facts, context.entitlement_facts(entitlement)) is not None


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def break_glass(request: PortalRequest) -> HttpResponse:
    """Show what may be opened at once, or for ?entitlement=… what will happen; posted, it happens.

    Where only the sign-in is in the way, go and prove it: the form is kept, and shown again as it was typed.
    """
    if request.method != "POST":
        kept = kept_form.shown(request, kept_form.BREAK_GLASS)
        key = request.GET.get("entitlement", "")
        return _as_typed(request, kept.data) if kept else _blank(request, key) if key else _listing(request)
    pane = _pane(request.user, request.POST.get("entitlement", ""))
    form = AskForm(request.POST)
    if not form.is_valid():
        return render(request, PAGE, _page(request, pane, form), status=Invalid.status)
    try:
        access_request = breaking.break_glass(
            by=request.user,
            ask=form.ask(pane.entitlement),
            submission_key=form.cleaned_data["submission_key"],
            sign_in=sign_in_facts(request),
        )
    except SignInNeeded as error:
        back = f"{reverse('break-glass')}?{urlencode({'entitlement': pane.entitlement.key})}"
        return kept_form.step_up(request, error, purpose=kept_form.BREAK_GLASS, back=back)
    except (Refused, Invalid) as error:
        return _refused(request, pane, form, error)
    kept_form.drop(request, kept_form.BREAK_GLASS)
    messages.success(request, "The glass is broken: it is opening. Everybody who was skipped has been told.")
    return redirect("request-detail", pk=access_request.pk)


def _listing(request: PortalRequest) -> HttpResponse:
    return render(request, "requests/break_glass_list.html", {"panes": panes(request.user)})


def _blank(request: PortalRequest, key: str) -> HttpResponse:
    pane = _pane(request.user, key)
    here = origin.current().source_address or ""
    first = beginning([pane.entitlement.key], most=pane.limits.max_duration, source=here, said={})
    form = AskForm(first)
    form.is_valid()
    words = _page(request, pane, form)
    # The page itself shows the form untouched: nothing of it is called wrong yet.
    return render(request, PAGE, {**words, "form": AskForm(initial=first)})


def _as_typed(request: PortalRequest, data: QueryDict) -> HttpResponse:
    pane = _pane(request.user, data.get("entitlement", ""))
    form = AskForm(data)
    form.is_valid()
    form.errors.clear()
    return render(request, PAGE, {**_page(request, pane, form), "proved": True})


def _refused(request: PortalRequest, pane: Pane, form: AskForm, error: LatchError) -> HttpResponse:
    form.add_error(None, error.reason)
    return render(request, PAGE, {**_page(request, pane, form), "error": error}, status=error.status)


def _pane(person: Person, key: str) -> Pane:
    """Return what is to be opened; raises Missing for whom policy does not let, in the words of what is not there."""
    found = Entitlement.objects.select_related("resource").filter(key=key).first()
    limits = None
    if found is not None:
        facts = directory.person_facts(person, now())
        limits = eligible(context.policy_at(BREAK_GLASS), facts, context.entitlement_facts(found))
    if found is None or limits is None:
        raise Missing(
            "There is nothing of that name for which you may break the glass.",
            way_on="Ask for it the usual way: the catalogue shows all that you can ask for.",
        )
    return Pane(found, limits)


def _page(request: PortalRequest, pane: Pane, form: AskForm) -> dict[str, Any]:
    moment, entitlement = now(), pane.entitlement
    ask = form.ask(entitlement)
    here = origin.current().source_address
    proof = sign_in_facts(request)
    shown = preview.preview(
        request.user, ask, observed=here, now=moment, moments=(BREAK_GLASS,), sign_in=proof
    )
    skipped = breaking.whom_it_skips(request.user, ask, moment)
    broken = breaking.broken_for(request.user, entitlement)
    return {
        "now": moment,
        "entitlement": entitlement,
        "limits": pane.limits,
        "form": form,
        "presets": presets(pane.limits.max_duration),
        "own_address_only": context.active_policy().source.own_address_only,
        "observed": here,
        "in_the_way": [
            check
            for check in shown.verdict.checks
            if check.refuses and (check.name not in _LEFT_TO_DO or check.outcome == "error")
        ],
        "warnings": [check for check in shown.verdict.checks if check.outcome == "warn"],
        "rules": shown.rules,
        "skipped": skipped,
        "others": [one for one in skipped.told if one not in skipped.reviewers],
        "broken": broken,
        "review_hours": int(breaking.REVIEW_WITHIN.total_seconds() // 3600),
        "proof_wanted": _proof_wanted(request, entitlement),
        "least_reason": _least(shown.verdict.rules),
    }


def _proof_wanted(request: PortalRequest, entitlement: Entitlement) -> str:
    """Return what the sign-in does not show yet of what is asked for, in words; nothing when it will do."""
    try:
        fresh.require_at(
            BREAK_GLASS,
            by=request.user,
            entitlements=[entitlement],
            sign_in=sign_in_facts(request),
            now=now(),
        )
    except SignInNeeded as error:
        return error.reason
    return ""


def _least(names: tuple[str, ...]) -> int:
    """Return the least length of a reason that these rules ask for."""
    rules = context.policy_at(BREAK_GLASS).rules
    lengths = [
        one.min_length
        for rule in rules
        if rule.name in names
        for one in rule.conditions
        if isinstance(one, Reason)
    ]
    return max(lengths, default=1)
