"""Signs and reads the tokens of the pretend Entra ID (RS256, key made at start). Knows no people, no HTTP."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from threading import Lock
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

ARM = "https://management.azure.com"
GRAPH = "https://graph.microsoft.com"
RESOURCES = (
    ARM,
    GRAPH,
    "https://management.core.windows.net",
    "https://monitor.azure.com",
    "https://api.loganalytics.io",
    "https://storage.azure.com",
    "https://database.windows.net",
    "https://vault.azure.net",
)
LIFETIME_S = 3600
# Entra's examples of tokens last 3,900 seconds for an `expires_in` of 3,599: clocks may differ by the rest.
_BACK_S = 300


class Unauthorized(Exception):
    """The caller is not known; `code` and `message` in Azure's words, for an answer with status 401."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


_making = Lock()


@cache
def _made() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _key() -> rsa.RSAPrivateKey:
    # A cache lets two first callers make a key each, and the token of the one whose key is lost is never good.
    with _making:
        return _made()


@cache
def _public_jwk() -> dict[str, str]:
    made: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(_key().public_key()))
    kid = opaque(made["n"])[:27]
    return {
        "kty": "RSA",
        "use": "sig",
        "kid": kid,
        "x5t": kid,
        "n": made["n"],
        "e": made["e"],
        "alg": "RS256",
    }


def opaque(*parts: str) -> str:
    """A stable, unreadable name made from the parts, as Entra makes pairwise subjects."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def now_s() -> int:
    """Seconds since the epoch, as tokens carry them."""
    return int(datetime.now(UTC).timestamp())


def times() -> dict[str, int]:
    """The claims about time of a token given out now: as Entra's, it is valid from five minutes ago on."""
    now = now_s()
    return {"iat": now - _BACK_S, "nbf": now - _BACK_S, "exp": now + LIFETIME_S}


def jwks() -> dict[str, Any]:
    """The public keys as Entra serves them."""
    return {"keys": [_public_jwk()]}


def sign(claims: dict[str, Any]) -> str:
    """A JWT of exactly these claims."""
    return jwt.encode(claims, _key(), algorithm="RS256", headers={"kid": _public_jwk()["kid"]})


def access_token(*, issuer: str, tenant: str, audience: str, app_id: str, oid: str, **more: Any) -> str:
    """An access token that says `oid` through the app `app_id`, good for an hour at `audience`."""
    who = {"tid": tenant, "appid": app_id, "azp": app_id, "oid": oid, "sub": oid, "idtyp": "app"}
    return sign({"iss": issuer, "aud": audience, "ver": "2.0", "uti": uuid4().hex, **times(), **who, **more})


def claims_of(authorization: str | None, audience: str) -> dict[str, Any]:
    """The claims of a bearer token that is meant for `audience`. Raises Unauthorized."""
    kind, _, token = (authorization or "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Unauthorized(
            "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
        )
    wanted = [audience.rstrip("/")]
    if wanted == [ARM]:
        wanted.append("https://management.core.windows.net")
    try:
        return jwt.decode(token.strip(), _key().public_key(), algorithms=["RS256"], audience=wanted)
    except jwt.ExpiredSignatureError as error:
        raise Unauthorized(
            "ExpiredAuthenticationToken", "The access token expiry UTC time has passed."
        ) from error
    except jwt.InvalidAudienceError as error:
        message = f"The access token is not meant for '{audience}': its audience is another resource."
        raise Unauthorized("InvalidAuthenticationTokenAudience", message) from error
    except jwt.InvalidTokenError as error:
        raise Unauthorized("InvalidAuthenticationToken", "The access token is invalid.") from error


def mark(authorization: str | None) -> str:
    """A short name by which one token is told from another, and that gives away neither."""
    return opaque(authorization or "")[:12]


def principal_of(authorization: str | None, audience: str) -> str:
    """The object id of the caller whose Authorization header this is. Raises Unauthorized."""
    return str(claims_of(authorization, audience)["oid"])
