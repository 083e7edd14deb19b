"""The addresses of signing in and out, and no other page of allauth's. Include before the admin's own."""

from django.urls import path

from latchportal.entra import views
from latchportal.entra.names import ENTRA

CALLBACK = f"accounts/oidc/{ENTRA}/login/callback/"

urlpatterns = [
    path("login/", views.login, name="login"),
    path("logout/", views.logout, name="account_logout"),
    path("step-up/", views.prove, name="step-up"),
    path("admin/login/", views.admin_login, name="admin_login"),
    path("admin/logout/", views.logout),
    path("admin/password_change/", views.no_password),
    path("admin/password_change/done/", views.no_password),
    # allauth computes the redirect address by this name and argument.
    path(CALLBACK, views.callback, {"provider_id": ENTRA}, name="openid_connect_callback"),
]
