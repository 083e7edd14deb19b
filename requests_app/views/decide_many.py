"""Several decisions at once: what was ticked in the inbox is decided one by one, each by itself, and each is told of."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import DatabaseError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from audit_app.clock import now
from audit_app.lifecycle import Stale
from requests_app.actions import decide as deciding
from requests_app.actions import fresh
from requests_app.errors import Invalid, LatchError, SignInNeeded
from requests_app.models import Decision, Stage
from requests_app.views import inbox, kept_form
from requests_app.views.decide import said
from requests_app.views.http import PortalRequest, sign_in_facts, visible_stage, why

NOTHING_DECIDED = 409


@dataclass(frozen=True)
class Outcome:
    """What became of one of them, in words."""

    title: str
    access_request_id: int | None
    done: bool
    words: str
    way_on: str = ""


@require_POST
def decide_many(request: PortalRequest) -> HttpResponse:
    """Each of the ticked stages is decided, or it is said why not; without a tick, or a reason to deny, none is.

    Whatever approving asks of the sign-in is proved before anything is decided; the ticks are kept meanwhile.
    """
    vote, ticked = request.POST.get("vote", ""), list(dict.fromkeys(request.POST.getlist("stage")))
    try:
        _refuse_unready(vote, ticked, why(request))
        if vote == Decision.Vote.APPROVE:
            _require_sign_in(request, ticked)
    except SignInNeeded as error:
        return kept_form.step_up(request, error, purpose=kept_form.APPROVAL, back=reverse("inbox"))
    except Invalid as error:
        form = {"many_reason": why(request), "many_error": error.reason}
        return inbox.show(request, ticked=frozenset(ticked), status=error.status, **form)
    kept_form.drop(request, kept_form.APPROVAL)
    outcomes = [_decided(request, pk, vote) for pk in ticked]
    done = sum(outcome.done for outcome in outcomes)
    context = {"outcomes": outcomes, "done": done, "vote": vote}
    return render(request, "requests/decided.html", context, status=200 if done else NOTHING_DECIDED)


def _refuse_unready(vote: str, ticked: Sequence[str], reason: str) -> None:
    if vote not in Decision.Vote.values:
        raise Invalid("Choose whether to approve or to deny.")
    if not ticked:
        raise Invalid("Nothing is ticked. Tick what you want to decide together.")
    if len(ticked) > inbox.PAGE:
        raise Invalid(f"At most {inbox.PAGE} can be decided at once.")
    if vote == Decision.Vote.DENY and not reason:
        raise Invalid("Please say why you deny these. Whoever asked reads it.")


def _require_sign_in(request: PortalRequest, ticked: Sequence[str]) -> None:
    """Nothing, when the sign-in will do for all of them; else raises SignInNeeded with all that they ask for."""
    facts, moment = sign_in_facts(request), now()
    needs: list[SignInNeeded] = []
    for pk in ticked:
        try:
            fresh.require_at_approval(_stage(request, pk).access_request, facts, moment)
        except SignInNeeded as error:
            needs.append(error)
        except LatchError:
            # What cannot be decided at all is told of in its own place.
            continue
    if needs:
        ages = [error.within for error in needs if error.within is not None]
        raise SignInNeeded(
            " ".join(dict.fromkeys(error.reason for error in needs)),
            contexts=tuple(dict.fromkeys(name for error in needs for name in error.contexts)),
            within=min(ages, default=None),
            check=needs[0].check,
            way_on=needs[0].way_on,
        )


def _stage(request: PortalRequest, pk: str) -> Stage:
    return visible_stage(request.user, int(pk) if pk.isdecimal() and len(pk) < 19 else 0)


def _decided(request: PortalRequest, pk: str, vote: str) -> Outcome:
    """Decide one, in a transaction of its own, and return what became of it."""
    title, about = "One of them", None
    try:
        stage = _stage(request, pk)
        access_request = stage.access_request
        what = ", ".join(item.entitlement.name for item in access_request.wanted)
        title, about = f"{what} for {access_request.requester}", access_request.pk
        decided = deciding.decide(
            by=request.user,
            stage_id=stage.pk,
            vote=vote,
            reason=why(request),
            seen=request.POST.get(f"seen-{pk}", "")[:16],
            sign_in=sign_in_facts(request),
        )
    except Stale as error:
        return Outcome(title, about, False, _by_whom(stage) or error.reason)
    except LatchError as error:
        return Outcome(title, about, False, error.reason, error.way_on)
    except DatabaseError:
        return Outcome(title, about, False, "It could not be written down just now.", "Try this one again.")
    return Outcome(title, about, True, said(decided, stage, vote))


def _by_whom(stage: Stage) -> str:
    """Return who was quicker; nothing where nobody was."""
    votes = stage.decisions.select_related("person", "in_place_of")
    done = [f"{vote.get_vote_display().lower()} by {vote.person}" for vote in votes]
    stage.refresh_from_db()
    return f"Already decided: {', '.join(done)}." if done and stage.state != Stage.State.ACTIVE else ""
