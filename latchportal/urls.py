"""Which address leads to which page. Pages live in the apps."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("latchportal.entra.urls")),
    path("", include("requests_app.views.urls")),
    path("audit/", include("audit_app.urls")),
    path("admin/", admin.site.urls),
]
