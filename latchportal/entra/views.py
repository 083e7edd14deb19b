"""The doors of signing in and out. allauth's own views and their query parameters are not routed."""

import secrets
from urllib.parse import urlencode

import requests
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from latchportal.entra import step_up
from latchportal.entra.adapter import unreachable
from latchportal.entra.names import ENTRA, NONCE
from latchportal.entra.oidc import EntraOAuth2Adapter
from latchportal.entra.sessions import SIGNED_OUT, WORDS, end, safe_next
from requests_app.errors import Refused
from requests_app.models import Person
from requests_app.views import kept_form
from requests_app.views.http import PortalRequest


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """Lead to Entra: at once for somebody sent here by a page, by a button for who came by themselves."""
    return _login(request, safe_next(request))


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def admin_login(request: HttpRequest) -> HttpResponse:
    """The same door for the admin site; who is signed in without the role is told so, not sent in circles."""
    if isinstance(request.user, Person) and not request.user.is_staff:
        raise Refused(
            "The admin pages are for administrators.",
            check="role",
            way_on="If you were made one just now, sign out and in again: roles are read at sign-in.",
        )
    return _login(request, safe_next(request, default="/admin/"))


@login_not_required
@never_cache
@require_GET
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Entra's answer: the person is signed in and goes on, or SignInRefused says why not."""
    view = OAuth2CallbackView.adapter_view(EntraOAuth2Adapter(request, provider_id))
    response: HttpResponse = view(request)
    return response


@never_cache
@require_GET
def prove(request: PortalRequest) -> HttpResponse:
    """Lead to Entra whoever has a form waiting that asks for more than their sign-in shows."""
    kept = kept_form.find(request, request.GET.get("for", ""))
    if kept is None:
        messages.warning(request, "No form of yours waits: it is kept for a quarter of an hour.")
        return redirect("home")
    return step_up.begin(request, request.user, kept)


@login_not_required
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """The session here is gone; the page that follows offers to end the one at Entra."""
    if isinstance(request.user, Person):
        end(request, request.user, SIGNED_OUT)
    return redirect(f"{reverse('login')}?{urlencode({'why': SIGNED_OUT})}")


def no_password(request: HttpRequest) -> HttpResponse:
    """Nothing stands where the admin site would change a password: nobody has one here."""
    raise Http404("There are no passwords here; Entra ID keeps them.")


def _login(request: HttpRequest, next_url: str) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(next_url)
    why = request.GET.get("why", "")
    if request.method == "POST" or ("next" in request.GET and why not in WORDS):
        return _to_entra(request, next_url)
    words = {"why": WORDS.get(why, ""), "next": next_url}
    if why == SIGNED_OUT:
        words["entra_sign_out"] = _entra_sign_out(request)
    return render(request, "account/login.html", words)


def _to_entra(request: HttpRequest, next_url: str) -> HttpResponse:
    """The exchange begins with our own parameters alone; the nonce ties the token to this session."""
    provider = get_adapter(request).get_provider(request, ENTRA)
    nonce = secrets.token_urlsafe(24)
    try:
        response: HttpResponse = provider.redirect(
            request,
            process=AuthProcess.LOGIN,
            next_url=next_url,
            data={NONCE: nonce},
            auth_params={**provider.get_auth_params(), "nonce": nonce},
        )
    except requests.RequestException as error:
        raise unreachable() from error
    return response


def _entra_sign_out(request: HttpRequest) -> str:
    back = urlencode({"post_logout_redirect_uri": request.build_absolute_uri(reverse("login"))})
    return f"{settings.ENTRA_AUTHORITY}/{settings.ENTRA_TENANT_ID}/oauth2/v2.0/logout?{back}"
