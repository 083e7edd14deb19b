"""Which address of the requests app leads to which page. Nothing else."""

from django.urls import path

from requests_app.views import (
    arming,
    catalogue,
    close_all,
    codes,
    decide,
    detail,
    end,
    home,
    inbox,
    lifetime,
    new,
    public,
    status,
)

urlpatterns = [
    path("", home.home, name="home"),
    path("catalogue/", catalogue.catalogue, name="catalogue"),
    path("requests/new", new.new, name="request-new"),
    path("requests/preview", new.preview, name="request-preview"),
    path("requests/<int:pk>/", detail.detail, name="request-detail"),
    path("requests/<int:pk>/withdraw", end.withdraw, name="request-withdraw"),
    path("requests/<int:pk>/cancel", end.cancel, name="request-cancel"),
    path("requests/<int:pk>/code", codes.get_code, name="request-code"),
    path("requests/<int:pk>/activate", codes.activate, name="request-activate"),
    path("requests/<int:pk>/end", end.end_now, name="request-end"),
    path("requests/<int:pk>/revoke", end.revoke, name="request-revoke"),
    path("requests/<int:pk>/extend", lifetime.extend, name="request-extend"),
    path("requests/<int:pk>/shorten", lifetime.shorten, name="request-shorten"),
    path("requests/<int:pk>/open-again", lifetime.open_again, name="request-open-again"),
    path("resources/<slug:key>/close/", close_all.resource, name="close-resource"),
    path("people/<uuid:oid>/close/", close_all.person, name="close-person"),
    path("activate/", codes.activate_code, name="activate-code"),
    path("inbox/", inbox.inbox, name="inbox"),
    path("stages/<int:pk>/decide", decide.decide, name="stage-decide"),
    path("status/", status.status, name="status"),
    path("status/revoke-everything", status.revoke_everything, name="revoke-everything"),
    path("status/arm", arming.arm, name="arm"),
    path("healthz", public.healthz, name="healthz"),
    path("readyz", public.readyz, name="readyz"),
    path(".well-known/jwks.json", public.jwks, name="jwks"),
]
