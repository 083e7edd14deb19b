"""A bare Django page with five queries and a table of 50 rows, as a WSGI application: what our pages are compared with.

No sessions, no sign-in, no middleware at all: the least that Django itself costs on this machine.
"""

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

URL = os.environ["DATABASE_URL"]
PAGE = """<!doctype html><title>Bare</title><h1>{{ people }} people, {{ resources }} resources</h1>
<p>{{ first.display_name }} {{ newest.id }}</p>
<table>{% for one in requests %}<tr><td>{{ one.id }}</td><td>{{ one.state }}</td><td>{{ one.reason }}</td>
<td>{{ one.ticket }}</td><td>{{ one.submitted_at|date:"Y-m-d H:i" }}</td></tr>{% endfor %}</table>"""

if not settings.configured:
    import environ

    settings.configure(
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="only-for-a-benchmark",
        ROOT_URLCONF=__name__,
        DATABASES={"default": {**environ.Env.db_url_config(URL), "CONN_MAX_AGE": 60}},
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        USE_TZ=True,
    )
    django.setup()


class Person(models.Model):  # noqa: DJ008
    """A person, by the portal's own table."""

    display_name = models.CharField(max_length=200)

    class Meta:
        app_label = "bare"
        managed = False
        db_table = "requests_app_person"


class Resource(models.Model):  # noqa: DJ008
    """A resource, likewise."""

    name = models.CharField(max_length=200)

    class Meta:
        app_label = "bare"
        managed = False
        db_table = "requests_app_resource"


class AccessRequest(models.Model):  # noqa: DJ008
    """A request, likewise."""

    state = models.CharField(max_length=12)
    reason = models.TextField()
    ticket = models.CharField(max_length=80)
    submitted_at = models.DateTimeField()

    class Meta:
        app_label = "bare"
        managed = False
        db_table = "requests_app_accessrequest"


def page(request: HttpRequest) -> HttpResponse:
    """Show the table."""
    template = engines["django"].from_string(PAGE) if not _templates else _templates[0]
    if not _templates:
        _templates.append(template)
    words = {
        "people": Person.objects.count(),
        "resources": Resource.objects.count(),
        "first": Person.objects.order_by("pk").first(),
        "newest": AccessRequest.objects.order_by("-pk").first(),
        "requests": list(AccessRequest.objects.order_by("-pk")[:50]),
    }
    return HttpResponse(template.render(words, request))


_templates: list[object] = []
urlpatterns = [path("", page), path("healthz", lambda request: HttpResponse("ok"))]
application = get_wsgi_application()
