"""A form that waits in the session while its person signs in again, and the way there and back.

Nothing of it stands in an address, in a log or, readable, in the database: it is sealed, for a quarter of an hour, and
there is one of each purpose. Showing it again is the page's business; it is never sent by itself.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from requests_app.errors import SignInNeeded
from requests_app.policy.sign_in import Need

KEY: Final = "kept_forms"
LIFE: Final = timedelta(minutes=15)
MOST_BYTES: Final = 24_000
REQUEST, APPROVAL, ACTIVATION, CODE, EXTENSION, BREAK_GLASS = (
    "request", "approval", "activation", "code", "extension", "break-glass",
)  # fmt: skip
PURPOSES: Final = (REQUEST, APPROVAL, ACTIVATION, CODE, EXTENSION, BREAK_GLASS)
_NOT_TYPED: Final = frozenset({"csrfmiddlewaretoken", "prove", "submit", "preview"})


@dataclass(frozen=True)
class Kept:
    """One form as it was sent: its fields, the page that shows it again, and what its person is to prove."""

    purpose: str
    back: str
    fields: dict[str, list[str]]
    need: Need

    def first(self, name: str) -> str:
        """Return what was typed into this field, or nothing."""
        return next(iter(self.fields.get(name, [])), "")

    @property
    def data(self) -> QueryDict:
        """Return the fields as a form takes them."""
        made = QueryDict(mutable=True)
        for name, values in self.fields.items():
            made.setlist(name, list(values))
        return made


def step_up(request: HttpRequest, error: SignInNeeded, *, purpose: str, back: str) -> HttpResponse:
    """The posted form is kept, and its person goes to prove what is asked for; they come back to `back`, a page's path.

    That page gets `?kept=<purpose>` and shows what `find` returns. Raises the error for a form too large to be kept.
    """
    joint = "&" if "?" in back else "?"
    said = {
        "back": f"{back}{joint}{urlencode({'kept': purpose})}",
        "fields": {name: values for name, values in request.POST.lists() if name not in _NOT_TYPED},
        "contexts": list(error.contexts),
        "within": None if error.within is None else int(error.within.total_seconds()),
    }
    text = json.dumps(said).encode()
    if purpose not in PURPOSES or len(text) > MOST_BYTES:
        raise error
    forms = dict(request.session.get(KEY, {}))
    forms[purpose] = _seal().encrypt(text).decode()
    request.session[KEY] = forms
    return redirect(f"{reverse('step-up')}?{urlencode({'for': purpose})}")


def find(request: HttpRequest, purpose: str) -> Kept | None:
    """Return the form kept for this purpose; None when there is none, or it is too old."""
    sealed = request.session.get(KEY, {}).get(purpose, "")
    try:
        said: dict[str, Any] = json.loads(
            _seal().decrypt(sealed.encode(), ttl=int(LIFE.total_seconds())).decode()
        )
    except (InvalidToken, ValueError, AttributeError):
        return None
    within = None if said["within"] is None else timedelta(seconds=said["within"])
    return Kept(purpose, said["back"], said["fields"], Need(tuple(said["contexts"]), within))


def shown(request: HttpRequest, *purposes: str) -> Kept | None:
    """Return the form that this very page is to show again: the one whose way back led here."""
    purpose = request.GET.get("kept", "")
    kept = find(request, purpose) if purpose in purposes else None
    return kept if kept and kept.back == request.get_full_path() else None


def drop(request: HttpRequest, *purposes: str) -> None:
    """Nothing is kept for these purposes any more."""
    forms = request.session.get(KEY)
    if forms and not forms.keys().isdisjoint(purposes):
        request.session[KEY] = {name: form for name, form in forms.items() if name not in purposes}


def _seal() -> Fernet:
    digest = hashlib.sha256(b"kept forms\0" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
