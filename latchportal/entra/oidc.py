"""The OpenID Connect exchange with Entra: allauth's, with what it leaves out. Nobody is let in here.

Added: the ID token's signature is verified against Entra's published keys, and only our own code says which
scopes and parameters go out.
"""

from functools import lru_cache
from typing import Any, Final

import jwt
import requests
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialLogin, SocialToken
from allauth.socialaccount.providers.base import ProviderException
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.core.cache import cache
from django.http import HttpRequest

DISCOVERY_SECONDS: Final = 300
LEEWAY_SECONDS: Final = 60
SCOPES: Final = ("openid", "profile")


class EntraOAuth2Adapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """Redeems the code and reads the ID token; Entra's userinfo and access token are never used."""

    @property
    def openid_config(self) -> dict[str, Any]:
        """Return Entra's discovery document, kept for five minutes. Raises requests.RequestException."""
        url = self.get_provider().server_url
        key = f"entra-discovery:{url}"
        config: dict[str, Any] | None = cache.get(key)
        if config is None:
            with get_adapter().get_requests_session() as session:
                response = session.get(url)
                response.raise_for_status()
                config = dict(response.json())
            cache.set(key, config, DISCOVERY_SECONDS)
        return config

    def complete_login(
        self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        """Return the login these tokens are about. Raises ProviderException when they prove nothing."""
        credential = kwargs["response"].get("id_token")
        if not isinstance(credential, str):
            raise ProviderException("no ID token in the token response")
        claims = self._proven(app.client_id, credential)
        return self.get_provider().sociallogin_from_response(request, {"id_token": claims})

    def _proven(self, client_id: str, credential: str) -> dict[str, Any]:
        """What the token says, once signature, issuer, audience and times hold."""
        config = self.openid_config
        try:
            key = _keys(config["jwks_uri"]).get_signing_key_from_jwt(credential)
            claims: dict[str, Any] = jwt.decode(
                credential,
                key,
                algorithms=["RS256"],
                issuer=config["issuer"],
                audience=client_id,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise requests.ConnectionError(str(error)) from error
        except jwt.PyJWTError as error:
            raise ProviderException(f"ID token refused: {error}") from error
        return claims


class EntraProvider(OpenIDConnectProvider):  # type: ignore[misc]
    """Entra as an allauth provider that takes nothing from the query string and no e-mail from the token."""

    oauth2_adapter_class = EntraOAuth2Adapter

    def get_scope(self) -> list[str]:
        """Return what is asked for, always the same."""
        return list(SCOPES)

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        """Return the same, whatever ?scope= says."""
        return self.get_scope()

    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, str]:
        """Return the configured parameters, whatever ?auth_params= says."""
        return dict(self.get_auth_params())

    def extract_uid(self, data: dict[str, Any]) -> str:
        """Return allauth's name for the account; people are found by tid and oid, never by this."""
        claims = data["id_token"]
        return f"{claims.get('tid', '')}:{claims.get('oid', '')}"

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return nothing: allauth makes no people here."""
        return {}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[Any]:
        """Return none: an e-mail never says who somebody is."""
        return []


@lru_cache(maxsize=4)
def _keys(url: str) -> jwt.PyJWKClient:
    """Entra's keys: kept for five minutes, fetched again at once for a key not seen before."""
    # Without a pause after a fetch: tokens come from Entra alone, by a code redeemed there, so nobody can ask for many.
    return jwt.PyJWKClient(
        url, cache_jwk_set=True, lifespan=DISCOVERY_SECONDS, timeout=5, cooldown_duration=0
    )
