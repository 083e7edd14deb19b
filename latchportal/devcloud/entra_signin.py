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
# What Entra tells on its own page, and what it tells the app when somebody presses Cancel.
DISABLED, BLOCKED, CANCELLED = 50057, 53003, 65004


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
        if refusal.number in (DISABLED, BLOCKED):
            return _error_page(refusal)
        answer = {"error": refusal.error, "error_description": refusal.description}
        return _back(ask, answer | ({"error_subcode": "cancel"} if refusal.number == CANCELLED else {}))


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
        if _suffices(state, ask, session):
            return _finish(state, ask, session, request.cookies[SESSION_COOKIE])
        if ask.prompt != "none":
            return HTMLResponse(entra_pages.confirm(state.world.tenant.name, person, ask.acrs))
        words = "Due to a configuration change made by your administrator you must use MFA."
        raise Refusal("interaction_required", 50076, words)
    if ask.prompt == "none":
        words = "Session information is not sufficient for single-sign-on."
        raise Refusal("login_required", 50058, words)
    return _pick(state, ask)


def _pick(state: State, ask: Ask) -> Response:
    people = list(state.directory.people.values())
    hinted = state.directory.person(ask.login_hint) if ask.login_hint else None
    return HTMLResponse(entra_pages.pick(state.world.tenant.name, ask.app.name, people, hinted))


def _suffices(state: State, ask: Ask, session: Session) -> bool:
    """Whether the context asked for is met, or was only wished for. Raises Refusal where a policy blocks it."""
    if not ask.acrs or not ask.essential:
        return True
    if state.access.blocks(ask.acrs, session.oid):
        raise Refusal("access_denied", BLOCKED, "Access has been blocked by Conditional Access policies.")
    return state.access.met(ask.acrs, session.sign_in)


def _usable_session(state: State, ask: Ask, request: Request) -> Session | None:
    session = state.sessions.get(request.cookies.get(SESSION_COOKIE, ""))
    if session is None or session.oid not in state.directory.people:
        return None
    hinted = state.directory.person(ask.login_hint) if ask.login_hint else None
    if ask.login_hint and (hinted is None or hinted.oid != session.oid):
        return None
    return None if _too_old(ask, session) else session


def _posted(state: State, ask: Ask, request: Request, form: dict[str, str]) -> Response:
    """A person was picked, or gave the second factor, or would rather not."""
    person = _enabled(state, form.get("person", ""))
    if form.get("mfa") == "cancelled":
        raise Refusal("access_denied", CANCELLED, "The user cancelled the sign-in.")
    cookie = request.cookies.get(SESSION_COOKIE, "")
    session = state.sessions.get(cookie)
    if form.get("step") == "confirm" and not _picked_for(ask, session, person):
        return _pick(state, ask)
    # The confirm page follows the pick of a moment ago: its session is used.
    if session is None or form.get("step") != "confirm":
        cookie, session = state.new_session(person.oid, ask)
    if form.get("mfa") == "confirmed":
        session.mfa = True
    if _suffices(state, ask, session):
        return _finish(state, ask, session, cookie)
    page = HTMLResponse(entra_pages.confirm(state.world.tenant.name, person, ask.acrs))
    return _remember(page, cookie, person.oid)


def _picked_for(ask: Ask, session: Session | None, person: Person) -> bool:
    """Whether the session may answer this ask: where the app insists on signing in, only one that was made for it."""
    if session is None or session.oid != person.oid:
        return False
    if ask.prompt == "login" or ask.max_age == 0:
        return session.made_for == ask.challenge
    return not _too_old(ask, session)


def _too_old(ask: Ask, session: Session) -> bool:
    return ask.max_age is not None and (ask.max_age == 0 or now_s() - session.auth_time > ask.max_age)


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
