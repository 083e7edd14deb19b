"""The way through Entra to a sign-in that shows more, for somebody who is signed in: there, back, and what came back.

What goes out is ours alone: it hangs on the form kept in this session. Only the claims that came back count, and only
for the same person; whatever goes wrong, the session stays as it was and the form is shown again.
"""

import json
import secrets
from typing import Any, Final

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base import AuthProcess
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from audit_app.clock import now
from audit_app.models import Event
from audit_app.trail import record
from latchportal.entra import admission
from latchportal.entra.claims import Identity, SignInRefused
from latchportal.entra.names import ENTRA, NONCE, SIGN_IN, STEP_UP, UNREACHABLE
from requests_app.models import Person
from requests_app.policy.facts import SignInFacts
from requests_app.policy.sign_in import Need, read_facts
from requests_app.views import kept_form
from requests_app.views.kept_form import Kept

PAGE: Final = "account/not_proved.html"
AS_LEFT: Final = "Nothing was changed, and your form is as you left it."


def begin(request: HttpRequest, person: Person, kept: Kept) -> HttpResponse:
    """The person is on the way to Entra, with a challenge for what this form asks for."""
    provider = get_adapter(request).get_provider(request, ENTRA)
    nonce = secrets.token_urlsafe(24)
    facts = read_facts(request.session.get(SIGN_IN))
    try:
        response: HttpResponse = provider.redirect(
            request,
            process=AuthProcess.LOGIN,
            next_url=kept.back,
            data={NONCE: nonce, STEP_UP: kept.purpose},
            auth_params={**provider.get_auth_params(), "nonce": nonce, **challenge(kept.need, facts, person)},
        )
    except requests.RequestException:
        return _back(request, kept, messages.ERROR, f"{UNREACHABLE} {AS_LEFT}")
    return response


def challenge(need: Need, facts: SignInFacts | None, person: Person) -> dict[str, str]:
    """Return the parameters that ask Entra for this: one context at a time, and a sign-in anew where time runs out."""
    asked = {"login_hint": person.user_principal_name} if person.user_principal_name else {}
    if need.contexts:
        context = next(iter(need.unproven(facts)), need.contexts[0])
        wish = {"id_token": {"acrs": {"essential": True, "value": context}}}
        asked["claims"] = json.dumps(wish, separators=(",", ":"))
    if need.within is not None:
        asked["max_age"] = str(int(need.within.total_seconds()))
        # Somebody with a minute left would be too late again by the time they have looked the form over.
        if not Need(within=need.within / 2).fresh(facts, now()):
            asked["prompt"] = "login"
    return asked


def finish(request: HttpRequest, identity: Identity, purpose: str) -> HttpResponse:
    """The session has the facts that came back, and the person is before their form again.

    Somebody else who came back changes nothing. Raises SignInRefused when the session ended meanwhile, or the directory
    says disabled.
    """
    person = request.user
    if not isinstance(person, Person):
        raise SignInRefused("Your session ended while you were away.", check="session")
    kept = kept_form.find(request, purpose)
    if identity.id != person.identity:
        _note(person, "Somebody else came back from Entra.", came_back=identity.id)
        who = identity.name or identity.upn or "somebody else"
        words = f"You came back from Entra as {who}, but you are {person} here. {AS_LEFT}"
        return _back(request, kept, messages.ERROR, words)
    admission.admit(identity, kind="signin.proved_again")
    before = request.session.get(SIGN_IN)
    facts = admission.session_facts(identity)
    # The session lasts from its first sign-in: proving something again does not make it longer.
    if isinstance(before, dict) and before.get("signed_in_at"):
        facts["signed_in_at"] = before["signed_in_at"]
    request.session[SIGN_IN] = facts
    request.session.cycle_key()
    return _judged(request, person, kept)


def failed(request: HttpRequest, purpose: str, refusal: SignInRefused) -> HttpResponse:
    """The person is before their form again, and told why Entra's answer was none. The session is as it was."""
    kept = kept_form.find(request, purpose)
    if isinstance(request.user, Person):
        _note(request.user, refusal.reason, check=refusal.check)
    # Entra tells a cancelled sign-in and one that a policy keeps from succeeding by the same word.
    said = (
        "Entra says that you cancelled, or did not let you." if refusal.check == "entra" else refusal.reason
    )
    return _back(request, kept, messages.ERROR, f"{said} {AS_LEFT}")


def instead(response: HttpResponse) -> ImmediateHttpResponse:
    """Return what makes allauth answer so and go no further: nobody is signed in or out."""
    return ImmediateHttpResponse(response)


def _judged(request: HttpRequest, person: Person, kept: Kept | None) -> HttpResponse:
    if kept is None:
        words = (
            "You proved it. The form was kept for a quarter of an hour and is gone; please fill it in again."
        )
        return _back(request, None, messages.WARNING, words)
    facts, moment = read_facts(request.session[SIGN_IN]), now()
    if kept.need.met(facts, moment):
        return _back(
            request, kept, messages.SUCCESS, "You proved it. Nothing was done yet: look it over, and confirm."
        )
    lacking = kept.need.lacking(facts, moment)
    _note(person, lacking)
    shown: dict[str, Any] = {
        "lacking": lacking,
        "need": str(kept.need),
        "contexts": kept.need.unproven(facts),
        "undated": kept.need.within is not None and (facts is None or facts.auth_time is None),
        "stale": not kept.need.fresh(facts, moment),
        "back": kept.back,
    }
    return render(request, PAGE, shown, status=403)


def _back(request: HttpRequest, kept: Kept | None, level: int, words: str) -> HttpResponse:
    messages.add_message(request, level, words)
    return redirect(kept.back if kept else reverse("home"))


def _note(person: Person, why: str, **data: str) -> None:
    with transaction.atomic():
        record(
            "signin.not_proved",
            by=person.party,
            about=admission.about(person),
            outcome=Event.Outcome.REFUSED,
            why=why,
            data=data,
        )
