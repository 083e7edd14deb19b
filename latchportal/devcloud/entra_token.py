"""The token endpoint of the pretend Entra ID: codes and client credentials become tokens. No pages."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from latchportal.devcloud import tokens
from latchportal.devcloud.entra_state import Code, Refusal, State
from latchportal.devcloud.world import App, Person

Form = Mapping[str, str]


def answer(state: State, base: str, form: Form, authorization: str) -> dict[str, Any]:
    """The token response. Raises Refusal."""
    grants = {"authorization_code": _redeem, "client_credentials": _client_credentials}
    kind = form.get("grant_type", "")
    if not kind:
        words = "The request body must contain the following parameter: 'grant_type'."
        raise Refusal("invalid_request", 900144, words)
    if kind not in grants:
        raise Refusal(
            "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{kind}'."
        )
    return grants[kind](state, base, form, _client(state, form, authorization))


def _client(state: State, form: Form, authorization: str) -> App:
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    if authorization.lower().startswith("basic "):
        try:
            name, _, word = base64.b64decode(authorization[6:], validate=True).decode().partition(":")
        except ValueError as error:
            raise Refusal(
                "invalid_client", 7000215, "The Authorization header is unreadable.", 401
            ) from error
        client_id, secret = unquote(name), unquote(word)
    app = state.app(client_id)
    if not secret:
        words = (
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        )
        raise Refusal("invalid_client", 7000218, words, 401)
    if not hmac.compare_digest(secret.encode(), app.client_secret.encode()):
        words = (
            f"Invalid client secret provided for app '{client_id}'. Send the client secret value, not its ID."
        )
        raise Refusal("invalid_client", 7000215, words, 401)
    return app


def _redeem(state: State, base: str, form: Form, app: App) -> dict[str, Any]:
    code = state.spend(form.get("code", ""))
    if code.ask.app.client_id != app.client_id:
        raise Refusal(
            "invalid_grant", 70000, "The provided authorization code was issued to another application."
        )
    if form.get("redirect_uri") != code.ask.redirect_uri:
        words = f"The reply address '{form.get('redirect_uri', '')}' does not match the reply address"
        raise Refusal("invalid_client", 500112, f"{words} '{code.ask.redirect_uri}' provided with the code.")
    if not _verified(code.ask.challenge, form.get("code_verifier", "")):
        words = "The Code_Verifier does not match the code_challenge supplied in the authorization request."
        raise Refusal("invalid_grant", 501481, words)
    person = state.directory.people[code.session.oid]
    if not person.enabled:
        raise Refusal("invalid_grant", 50057, "The user account is disabled.")
    return _tokens_for(state, base, code, person)


def _verified(challenge: str, verifier: str) -> bool:
    if not challenge:
        return not verifier
    digest = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(made.encode(), challenge.encode())


def _tokens_for(state: State, base: str, code: Code, person: Person) -> dict[str, Any]:
    tenant, app_id = state.world.tenant.id, code.ask.app.client_id
    issuer = f"{base}/{tenant}/v2.0"
    subject = tokens.opaque(app_id, person.oid)
    access = tokens.access_token(
        issuer=issuer,
        tenant=tenant,
        audience=tokens.GRAPH,
        app_id=app_id,
        oid=person.oid,
        sub=subject,
        idtyp="user",
        scp="openid profile email",
        name=person.name,
        email=person.mail,
    )
    return {
        "token_type": "Bearer",
        "scope": code.ask.scope,
        "expires_in": tokens.LIFETIME_S - 1,
        "ext_expires_in": tokens.LIFETIME_S - 1,
        "access_token": access,
        "id_token": tokens.sign(_id_claims(state, issuer, code, person, subject)),
    }


def _id_claims(state: State, issuer: str, code: Code, person: Person, subject: str) -> dict[str, Any]:
    ask, scopes = code.ask, code.ask.scope.split()
    claims: dict[str, Any] = {
        "ver": "2.0",
        "iss": issuer,
        "aud": ask.app.client_id,
        **tokens.times(),
        "sub": subject,
        "tid": state.world.tenant.id,
        "uti": uuid4().hex[:22],
    }
    if "profile" in scopes:
        claims |= {"oid": person.oid, "name": person.name, "preferred_username": person.upn}
    asked = (ask.acrs,) if ask.acrs else ()
    given = {
        "email": person.mail if "email" in scopes else "",
        "nonce": ask.nonce,
        "roles": [role for role in person.roles if role in ask.app.app_roles],
        "acrs": state.access.given(ask.app.client_id, asked, code.session.sign_in),
    }
    claims |= {name: value for name, value in given.items() if value}
    wanted = state.access.optional_claims.get(ask.app.client_id, ())
    return claims | {name: value for name, value in _optional(code, person).items() if name in wanted}


def _optional(code: Code, person: Person) -> dict[str, Any]:
    """What stands in a token only where the app's registration asks for it."""
    return {
        "acct": int(person.guest),
        "auth_time": code.session.auth_time,
        "login_hint": "O." + tokens.opaque("login_hint", person.oid),
        "sid": code.session.sid,
    }


def _client_credentials(state: State, base: str, form: Form, app: App) -> dict[str, Any]:
    scope = form.get("scope", "")
    if not scope.endswith("/.default"):
        words = (
            f"The provided value for scope {scope} is not valid. Client credential flows must have a scope"
        )
        raise Refusal(
            "invalid_scope", 1002012, f"{words} value with /.default suffixed to the resource identifier."
        )
    resource = scope.removesuffix("/.default").rstrip("/")
    if resource not in tokens.RESOURCES:
        words = f"The resource principal named {resource} was not found in the tenant"
        raise Refusal("invalid_resource", 500011, f"{words} named {state.world.tenant.name}.")
    roles = {"roles": ["User.Read.All", "GroupMember.Read.All"]} if resource == tokens.GRAPH else {}
    tenant = state.world.tenant.id
    access = tokens.access_token(
        issuer=f"{base}/{tenant}/v2.0",
        tenant=tenant,
        audience=resource,
        app_id=app.client_id,
        oid=app.object_id,
        **roles,
    )
    life = tokens.LIFETIME_S - 1
    return {"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": access}
