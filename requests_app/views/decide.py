"""One vote: the POST behind Approve and Deny, from the inbox or from the request's page."""

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from requests_app import bundles
from requests_app.actions import decide as deciding
from requests_app.actions.narrow import Narrower
from requests_app.errors import Invalid, SignInNeeded
from requests_app.models import AccessRequest, Decision, Stage
from requests_app.policy.durations import parse_duration
from requests_app.views import kept_form
from requests_app.views.detail import show
from requests_app.views.http import PortalRequest, sign_in_facts, visible_request, visible_stage


@require_POST
def decide(request: PortalRequest, pk: int) -> HttpResponse:
    """The vote stands; a denial without a reason comes back on the form with what was typed.

    An approval that asks for a fresher sign-in comes back, after it, to the decision on the request's page.
    """
    stage = visible_stage(request.user, pk)
    vote, reason = request.POST.get("vote", ""), request.POST.get("reason", "")[:1000]
    try:
        if vote not in Decision.Vote.values:
            raise Invalid("Choose whether to approve or to deny.", fields={"vote": "Approve or deny?"})
        access_request = deciding.decide(
            by=request.user,
            stage_id=pk,
            vote=vote,
            reason=reason,
            narrower=_narrower(request),
            seen=request.POST.get("seen", "")[:16],
            sign_in=sign_in_facts(request),
        )
    except SignInNeeded as error:
        back = reverse("request-detail", kwargs={"pk": stage.access_request_id})
        return kept_form.step_up(request, error, purpose=kept_form.APPROVAL, back=back)
    except Invalid as error:
        typed = {f"kept_{name}": request.POST.get(name, "")[:50] for name in ("duration", "source")}
        words = {
            "decide_error": error.reason,
            "typed": reason,
            "vote": vote,
            "status": error.status,
            "leave": left_out(request.POST),
        }
        return show(request, visible_request(request.user, stage.access_request_id), **words, **typed)
    kept_form.drop(request, kept_form.APPROVAL)
    messages.success(request, said(access_request, stage, vote))
    if request.POST.get("back") == "inbox":
        return redirect("inbox")
    return redirect("request-detail", pk=access_request.pk)


def _narrower(request: PortalRequest) -> Narrower:
    """Return what the form agrees to instead of what was asked; raises Invalid for what is no duration."""
    duration, source = (request.POST.get(name, "").strip()[:50] for name in ("duration", "source"))
    try:
        less = parse_duration(duration) if duration else None
        return Narrower(less, source or None, left_out(request.POST))
    except ValueError as error:
        raise Invalid(str(error), fields={"duration": str(error)}) from None


def left_out(data: QueryDict) -> dict[str, str]:
    """Return why each item was ticked to be left out, by its id, as typed."""
    return {pk: data.get(f"why-{pk}", "").strip()[:1000] for pk in data.getlist("leave")[: bundles.MOST]}


def said(access_request: AccessRequest, stage: Stage, vote: str) -> str:
    """Return what became true by this vote, in a sentence."""
    who = access_request.requester
    if access_request.state == AccessRequest.State.DENIED:
        return f"Denied. {who} is told why."
    if access_request.state == AccessRequest.State.APPROVED:
        return f"Approved. {who} can activate it now."
    after = list(Stage.objects.filter(access_request=access_request, state=Stage.State.ACTIVE))
    if stage in after:
        return f"Your vote is counted. “{stage.title}” needs {stage.quorum if not stage.everyone else 'everybody'} in all."
    if not after:
        return f"Approved. {who} can activate it now."
    together = any(other.step == stage.step for other in after)
    titles = ", ".join(f"“{other.title}”" for other in after)
    return f"Approved. Now it waits for {titles}." if together else f"Approved. {titles} decides next."
