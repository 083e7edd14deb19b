"""The doors of signing in, before two pages that need somebody signed in. The site's own pages are not needed here."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path

from requests_app.models import Person


def page(request: HttpRequest) -> HttpResponse:
    """Say who is here and what the session knows of the sign-in."""
    assert isinstance(request.user, Person)
    return JsonResponse({"oid": str(request.user.oid), "sign_in": request.session["sign_in"]})


urlpatterns = [
    path("", include("latchportal.entra.urls")),
    path("", page, name="home"),
    path("inbox/", page, name="inbox"),
    path("admin/", admin.site.urls),
]
