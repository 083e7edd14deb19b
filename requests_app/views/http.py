"""What every page of this app shares: the signed-in request, finding what a person may see, live fragments."""

from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails

from requests_app import attention
from requests_app.errors import Missing
from requests_app.models import AccessRequest, Person, Stage


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
