"""What wraps every HTTP exchange: origin and correlation id, the admin's content policy, domain errors as pages.

No business here: an error brings its own status, words and way on.
"""

from collections.abc import Callable
from uuid import UUID, uuid4

import structlog
from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render

from audit_app import origin
from latchportal.client_address import client_address
from latchportal.entra.sessions import page_in_sight

log = structlog.get_logger("latch.http")
GetResponse = Callable[[HttpRequest], HttpResponse]
CORRELATION_HEADER = "X-Correlation-Id"


class OriginMiddleware:
    """Everything done in this exchange carries one correlation id and the client's own address; no cache keeps it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        address = client_address(request.META, settings.TRUSTED_PROXY_COUNT)
        with origin.origin(_offered(request) or str(uuid4()), address) as here:
            structlog.contextvars.bind_contextvars(
                correlation_id=here.correlation_id, source_address=address, path=request.path
            )
            try:
                response = self.get_response(request)
            finally:
                structlog.contextvars.clear_contextvars()
            response[CORRELATION_HEADER] = here.correlation_id
            # A page that says nothing of caches is about people and access: none may keep it.
            response.headers.setdefault("Cache-Control", "private, no-store")
            return response


def _offered(request: HttpRequest) -> str | None:
    try:
        return str(UUID(request.headers[CORRELATION_HEADER]))
    except (KeyError, ValueError):
        return None


class ContentPolicyMiddleware(CSPMiddleware):
    """The strict content policy everywhere; under /admin/ the one that django-unfold's Alpine can live with."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        """Return the policy's parts; only the admin's script and style sources differ."""
        parts: PolicyParts = super().get_policy_parts(request, response, report_only)
        if request.path.startswith("/admin/") and not report_only:
            parts.replace = {**(parts.replace or {}), **settings.ADMIN_CONTENT_SECURITY_POLICY}
        return parts


class DomainErrorMiddleware:
    """Any exception that carries a status becomes a page, or problem+json (RFC 9457) for who asked for JSON."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer for errors that say their status; leave every other to Django's 500."""
        status = getattr(error, "status", None)
        if not isinstance(status, int):
            return None
        words = {
            "title": getattr(error, "title", "That did not work"),
            "reason": getattr(error, "reason", "") or str(error),
            "check": getattr(error, "check", ""),
            "way_on": getattr(error, "way_on", ""),
            "correlation_id": origin.current().correlation_id,
        }
        log.info("http.refused", status=status, check=words["check"], reason=words["reason"])
        if request.accepts("text/html"):
            shown = {**words, "status": status, "back_url": _back(request)}
            return render(request, "error.html", shown, status=status)
        problem = {
            "type": "about:blank",
            "title": words["title"],
            "status": status,
            "detail": words["reason"],
            "check": words["check"],
            "way_on": words["way_on"],
            "correlation_id": words["correlation_id"],
        }
        return JsonResponse(problem, status=status, content_type="application/problem+json")


def _back(request: HttpRequest) -> str:
    """The page on which something was pressed that was refused; empty where there is none."""
    if request.method in ("GET", "HEAD"):
        return ""
    page = page_in_sight(request)
    return page if page not in ("/", request.get_full_path()) else ""
