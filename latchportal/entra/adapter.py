"""Where allauth asks this house: who may come in, what the session keeps, what happens when Entra says no."""

from typing import Any, NoReturn

import requests
import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthError
from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse

from latchportal.entra import admission, claims, step_up
from latchportal.entra.claims import SignInRefused
from latchportal.entra.names import NONCE, SIGN_IN, STEP_UP, UNREACHABLE
from latchportal.entra.oidc import EntraProvider
from requests_app.models import Person

log = structlog.get_logger("latch.entra")
TOLD_FOR = 16 * 60 * 60


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """No sign-up, no password, no mail: allauth finishes the one way in, and the session is made here."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: people are made by sign-in at Entra or by the directory."""
        return False

    def get_login_stages(self) -> list[str]:
        """Return none: whatever more a person must prove, they prove to Entra."""
        return []

    def login(self, request: HttpRequest, user: Person) -> None:
        """The person is signed in, in a session with a new key."""
        login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])

    def post_login(
        self, request: HttpRequest, user: Person, *, signal_kwargs: dict[str, Any] | None, **kwargs: Any
    ) -> HttpResponse:
        """The session keeps what Entra said of this sign-in; the person goes on to where they were."""
        identity: claims.Identity = (signal_kwargs or {})["sociallogin"].identity
        request.session[SIGN_IN] = admission.session_facts(identity)
        # The row outlives the session, so that who comes back too late is told why and not just asked again.
        request.session.set_expiry(settings.SESSION_COOKIE_AGE + TOLD_FOR)
        response: HttpResponse = super().post_login(request, user, signal_kwargs=signal_kwargs, **kwargs)
        return response

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing: the page that follows shows who is signed in."""

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        """Send nothing: mail leaves by the outbox alone."""


class EntraAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """People are whom the returned claims prove, by (tid, oid). allauth keeps no accounts of its own here."""

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> EntraProvider:
        """Return Entra as this house speaks to it."""
        return EntraProvider(request, app=self.get_app(request, provider, client_id))

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Return the app of the settings. A row in a table never adds another way in."""
        kind = "openid_connect"
        configured: dict[str, Any] = settings.SOCIALACCOUNT_PROVIDERS
        apps = [SocialApp(provider=kind, **app) for app in configured[kind]["APPS"]]
        return [
            app
            for app in apps
            if provider in (None, kind, app.provider_id) and client_id in (None, app.client_id)
        ]

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Return False: whoever gets so far was not admitted."""
        return False

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        """Return False, whatever a setting says."""
        return False

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> Any:
        """Leave allauth's blank user blank: it is replaced by the person the claims prove."""
        return sociallogin.user

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """The login is the person's whom the claims that came back prove; SignInRefused when they do not.

        Somebody who only proves more of themselves stays signed in as they are, whatever came back.
        """
        state = sociallogin.state.get("data") or {}
        purpose = str(state.get(STEP_UP, ""))
        expected = claims.Expected(
            issuer=admission.issuer(),
            client_id=settings.ENTRA_CLIENT_ID,
            tenant=settings.ENTRA_TENANT_ID,
            nonce=str(state.get(NONCE, "")),
        )
        try:
            identity = claims.read(sociallogin.account.extra_data["id_token"], expected)
        except SignInRefused as refusal:
            if purpose:
                raise step_up.instead(step_up.failed(request, purpose, refusal)) from refusal
            admission.record_refusal(refusal)
            raise
        if purpose:
            raise step_up.instead(step_up.finish(request, identity, purpose))
        sociallogin.user = admission.admit(identity)
        sociallogin.identity = identity

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> NoReturn:
        """Raise SignInRefused with words. Only tokens that do not hold reach the trail: all else is noise.

        Somebody who went to prove more is led back to their form.
        """
        state = (extra_context or {}).get("state") or {}
        refusal = _refusal(error, exception, known=bool(state))
        log.warning(
            "signin.failed",
            check=refusal.check,
            error=str(exception or "")[:300],
            entra_error=request.GET.get("error", "")[:80],
            entra_words=request.GET.get("error_description", "")[:300],
        )
        if purpose := (state.get("data") or {}).get(STEP_UP):
            raise step_up.instead(step_up.failed(request, str(purpose), refusal))
        if refusal.check == "token":
            admission.record_refusal(refusal)
        raise refusal


def _refusal(error: str | None, exception: Exception | None, *, known: bool) -> SignInRefused:
    if isinstance(exception, requests.RequestException):
        return unreachable()
    if exception is not None:
        return SignInRefused("Entra's answer could not be verified.", check="token")
    if not known:
        words = "This sign-in was finished already, took over ten minutes, or was started in another browser."
        return SignInRefused(words, check="state", status=400)
    if error == AuthError.CANCELLED:
        words = "Entra says that you cancelled, or that you may not use this portal."
        return SignInRefused(words, check="entra")
    return SignInRefused("Entra did not sign you in.", check="entra")


def unreachable() -> SignInRefused:
    """Return the refusal for an Entra that can not be reached."""
    return SignInRefused(
        UNREACHABLE,
        check="entra_reachable",
        way_on="Try again in a minute. Doors that are open stay open until their time ends.",
        status=503,
    )
