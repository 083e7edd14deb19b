"""The proof of one event: for auditors, as a file the offline verifier takes, and in words where there is none yet."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from audit_app import sealing, verify
from tests.audit_app.chain_makers import Outside
from tests.audit_app.trail_makers import happened

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("cluster"),
]


def test_auditor_takes_a_proof_away_that_the_offline_verifier_takes(
    auditor: Any, client_for: Any, tmp_path: Path, capsys: Any
) -> None:
    event = happened(story="request-9", why="Grüße")
    client, address = client_for(auditor), reverse("audit:proof", args=[event.uid])
    sealing.seal()
    for page in ("/audit/events/", "/audit/stories/request-9/"):
        assert f'href="{address}"' in client.get(page).content.decode()
    answer = client.get(address)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="proof-{event.uid}.json"'
    assert json.loads(answer.content)["event"]["personal"]["why"] == "Grüße"
    (tmp_path / "proof.json").write_bytes(answer.content)
    keys = Outside(tmp_path).keys
    keys.write_bytes(client.get("/.well-known/jwks.json").content)
    assert verify.main(["event", str(tmp_path / "proof.json"), "--keys", str(keys)]) == 0


def test_an_event_that_is_not_sealed_yet_is_said_to_be(auditor: Any, client_for: Any) -> None:
    client = client_for(auditor)
    answer = client.get(reverse("audit:proof", args=[happened().uid]))
    assert answer.status_code == 409
    assert "Events are sealed within seconds" in answer.content.decode()


def test_an_event_that_is_not_there_is_not_found(auditor: Any, client_for: Any) -> None:
    nowhere = reverse("audit:proof", args=["00000000-0000-4000-8000-000000000000"])
    assert client_for(auditor).get(nowhere).status_code == 404


def test_the_sites_own_people_are_refused(requester: Any, client_for: Any) -> None:
    assert client_for(requester).get(reverse("audit:proof", args=[happened().uid])).status_code == 403
