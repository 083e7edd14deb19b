"""Verifiers in the admin: the secret is shown once, kept as a digest, and every change stands in the trail."""

import hashlib
import re
from html import unescape
from typing import Any

import pytest

from audit_app.models import Event
from requests_app.actions import verifiers
from requests_app.models import Verifier

pytestmark = pytest.mark.django_db
ADD = "/admin/requests_app/verifier/add/"
JUMP = {"key": "jump-host-1", "name": "Jump host 1", "may_introspect": "on", "resources": "", "tags": ""}


@pytest.fixture
def client(administrator: Any, client_for: Any, policy: Any) -> Any:
    return client_for(administrator)


def made(client: Any, **changes: str) -> tuple[Verifier, str]:
    answer = client.post(ADD, JUMP | changes)
    page = unescape(answer.content.decode())
    assert answer.status_code == 200, page[-3000:]
    assert "no-store" in answer.headers["Cache-Control"]
    return Verifier.objects.get(), re.findall(r"latchv_[\w-]{43}", page)[0]


def change(client: Any, verifier: Verifier, **values: str) -> None:
    answer = client.post(f"/admin/requests_app/verifier/{verifier.pk}/change/", values)
    assert answer.status_code == 302, unescape(answer.content.decode())[-3000:]
    verifier.refresh_from_db()


def test_a_secret_is_shown_once_and_kept_nowhere(client: Any) -> None:
    verifier, secret = made(client)
    assert verifier.digest == hashlib.sha256(secret.encode()).hexdigest()
    pages = ("", f"{verifier.pk}/change/", f"{verifier.pk}/history/")
    for page in pages:
        assert secret not in client.get(f"/admin/requests_app/verifier/{page}").content.decode()
    for event in Event.objects.all():
        assert secret not in f"{event.data}{event.why}"
    assert verifiers.recognised("jump-host-1", secret) == verifier


def test_making_one_stands_in_the_trail_with_what_it_may(client: Any, administrator: Any) -> None:
    made(client, may_revoke="on", resources="prod-web-01\nprod-web-02", tags="jump")
    event = Event.objects.get(kind="verifier.made")
    assert event.actor_id == administrator.identity
    assert event.object_id == "jump-host-1"
    assert event.data["after"] == {
        "name": "Jump host 1",
        "scopes": ["introspect", "revoke"],
        "resources": ["prod-web-01", "prod-web-02"],
        "tags": ["jump"],
        "enabled": True,
    }


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"may_introspect": ""}, "one of the two"),
        ({"resources": "nowhere"}, "no resource with the key “nowhere”"),
        ({"key": "two words"}, "valid “slug”"),
        ({"name": ""}, "required"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(client: Any, wrong: dict[str, str], words: str) -> None:
    page = unescape(client.post(ADD, JUMP | wrong).content.decode())
    assert words in page
    assert "latchv_" not in page
    assert not Verifier.objects.exists()


def test_an_id_is_never_given_twice(client: Any) -> None:
    made(client)
    assert "already exists" in client.post(ADD, JUMP).content.decode()
    verifier = Verifier.objects.get()
    assert (
        client.post(f"/admin/requests_app/verifier/{verifier.pk}/delete/", {"post": "yes"}).status_code == 403
    )


def test_disabled_it_is_not_recognised_and_enabled_it_is_again(client: Any) -> None:
    verifier, secret = made(client)
    change(client, verifier, name="Jump host 1", may_introspect="on")
    assert verifiers.recognised("jump-host-1", secret) is None
    change(client, verifier, name="Jump host 1", may_introspect="on", enabled="on")
    assert verifiers.recognised("jump-host-1", secret) == verifier
    kinds = Event.objects.filter(kind__startswith="verifier").order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["verifier.made", "verifier.disabled", "verifier.refused", "verifier.enabled"]


def test_a_change_says_what_was_before_and_no_change_says_nothing(client: Any) -> None:
    verifier, _ = made(client)
    change(client, verifier, key="other", name="Jump host 1", may_introspect="on", enabled="on")
    assert not Event.objects.filter(kind="verifier.changed").exists()
    assert verifier.key == "jump-host-1"
    change(client, verifier, name="Gate", may_revoke="on", enabled="on")
    event = Event.objects.get(kind="verifier.changed")
    assert event.data["before"]["scopes"] == ["introspect"]
    assert event.data["after"]["scopes"] == ["revoke"]
    assert event.data["after"]["name"] == "Gate"


def test_a_wrong_secret_is_told_once_a_minute_and_a_stranger_never(client: Any) -> None:
    _, secret = made(client)
    for _ in range(3):
        assert verifiers.recognised("jump-host-1", secret + "x") is None
        assert verifiers.recognised("nobody", secret) is None
    assert Event.objects.filter(kind="verifier.refused").count() == 1


def test_its_use_is_noted_to_the_minute(client: Any) -> None:
    verifier, secret = made(client)
    verifiers.recognised("jump-host-1", secret)
    verifier.refresh_from_db()
    first = verifier.last_used_at
    assert first is not None
    verifiers.recognised("jump-host-1", secret)
    verifier.refresh_from_db()
    assert verifier.last_used_at == first
