"""What anybody may ask: is the portal alive and ready, which keys sign, which codes are revoked. Nothing about people."""

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_safe

from requests_app import keyring
from requests_app.actions import status_lists


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Nothing else is looked at."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """The database answers too; 503 while it does not."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return HttpResponse("the database does not answer\n", content_type="text/plain", status=503)
    return HttpResponse("ready\n", content_type="text/plain")


@login_not_required
@cache_control(public=True, max_age=300)
@require_safe
def jwks(request: HttpRequest) -> HttpResponse:
    """The public keys by which anybody can check a latch code (RFC 7517)."""
    return JsonResponse(keyring.keys().jwks(), content_type="application/jwk-set+json")


@login_not_required
@cache_control(public=True, max_age=300)
@require_safe
def trail_jwks(request: HttpRequest) -> HttpResponse:
    """The public keys by which anybody can check the trail's seals and manifests: retired ones too."""
    return JsonResponse(keyring.seal_jwks(), content_type="application/jwk-set+json")


@login_not_required
@cache_control(public=True, max_age=1)
@require_safe
def status_list(request: HttpRequest, number: int) -> HttpResponse:
    """One status list: which of its codes are good for nothing any more, as bits and signed."""
    return HttpResponse(status_lists.published(number), content_type="application/statuslist+jwt")
