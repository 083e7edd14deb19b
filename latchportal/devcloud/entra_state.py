"""What the pretend Entra ID remembers: sessions and codes not yet spent; and how it refuses. No HTTP."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from latchportal.devcloud.conditional_access import CONTEXT, SignIn, conditional_access_of
from latchportal.devcloud.directory import directory_of
from latchportal.devcloud.tokens import now_s
from latchportal.devcloud.world import App, World

CODE_LIFETIME_S = 600
ANY_TENANT = ("common", "organizations")


class Refusal(Exception):
    """Entra says no: the OAuth error, the AADSTS number and the words."""

    def __init__(self, error: str, number: int, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.error, self.number, self.status = error, number, status
        self.description = f"AADSTS{number}: {words}"


@dataclass(frozen=True)
class Ask:
    """One authorize request, checked."""

    app: App
    redirect_uri: str
    scope: str
    state: str
    nonce: str
    challenge: str
    response_mode: str
    prompt: str
    max_age: int | None
    login_hint: str
    acrs: str
    # Whether a token without that context is of no use to the app.
    essential: bool


@dataclass
class Session:
    """Who signed in to the pretend Entra in one browser, when, for which request, and whether with a second factor."""

    oid: str
    auth_time: int = field(default_factory=now_s)
    sid: str = field(default_factory=lambda: str(uuid4()))
    made_for: str = ""
    mfa: bool = False

    @property
    def sign_in(self) -> SignIn:
        return SignIn(self.oid, self.mfa)


@dataclass(frozen=True)
class Code:
    """An authorization code waiting to be redeemed once."""

    ask: Ask
    session: Session
    expires: int


class State:
    """Sessions by cookie and codes by value; gone when the process ends."""

    def __init__(self, world: World) -> None:
        self.world, self.directory = world, directory_of(world)
        self.access = conditional_access_of(world)
        self.sessions: dict[str, Session] = {}
        self.codes: dict[str, Code] = {}
        self.spent: set[str] = set()

    def app(self, client_id: str) -> App:
        """The registered app. Raises Refusal."""
        for app in self.world.apps:
            if app.client_id == client_id:
                return app
        words = f"Application with identifier '{client_id}' was not found in the directory"
        raise Refusal("unauthorized_client", 700016, f"{words} '{self.world.tenant.name}'.")

    def check_tenant(self, tenant: str) -> None:
        """Refuses a tenant that is not ours. Raises Refusal."""
        if tenant not in (self.world.tenant.id, self.world.tenant.domain, *ANY_TENANT):
            raise Refusal("invalid_request", 90002, f"Tenant '{tenant}' not found.")

    def new_session(self, oid: str, ask: Ask) -> tuple[str, Session]:
        """A fresh sign-in of this person for this ask: the cookie's value and the session."""
        cookie, session = secrets.token_urlsafe(24), Session(oid, made_for=ask.challenge)
        self.sessions[cookie] = session
        return cookie, session

    def new_code(self, ask: Ask, session: Session) -> str:
        """A code for this ask, good once for ten minutes."""
        value = "1." + secrets.token_urlsafe(48)
        self.codes[value] = Code(ask, session, now_s() + CODE_LIFETIME_S)
        return value

    def spend(self, value: str) -> Code:
        """The code, which is spent by this whatever comes after. Raises Refusal."""
        if value in self.spent:
            words = "OAuth2 Authorization code was already redeemed, please retry with a new valid code."
            raise Refusal("invalid_grant", 54005, words)
        code = self.codes.pop(value, None)
        if code is None:
            raise Refusal("invalid_grant", 9002313, "Invalid request. Request is malformed or invalid.")
        self.spent.add(value)
        if code.expires < now_s():
            raise Refusal("invalid_grant", 70008, "The provided authorization code has expired.")
        return code


def read_ask(state: State, query: Mapping[str, str]) -> Ask:
    """The ask, client and redirect address known good. Raises Refusal, never to be told by redirect."""
    app = state.app(_needed(query, "client_id"))
    redirect_uri = _needed(query, "redirect_uri")
    if not redirect_allowed(app, redirect_uri):
        words = f"The redirect URI '{redirect_uri}' specified in the request does not match the redirect URIs"
        raise Refusal("invalid_request", 50011, f"{words} configured for the application '{app.client_id}'.")
    acrs, essential = _asked_context(query.get("claims", ""))
    return Ask(
        app=app,
        redirect_uri=redirect_uri,
        scope=query.get("scope", ""),
        state=query.get("state", ""),
        nonce=query.get("nonce", ""),
        challenge=query.get("code_challenge", ""),
        response_mode=query.get("response_mode", "query"),
        prompt=query.get("prompt", ""),
        max_age=int(query["max_age"]) if query.get("max_age", "").isdecimal() else None,
        login_hint=query.get("login_hint", ""),
        acrs=acrs,
        essential=essential,
    )


def check_ask(ask: Ask, query: Mapping[str, str]) -> None:
    """Refuses what may be told to the app by redirect. Raises Refusal."""
    if _needed(query, "response_type") != "code":
        words = f"The response type '{query['response_type']}' is not enabled for the application."
        raise Refusal("unsupported_response_type", 700051, words)
    if "openid" not in _needed(query, "scope").split():
        words = f"The provided value for the input parameter 'scope' is not valid: {ask.scope}"
        raise Refusal("invalid_scope", 70011, words)
    if ask.challenge and query.get("code_challenge_method", "plain") != "S256":
        raise Refusal("invalid_request", 9002313, "Only the code_challenge_method S256 is offered here.")
    if ask.challenge and not 43 <= len(ask.challenge) <= 128:
        raise Refusal("invalid_request", 501491, "Invalid size of Code_Challenge parameter.")
    if ask.response_mode not in ("query", "fragment"):
        raise Refusal("invalid_request", 90023, f"response_mode '{ask.response_mode}' is not offered here.")
    if ask.prompt not in ("", "none", "login", "select_account", "consent"):
        raise Refusal("invalid_request", 90023, f"Unsupported 'prompt' value '{ask.prompt}'.")
    if ask.max_age is None and query.get("max_age"):
        raise Refusal("invalid_request", 90023, "The value of 'max_age' must be a number of seconds.")


def redirect_allowed(app: App, uri: str) -> bool:
    """Whether codes may be sent there: a registered address, or any loopback one where the app says so."""
    if uri in app.redirect_uris:
        return True
    try:
        parts = urlsplit(uri)
        loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    except ValueError:
        return False
    return (
        "*loopback*" in app.redirect_uris
        and loopback
        and parts.scheme in ("http", "https")
        and "#" not in uri
    )


def _needed(query: Mapping[str, str], name: str) -> str:
    if not query.get(name):
        words = f"The request body must contain the following parameter: '{name}'."
        raise Refusal("invalid_request", 900144, words)
    return query[name]


def _asked_context(claims: str) -> tuple[str, bool]:
    """The authentication context asked for, by {"id_token":{"acrs":{"essential":true,"value":"c1"}}}, and how badly."""
    if not claims:
        return "", False
    try:
        asked: dict[str, Any] = json.loads(claims).get("id_token", {}).get("acrs") or {}
        value = str(asked.get("value") or next(iter(asked.get("values", [])), ""))
        essential = asked.get("essential", False)
    except (ValueError, AttributeError, TypeError) as error:
        raise Refusal("invalid_request", 9002313, "The 'claims' parameter is not valid JSON.") from error
    if (value and not CONTEXT.fullmatch(value)) or not isinstance(essential, bool):
        raise Refusal("invalid_request", 9002313, "The 'claims' parameter asks for what can not be given.")
    return value, essential
