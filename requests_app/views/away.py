"""Being away and standing in: what a person said, what was lent to them, and the form to say more."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from audit_app.clock import now
from requests_app.actions import cover
from requests_app.errors import Invalid, Missing, Refused
from requests_app.models import Absence, Delegation
from requests_app.views.away_form import AwayForm
from requests_app.views.http import PortalRequest

PAGE = "requests/away.html"


@never_cache
@require_safe
def away(request: PortalRequest) -> HttpResponse:
    """Show who is away and who decides for whom, as far as it concerns this person."""
    return _page(request, AwayForm())


@require_POST
def say(request: PortalRequest) -> HttpResponse:
    """The person is away, somebody decides in their place, or both; all of it or nothing."""
    form = AwayForm(request.POST)
    if not form.is_valid():
        return _page(request, form, Invalid.status)
    said = form.cleaned_data
    said.pop("zone", None)
    try:
        lent = cover.go(by=request.user, **said)
    except Invalid as error:
        for name, words in error.fields.items():
            form.add_error(name if name in form.fields else None, words)
        return _page(request, form, error.status)
    except Refused as error:
        form.add_error("to" if said["to"].strip() else None, f"{error.reason} {error.way_on}")
        return _page(request, form, error.status)
    done = ("You are set as away.", f"{lent.receiver} decides in your place and is told." if lent else "")
    messages.success(request, " ".join(done if said["away"] else done[1:]).strip())
    return redirect("away")


@require_POST
def call_off(request: PortalRequest, what: str, pk: int) -> HttpResponse:
    """It holds no longer, from now on."""
    person = request.user
    if what == "absence":
        _require(Absence.objects.filter(pk=pk, person=person).exists() or person.is_administrator)
        _require(Absence.objects.filter(pk=pk).exists())
        cover.call_off_absence(by=person, absence_id=pk)
        messages.success(request, "Called off: decisions wait for you again.")
    else:
        mine = Delegation.objects.filter(Q(giver=person) | Q(receiver=person), pk=pk)
        _require(mine.exists() or person.is_administrator)
        _require(Delegation.objects.filter(pk=pk).exists())
        cover.call_off_delegation(by=person, delegation_id=pk)
        messages.success(request, "Called off: nobody decides in anybody's place by it any more.")
    return redirect("away")


def _require(found: bool) -> None:
    if not found:
        raise Missing("There is no such absence or delegation, or none of yours.")


def _page(request: PortalRequest, form: AwayForm, status: int = 200) -> HttpResponse:
    moment, person = now(), request.user
    delegations = Delegation.objects.not_over(moment).select_related("giver", "receiver")
    words: dict[str, Any] = {
        "now": moment,
        "form": form,
        "absences": Absence.objects.not_over(moment).filter(person=person),
        "given": delegations.filter(giver=person),
        "received": delegations.filter(receiver=person),
        "others": _others(request, delegations) if person.is_administrator or person.is_auditor else (),
    }
    return render(request, PAGE, words, status=status)


def _others(request: PortalRequest, delegations: Any) -> Any:
    return delegations.exclude(giver=request.user).exclude(receiver=request.user)[:100]
