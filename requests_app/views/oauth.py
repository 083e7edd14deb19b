"""What verifiers ask: is this latch code good (RFC 7662), and take it back (RFC 7009). Machines alone, by their secret."""

import base64
import binascii
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import unquote_plus

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from audit_app import origin
from requests_app.actions import standing, verifiers
from requests_app.actions.revoke_code import revoke_code
from requests_app.errors import Refused
from requests_app.models import Verifier
from requests_app.views.rate import Rate

# Of one verifier in each process of the site; and of one address that says it is one and is not.
ASKED, MISTAKEN = Rate(5000, 10), Rate(30, 60)
View = Callable[[HttpRequest, Verifier, str], HttpResponse]


class NotAnswered(Exception):
    """The question can not be answered; `error` is OAuth's own word for why (RFC 6749, 5.2)."""

    def __init__(self, status: int, error: str, words: str, **headers: str) -> None:
        self.status, self.error, self.words, self.headers = status, error, words, headers
        super().__init__(words)


def _for_verifiers(scope: str) -> Callable[[View], Callable[[HttpRequest], HttpResponse]]:
    """The view is for machines with this scope that sign in by their secret; it is handed the verifier and the code."""

    def wrap(view: View) -> Callable[[HttpRequest], HttpResponse]:
        # There is no session here, so no cookie by which another site could act: nothing for a CSRF token to keep.
        @login_not_required
        @csrf_exempt
        @require_POST
        @sensitive_post_parameters("token")
        @wraps(view)
        def answer(request: HttpRequest) -> HttpResponse:
            try:
                verifier = _verifier(request)
                if scope not in verifier.scopes:
                    raise NotAnswered(400, "unauthorized_client", f"This verifier may not {scope}.")
                return view(request, verifier, _token(request))
            except NotAnswered as error:
                said = {"error": error.error, "error_description": error.words}
                return _json(said, status=error.status, headers=error.headers)

        return answer

    return wrap


@_for_verifiers(Verifier.Scope.INTROSPECT)
def introspect(request: HttpRequest, verifier: Verifier, token: str) -> HttpResponse:
    """Say whether this code is good and for what; about any other, that it is not, and nothing more."""
    return _json(standing.introspected(token, verifier))


@_for_verifiers(Verifier.Scope.REVOKE)
def revoke(request: HttpRequest, verifier: Verifier, token: str) -> HttpResponse:
    """The code and what it opened are taken back. Also 200 for what is no code: it is good for nothing either way."""
    try:
        revoke_code(by=verifier, text=token)
    except Refused as error:
        raise NotAnswered(400, "unauthorized_client", error.reason) from error
    return _json({})


def _verifier(request: HttpRequest) -> Verifier:
    """Return who asks, by HTTP Basic; raises NotAnswered."""
    key, secret = _basic(request.headers.get("Authorization", ""))
    knock = f"{origin.current().source_address}\n{key}"
    for rate, name in ((ASKED, key), (MISTAKEN, knock)):
        if rate.spent(name):
            raise NotAnswered(429, "slow_down", "Too many at once.", **{"Retry-After": str(rate.seconds)})
    found = verifiers.recognised(key, secret) if key and secret else None
    if found is None:
        MISTAKEN.count(knock)
        challenge = {"WWW-Authenticate": 'Basic realm="latchportal verifiers", charset="UTF-8"'}
        raise NotAnswered(401, "invalid_client", "Sign in as a verifier, by HTTP Basic.", **challenge)
    ASKED.count(key)
    return found


def _basic(header: str) -> tuple[str, str]:
    scheme, _, packed = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        said = base64.b64decode(packed.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return "", ""
    key, _, secret = said.partition(":")
    # OAuth has both written as in a form before they are packed (RFC 6749, 2.3.1).
    return unquote_plus(key).replace("\0", ""), unquote_plus(secret)


def _token(request: HttpRequest) -> str:
    """Return the code from the body; in an address it would stand in logs. Raises NotAnswered."""
    if "token" in request.GET:
        raise NotAnswered(400, "invalid_request", "The code belongs into the body, never into the address.")
    tokens = request.POST.getlist("token")
    if len(tokens) != 1 or not tokens[0]:
        raise NotAnswered(400, "invalid_request", "Send one form parameter “token”.")
    return tokens[0]


def _json(said: dict[str, Any], **more: Any) -> HttpResponse:
    answer = JsonResponse(said, **more)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Pragma"] = "no-cache"
    return answer
