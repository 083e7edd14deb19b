"""Signing in and out of the pretend Entra ID: which step comes next. The looks: entra_pages.py."""

from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from latchportal.devcloud import entra_pages
from latchportal.devcloud.entra_state import (
    Ask,
    Refusal,
    Session,
    State,
    check_ask,
    read_ask,
    redirect_allowed,
)
from latchportal.devcloud.tokens import now_s
from latchportal.devcloud.world import Person

SESSION_COOKIE = "ESTSAUTH"
# Cookies ignore ports: the demo's proxy reads this one and knows from which address the person browses.
PERSON_COOKIE = "latch_demo_person"
DISABLED = 50057


def signin_routes(state: State) -> list[Route]:
    """/{tenant}/oauth2/v2.0/authorize and /logout."""

    async def authorize(request: Request) -> Response:
        return await _authorize(state, request)

    async def logout(request: Request) -> Response:
        return _logout(state, request)

    return [
        Route("/{tenant}/oauth2/v2.0/authorize", authorize, methods=["GET", "POST"]),
        Route("/{tenant}/oauth2/v2.0/logout", logout, methods=["GET", "POST"]),
    ]


async def _authorize(state: State, request: Request) -> Response:
    try:
        state.check_tenant(request.path_params["tenant"])
        ask = read_ask(state, request.query_params)
    except Refusal as refusal:
        return _error_page(refusal)
    try:
        check_ask(ask, request.query_params)
        if request.method == "POST":
            form = dict(parse_qsl((await request.body()).decode(errors="replace")))
            return _posted(state, ask, request, form)
        return _arrived(state, ask, request)
    except Refusal as refusal:
        if refusal.number == DISABLED:
            return _error_page(refusal)
        return _back(ask, {"error": refusal.error, "error_description": refusal.description})


def _logout(state: State, request: Request) -> Response:
    state.sessions.pop(request.cookies.get(SESSION_COOKIE, ""), None)
    target = request.query_params.get("post_logout_redirect_uri", "")
    response: Response = HTMLResponse(entra_pages.signed_out(state.world.tenant.name))
    if target and any(redirect_allowed(app, target) for app in state.world.apps):
        sent = {name: value for name, value in request.query_params.items() if name == "state"}
        response = RedirectResponse(_with(target, sent), status_code=302)
    for cookie in (SESSION_COOKIE, PERSON_COOKIE):
        response.delete_cookie(cookie, path="/")
    return response


def _arrived(state: State, ask: Ask, request: Request) -> Response:
    """A GET: straight through with a session that suffices, else the next page, or an error."""
    session = _usable_session(state, ask, request)
    if session is not None and ask.prompt in ("", "none", "consent"):
        person = _enabled(state, session.oid)
        if ask.acrs in ("", *session.acrs):
            return _finish(state, ask, session, request.cookies[SESSION_COOKIE])
        if ask.prompt != "none":
            return HTMLResponse(entra_pages.confirm(state.world.tenant.name, person, ask.acrs))
        words = "Due to a configuration change made by your administrator you must use MFA."
        raise Refusal("interaction_required", 50076, words)
    if ask.prompt == "none":
        words = "Session information is not sufficient for single-sign-on."
        raise Refusal("login_required", 50058, words)
    people = list(state.directory.people.values())
    hinted = state.directory.person(ask.login_hint) if ask.login_hint else None
    return HTMLResponse(entra_pages.pick(state.world.tenant.name, ask.app.name, people, hinted))


def _usable_session(state: State, ask: Ask, request: Request) -> Session | None:
    session = state.sessions.get(request.cookies.get(SESSION_COOKIE, ""))
    if session is None or session.oid not in state.directory.people:
        return None
    hinted = state.directory.person(ask.login_hint) if ask.login_hint else None
    if ask.login_hint and (hinted is None or hinted.oid != session.oid):
        return None
    too_old = ask.max_age is not None and (ask.max_age == 0 or now_s() - session.auth_time > ask.max_age)
    return None if too_old else session


def _posted(state: State, ask: Ask, request: Request, form: dict[str, str]) -> Response:
    """A person was picked, or confirmed the second factor."""
    person = _enabled(state, form.get("person", ""))
    cookie = request.cookies.get(SESSION_COOKIE, "")
    session = state.sessions.get(cookie)
    confirmed = form.get("mfa") == "confirmed"
    # The confirm page follows the pick of a moment ago: its session is used.
    if session is None or session.oid != person.oid or form.get("step") != "confirm":
        cookie, session = state.new_session(person.oid)
    if ask.acrs and confirmed:
        session.acrs.add(ask.acrs)
    if ask.acrs in ("", *session.acrs):
        return _finish(state, ask, session, cookie)
    page = HTMLResponse(entra_pages.confirm(state.world.tenant.name, person, ask.acrs))
    return _remember(page, cookie, person.oid)


def _enabled(state: State, oid: str) -> Person:
    person = state.directory.people.get(oid)
    if person is None:
        raise Refusal("invalid_request", 50034, f"The user account '{oid}' does not exist in the directory.")
    if not person.enabled:
        raise Refusal("access_denied", DISABLED, "The user account is disabled.")
    return person


def _finish(state: State, ask: Ask, session: Session, cookie: str) -> Response:
    code = state.new_code(ask, session)
    return _remember(_back(ask, {"code": code, "session_state": session.sid}), cookie, session.oid)


def _remember(response: Response, cookie: str, oid: str) -> Response:
    response.set_cookie(SESSION_COOKIE, cookie, path="/", httponly=True, samesite="lax")
    response.set_cookie(PERSON_COOKIE, oid, path="/", httponly=True, samesite="lax")
    return response


def _back(ask: Ask, answer: dict[str, str]) -> Response:
    sent = {**answer, "state": ask.state} if ask.state else answer
    return RedirectResponse(_with(ask.redirect_uri, sent, ask.response_mode == "fragment"), status_code=302)


def _with(address: str, sent: dict[str, str], fragment: bool = False) -> str:
    if not sent:
        return address
    joint = "#" if fragment else ("&" if "?" in address else "?")
    return f"{address}{joint}{urlencode(sent)}"


def _error_page(refusal: Refusal) -> Response:
    return HTMLResponse(entra_pages.refused(refusal.description), status_code=refusal.status)
