"""Rights taken away from people although policy gives them: the list, and giving one back. For administrators."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from requests_app.actions import take_away
from requests_app.errors import Invalid, Missing, Refused
from requests_app.models import TakenAway
from requests_app.views.http import PortalRequest, why

PAGE = 50


@never_cache
@require_safe
def listing(request: PortalRequest) -> HttpResponse:
    """Show what is kept from whom, the newest first, and what was given back lately."""
    _administrators_and_auditors(request)
    return _page(request)


@require_POST
def give_back(request: PortalRequest, pk: int) -> HttpResponse:
    """Policy alone decides again about this person and this right."""
    found = TakenAway.objects.filter(pk=pk).first()
    if found is None or not request.user.is_administrator:
        _administrators_and_auditors(request)
    if found is None:
        raise Missing("Nothing of that number was taken away.")
    try:
        taken = take_away.give_back(by=request.user, taken_id=pk, reason=why(request))
    except Invalid as invalid:
        return _page(request, {pk: invalid.reason}, invalid.status)
    messages.success(request, f"{taken.person} may ask for {taken.entitlement} again, if policy says so.")
    return redirect("taken-away")


def _page(request: PortalRequest, errors: dict[int, str] | None = None, status: int = 200) -> HttpResponse:
    rows = TakenAway.objects.select_related("person", "entitlement__resource")
    kept = Paginator(rows.filter(given_back_at=None), PAGE).get_page(request.GET.get("page"))
    words = {
        "kept": [(taken, (errors or {}).get(taken.pk, "")) for taken in kept],
        "page": kept,
        "given_back": rows.exclude(given_back_at=None).order_by("-given_back_at")[:10],
    }
    return render(request, "requests/taken_away.html", words, status=status)


def _administrators_and_auditors(request: PortalRequest) -> None:
    if request.user.is_administrator or request.user.is_auditor:
        return
    raise Refused(
        "What was taken away from whom is for administrators and auditors.",
        check="administrator",
        way_on="The catalogue shows what was taken away from you.",
    )
