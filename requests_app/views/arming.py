"""Arm the portal's database, or make it close-only: the POST behind the status page's form."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from requests_app.actions import arm as arming
from requests_app.errors import Invalid
from requests_app.views.http import PortalRequest, why
from requests_app.views.status import show


@require_POST
def arm(request: PortalRequest) -> HttpResponse:
    """The portal opens again, or only closes from here on, by an administrator's word and reason."""
    armed = request.POST.get("armed") == "yes"
    try:
        arming.arm(by=request.user, reason=why(request), armed=armed)
    except Invalid as error:
        return show(request, arm_error=error.reason, status=error.status)
    if armed:
        messages.success(request, "Armed. The portal opens and closes.")
    else:
        messages.success(
            request, "Close-only. What is open closes on time; nothing opens until somebody arms it."
        )
    return redirect("status")
