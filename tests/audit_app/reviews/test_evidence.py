"""The evidence of a campaign: rows, what was recorded, a proof of each event, and the offline verifier on it."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import time_machine

from audit_app import sealing, verify
from audit_app.clock import now
from audit_app.models import AccessReview, Event
from audit_app.reviews import campaign, decide
from requests_app import tasks
from tests.audit_app.chain_makers import Outside

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("cluster"),
]
FORMULA = "=cmd|' /C calc'!A1"


@pytest.fixture
def closed(people: Any, running: Any) -> AccessReview:
    """A campaign about one machine, the first row removed and the others kept, signed off and carried out."""
    asked = [[people[who].identity, str(people[who])] for who in ("manager", "security")]
    review = running(scope={"resources": ["prod-web-01"]}, reviewers="named", named=asked)
    reviewers = [people[who] for who in ("manager", "security")]
    for number, item in enumerate(review.items.all()):
        by = next(person for person in reviewers if person.identity in item.reviewer_ids)
        choice = "keep" if number else "remove"
        decide.decide(by=by.party, item_ids=[item.pk], choice=choice, why=FORMULA)
    campaign.sign_off(by=people["administrator"].party, review=review)
    tasks.reviews()
    review.refresh_from_db()
    return review


@pytest.fixture
def taken(closed: AccessReview, people: Any, client_for: Any, tmp_path: Path) -> Path:
    """The pack as an auditor downloads it."""
    sealing.seal()
    answer = client_for(people["auditor"]).post(f"/audit/reviews/{closed.uid}/evidence.zip")
    assert answer.status_code == 200, answer.content.decode()
    path = tmp_path / "evidence.zip"
    path.write_bytes(answer.content)
    return path


@pytest.fixture
def checked(tmp_path: Path, capsys: Any) -> Callable[[Path], tuple[int, str]]:
    """Return what the offline verifier says of a pack: its exit code and its words."""

    def check(path: Path) -> tuple[int, str]:
        code = verify.main(["pack", str(path), "--keys", str(Outside(tmp_path).keys)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return check


def read(path: Path, name: str) -> str:
    with ZipFile(path) as archive:
        return archive.read(name).decode()


def rows(path: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(read(path, name))))


def signed_anew(path: Path, name: str, change: Callable[[str], str]) -> None:
    """The pack holds another file of this name, and a manifest by the portal's own key that fits it."""
    from hashlib import sha256

    from audit_app import manifests

    with ZipFile(path) as archive:
        files = {one: archive.read(one) for one in archive.namelist()}
    files[name] = change(files[name].decode()).encode()
    said = json.loads(files["manifest.json"])["manifest"]
    said["files"][name] = {"sha256": sha256(files[name]).hexdigest(), "bytes": len(files[name])}
    files["manifest.json"] = json.dumps(manifests.signed(said)).encode()
    with ZipFile(path, "w") as archive:
        for one, body in files.items():
            archive.writestr(one, body)


def test_the_evidence_holds_rows_decisions_and_a_proof_of_each_event(
    taken: Path, closed: AccessReview, people: Any, checked: Any
) -> None:
    found = rows(taken, "rows.csv")
    assert len(found) == closed.items.count()
    assert {row["state"] for row in found} == {"applied"}
    assert all(row["reason"].startswith("'=") for row in found)
    told = [row["kind"] for row in rows(taken, "events.csv")]
    assert told[0] == "review.planned"
    assert told.count("review.kept") == len(found) - 1
    assert told.count("review.removed") == told.count("right.taken_away") == 1
    proofs = [line for line in map(json.loads, read(taken, "proofs.jsonl").splitlines()) if "event" in line]
    assert {line["event"]["event"]["uid"] for line in proofs} == {
        row["uid"] for row in rows(taken, "events.csv")
    }
    assert json.loads(read(taken, "manifest.json"))["manifest"]["policy_hash"] == closed.policy_hash
    assert Event.objects.get(kind="review.evidence_taken").actor_id == people["auditor"].identity
    assert checked(taken)[0] == 0


def test_a_pack_that_the_portal_itself_signed_is_not_sound_where_it_tells_more_than_was_sealed(
    taken: Path, checked: Any
) -> None:
    signed_anew(taken, "proofs.jsonl", lambda text: text.replace("review.removed", "review.kept", 1))
    code, words = checked(taken)
    assert code == 1
    assert "is not what seal" in words


def test_an_event_that_is_told_without_its_proof_is_named(taken: Path, checked: Any) -> None:
    gone = rows(taken, "events.csv")[1]["uid"]

    def without(text: str) -> str:
        return "".join(f"{line}\n" for line in text.splitlines() if gone not in line)

    signed_anew(taken, "proofs.jsonl", without)
    code, words = checked(taken)
    assert code == 1
    assert f"there is no proof of event {gone}" in words


def test_before_everything_is_carried_out_and_sealed_there_is_none(
    people: Any, running: Any, client_for: Any, closed: AccessReview
) -> None:
    auditor, address = client_for(people["auditor"]), f"/audit/reviews/{closed.uid}/"
    unsealed = auditor.post(f"{address}evidence.zip")
    assert (unsealed.status_code, "Not sealed yet" in unsealed.content.decode()) == (409, True)
    assert "Evidence pack" not in auditor.get(address).content.decode()
    sealing.seal()
    assert "Evidence pack" in auditor.get(address).content.decode()
    # Whoever presses twice gets it twice, though the first time is not sealed yet.
    assert [auditor.post(f"{address}evidence.zip").status_code for _ in range(2)] == [200, 200]
    with time_machine.travel(now() + timedelta(minutes=1)):
        other = running(title="Another")
    assert auditor.post(f"/audit/reviews/{other.uid}/evidence.zip").status_code == 409
