"""When a session ends: by age, by idleness of the privileged, by the directory; and where its person goes.

The session's key "sign_in" (see admission.session_facts) carries the moment of the sign-in.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth import logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from audit_app.clock import now
from audit_app.trail import record
from latchportal.entra.admission import about
from latchportal.entra.names import ENTRA, SIGN_IN
from requests_app.models import Person

SEEN_AT: Final = "seen_at"
SEEN_EVERY: Final = timedelta(minutes=1)
# A page that asks again by itself says so with this header: nobody is at the keyboard for it.
POLL_HEADER: Final = "X-Latch-Poll"
AGE, IDLE, DISABLED, SIGNED_OUT = "age", "idle", "disabled", "signed-out"
WORDS: Final = {
    AGE: "Your session ended: it lasts eight hours from signing in.",
    IDLE: "Your session ended: auditors and administrators are signed out after 30 minutes without a click.",
    DISABLED: "You were signed out: the directory says that your account is disabled.",
    SIGNED_OUT: "You are signed out of latchportal.",
}


class SessionAgeMiddleware:
    """Nobody acts on a session that is over: they are told why, sign in, and come back to where they were."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        person = request.user
        if isinstance(person, Person):
            why = _over(request, person, now())
            if why:
                end(request, person, why)
                if request.path not in _doors():
                    return _to_login(request, why)
        response = self.get_response(request)
        # A fragment would swallow the login page, and nobody can be sent back to a POST.
        lost = _htmx(request) or request.method not in ("GET", "HEAD")
        if lost and _leads_to_login(response) and request.path not in _doors():
            return _to_login(request, "")
        return response


def end(request: HttpRequest, person: Person, why: str) -> None:
    """The session is gone and its end stands in the trail; `why` is a key of WORDS."""
    with transaction.atomic():
        record("session.ended", by=person.party, about=about(person), why=WORDS[why], data={"reason": why})
    logout(request)


def safe_next(request: HttpRequest, default: str = "") -> str:
    """Return where ?next= leads if it is a page of this site, else the default, else home."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if _here(request, wanted) and urlsplit(wanted).path not in _doors():
        return wanted
    return default or reverse(settings.LOGIN_REDIRECT_URL)


def _over(request: HttpRequest, person: Person, at: datetime) -> str:
    """Why this session is over, or nothing. Somebody at work is noted at most once a minute."""
    if person.enabled is False:
        return DISABLED
    signed_in_at = _signed_in_at(request, at)
    if signed_in_at is None or at - signed_in_at >= timedelta(seconds=settings.SESSION_COOKIE_AGE):
        return AGE
    if not (person.is_administrator or person.is_auditor):
        return ""
    seen_at = _instant(request.session.get(SEEN_AT)) or signed_in_at
    if at - max(seen_at, signed_in_at) >= timedelta(seconds=settings.SESSION_IDLE_SECONDS_PRIVILEGED):
        return IDLE
    if at - seen_at >= SEEN_EVERY and POLL_HEADER not in request.headers:
        request.session[SEEN_AT] = at.isoformat()
    return ""


def _signed_in_at(request: HttpRequest, at: datetime) -> datetime | None:
    """A session that Entra's answer did not make (a test's, a command's) counts from its first sight."""
    if SIGN_IN not in request.session:
        request.session[SIGN_IN] = {"signed_in_at": at.isoformat()}
    facts: Any = request.session[SIGN_IN]
    return _instant(facts.get("signed_in_at")) if isinstance(facts, dict) else None


def _instant(text: Any) -> datetime | None:
    try:
        made = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return made if made.tzinfo else None


def _to_login(request: HttpRequest, why: str) -> HttpResponse:
    query = {"why": why} if why else {}
    address = f"{reverse('login')}?{urlencode({**query, 'next': page_in_sight(request)})}"
    if _htmx(request):
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)


def page_in_sight(request: HttpRequest) -> str:
    """Return the page the person was looking at, as a path of this site; "/" where nothing says so."""
    if _htmx(request):
        shown = request.headers.get("HX-Current-URL", "")
    elif request.method in ("GET", "HEAD"):
        return request.get_full_path()
    else:
        shown = request.headers.get("Referer", "")
    if not _here(request, shown):
        return "/"
    parts = urlsplit(shown)
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


def _here(request: HttpRequest, url: str) -> bool:
    return url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())


def _htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _leads_to_login(response: HttpResponse) -> bool:
    return response.status_code == 302 and urlsplit(response.headers["Location"]).path == reverse("login")


def _doors() -> tuple[str, ...]:
    names = ("login", "account_logout", "admin_login", "admin:logout")
    return (*map(reverse, names), reverse("openid_connect_callback", kwargs={"provider_id": ENTRA}))
