"""What every page of this app shares: the signed-in request, finding what a person may see, live fragments."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails

from audit_app.clock import now
from requests_app import attention
from requests_app.errors import Missing
from requests_app.models import AccessRequest, Grant, Person, Stage
from requests_app.policy.sign_in import MOMENTS, FreshSignIn, read_facts, strictest


class PortalRequest(HttpRequest):
    """A request of somebody signed in; LoginRequiredMiddleware lets no other reach a view."""

    user: Person
    htmx: HtmxDetails


def visible_request(person: Person, pk: int) -> AccessRequest:
    """Return the request if this person may see it, or decides it now; raises Missing, which tells nothing."""
    everything = AccessRequest.objects.select_related("requester__manager")
    # The lists are asked apart: what one may see, and what waits for one without having been told by mail.
    found = (
        everything.visible_to(person).filter(pk=pk).first()
        or everything.filter(pk=pk, stages__in=attention.inbox(person)).first()
    )
    if not isinstance(found, AccessRequest):
        raise Missing(
            "There is no such request, or none that you may see.",
            way_on="Your own requests are on “My access”, those that wait for you in your inbox.",
        )
    return found


def visible_stage(person: Person, pk: int) -> Stage:
    """Return the stage of a request this person may see; raises Missing otherwise."""
    stage = Stage.objects.filter(pk=pk).first()
    if stage is None:
        raise Missing("There is no such decision to make.")
    stage.access_request = visible_request(person, stage.access_request_id)
    return stage


def grant_of(request: PortalRequest, pk: int) -> Grant:
    """Return the grant the form names, else what came of this request last; raises Missing where there is no such one,
    or the person may not see it.
    """
    grants = Grant.objects.filter(access_request=visible_request(request.user, pk))
    named = request.POST.get("grant", "")
    if named:
        grants = grants.filter(pk=int(named)) if named.isdecimal() and len(named) < 19 else grants.none()
    grant = grants.select_related("access_request", "entitlement__resource", "person").order_by("-id").first()
    if grant is None:
        raise Missing("Nothing came out of this request yet.", way_on="It is not approved.")
    return grant


def why(request: PortalRequest) -> str:
    """Return the reason typed into the form."""
    return request.POST.get("reason", "").strip()[:1000]


def back(request: PortalRequest, pk: int) -> str:
    """Return where the form came from: the person's own page, or the request's."""
    return "/" if request.POST.get("back") == "home" else f"/requests/{pk}/"


def sign_in_facts(request: PortalRequest) -> dict[str, Any]:
    """Return what this session knows of how the person signed in, as it is kept with what they ask."""
    facts = request.session.get("sign_in", {})
    return {name: facts[name] for name in ("auth_time", "acrs") if name in facts}


def sign_in_note(request: PortalRequest, verdicts: Iterable[dict[str, Any]], moment: str) -> str:
    """Return what doing this will ask of the sign-in, in words, by these kept verdicts; nothing when it shows it.

    The action asks by the policy in force as well: a page says what was promised.
    """
    demands = [FreshSignIn.from_dict(one) for verdict in verdicts for one in verdict.get("sign_in", ())]
    need = strictest(demands, moment)
    if need is None or need.met(read_facts(sign_in_facts(request)), now()):
        return ""
    return f"{MOMENTS[moment].capitalize()} asks for {need}. You are sent to Entra first, and come back to this form."


def signature(*parts: object) -> str:
    """Return a short text that differs when what is shown would."""
    return sha256(repr(parts).encode()).hexdigest()[:16]


def live(
    request: PortalRequest, template: str, fragment: str, context: dict[str, Any], seen: str, **more: Any
) -> HttpResponse:
    """Return the page; to its own poll the named fragment, or 204 when what it saw is still so."""
    if request.htmx and request.GET.get("seen") == seen:
        response = HttpResponse(status=204)
    else:
        name = f"{template}#{fragment}" if request.htmx else template
        response = render(request, name, {**context, "seen": seen}, **more)
    patch_vary_headers(response, ["HX-Request"])
    return response
