"""Somebody who is signed in through the pretend Entra, in the site's own test client. No tests."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from django.test import Client

from audit_app.clock import now
from tests.support.organisation import the_world

SITE = {"HTTP_HOST": "127.0.0.1:8000"}


class Visitor:
    """One person's browser: signed in through Entra, with their own session there."""

    def __init__(self, key: str) -> None:
        self.person = the_world().person(key)
        self.site = Client(**SITE, REMOTE_ADDR=self.person.address)
        self.back(self.site.get("/login/", {"next": "/"})["Location"])

    def back(self, authorize: str, *, who: str = "", **form: str) -> Any:
        """Do at Entra what this form says; return the site's answer to what the browser comes back with."""
        picked = the_world().person(who).oid if who else self.person.oid
        answer = httpx.post(authorize, data={"person": picked, **form}, timeout=10)
        assert answer.status_code == 302, f"Entra answered {answer.status_code}: {answer.text[-400:]}"
        to = urlsplit(answer.headers["location"])
        return self.site.get(f"{to.path}?{to.query}")

    def sent(self, answer: Any) -> str:
        """Return the address at Entra to which this answer leads."""
        assert answer.status_code == 302, f"{answer.status_code}: {answer.content.decode()[:600]}"
        assert urlsplit(answer["Location"]).path == "/step-up/", answer["Location"]
        away = self.site.get(answer["Location"])
        assert away.status_code == 302, away.content.decode()[:600]
        return str(away["Location"])

    @property
    def facts(self) -> dict[str, Any]:
        return dict(self.site.session["sign_in"])

    def grow_old(self, **ago: int) -> None:
        """The sign-in of this session is so old."""
        session = self.site.session
        session["sign_in"] = {**session["sign_in"], "auth_time": (now() - timedelta(**ago)).isoformat()}
        session.save()


def query(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
