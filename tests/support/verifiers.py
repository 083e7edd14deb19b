"""A verifier for a test, and what it asks the site. No assertions here."""

from typing import Any

from django.test import Client

from requests_app.actions import verifiers
from requests_app.models import Person, Verifier


class Asking:
    """One verifier with its secret, speaking to the site by Django's client."""

    def __init__(self, by: Person, **fields: Any) -> None:
        self.verifier = Verifier(
            **{"key": "jump-host-1", "name": "Jump host 1", "may_revoke": True, **fields}
        )
        self.secret = verifiers.make(self.verifier, by=by)

    def post(self, path: str, data: dict[str, Any], *, secret: str | None = None, **more: Any) -> Any:
        """Return the answer to this form, sent with the verifier's own secret or another."""
        client = Client(enforce_csrf_checks=True)
        client.defaults["HTTP_AUTHORIZATION"] = basic(self.verifier.key, secret or self.secret)
        return client.post(path, data, **more)

    def introspect(self, code: str) -> dict[str, Any]:
        """Return what the site says about this code."""
        said: dict[str, Any] = self.post("/oauth/introspect", {"token": code}).json()
        return said

    def revoke(self, code: str) -> Any:
        """Return the answer to revoking this code."""
        return self.post("/oauth/revoke", {"token": code})


def basic(key: str, secret: str) -> str:
    """Return the header by which a client of OAuth signs in."""
    from base64 import b64encode

    return "Basic " + b64encode(f"{key}:{secret}".encode()).decode()
