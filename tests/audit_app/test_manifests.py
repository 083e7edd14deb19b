"""Signed manifests of what leaves the portal, and the offline verifier's word on files that were changed on the way."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from audit_app import manifests, signing, verify
from audit_app.models import Export
from audit_app.verify import PACK
from tests.audit_app.trail_makers import many

pytestmark = pytest.mark.django_db
Told = tuple[int, str]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The portal's public keys, as somebody outside took them."""
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(signing.jwks()))
    return file


@pytest.fixture
def checked(keys: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Return what the offline verifier says: its exit code and its words."""

    def run(*words: str) -> Told:
        code = verify.main([*words, "--keys", str(keys)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def downloaded(client: Any, folder: Path, **asked: str) -> tuple[Path, Path]:
    answer = client.post("/audit/exports/new", {"dataset": "events", **asked})
    body = client.get(answer["Location"]).getvalue()
    made = Export.objects.latest("id")
    manifest = client.get(f"/audit/exports/{made.uid}/manifest.json")
    assert manifest.status_code == 200
    file, beside = folder / made.file_name, folder / f"{made.file_name}.manifest.json"
    file.write_bytes(body)
    beside.write_bytes(manifest.content)
    return file, beside


@pytest.mark.parametrize("asked", [{}, {"form": "jsonl", "packed": "on"}])
def test_a_downloaded_file_is_sound_by_its_manifest_outside_the_portal(
    auditor: Any, client_for: Any, tmp_path: Path, checked: Any, asked: dict[str, str]
) -> None:
    many(30)
    file, manifest = downloaded(client_for(auditor), tmp_path, kind="grant.opened", **asked)
    code, words = checked("file", str(file), "--manifest", str(manifest))
    assert (code, words.startswith("sound: 15 rows of events")) == (0, True), words
    said = json.loads(manifest.read_text())["manifest"]
    assert said["filter"] == {"kind": "grant.opened"}
    assert said["columns"]["correlation_id"]
    assert said["asked_by"]["id"] == auditor.identity


def test_a_file_that_was_changed_by_one_byte_is_not_sound(
    auditor: Any, client_for: Any, tmp_path: Path, checked: Any
) -> None:
    many(10)
    file, manifest = downloaded(client_for(auditor), tmp_path)
    body = file.read_bytes()
    file.write_bytes(body.replace(b"ticket", b"Ticket", 1))
    code, words = checked("file", str(file), "--manifest", str(manifest))
    assert code == 1
    assert "is not the file the manifest was signed for" in words


@pytest.mark.parametrize("name", ["rows", "sha256", "filter", "asked_by", "seal"])
def test_a_manifest_that_says_something_else_than_was_signed_is_not_sound(
    auditor: Any, client_for: Any, tmp_path: Path, checked: Any, name: str
) -> None:
    many(10)
    file, manifest = downloaded(client_for(auditor), tmp_path)
    given = json.loads(manifest.read_text())
    given["manifest"][name] = "another"
    manifest.write_text(json.dumps(given))
    code, words = checked("file", str(file), "--manifest", str(manifest))
    assert code == 1
    assert "what was signed is another one" in words


def test_before_it_was_fetched_whole_a_file_has_no_manifest(auditor: Any, client_for: Any) -> None:
    client = client_for(auditor)
    client.post("/audit/exports/new", {"dataset": "events"})
    answer = client.get(f"/audit/exports/{Export.objects.latest('id').uid}/manifest.json")
    assert answer.status_code == 409
    assert "Download the file to its end" in answer.content.decode()


def test_without_a_manifest_or_with_one_of_another_kind_nothing_is_called_sound(
    tmp_path: Path, checked: Any
) -> None:
    file, manifest = tmp_path / "file.csv", tmp_path / "manifest.json"
    file.write_bytes(b"a,b\r\n")
    manifest.write_text(json.dumps(manifests.signed({"format": PACK, "files": {}})))
    assert checked("file", str(file))[0] == 2
    assert checked("file", str(file), "--manifest", str(manifest))[0] == 2
    assert checked("pack", str(file))[0] == 2


def zipped(folder: Path, files: dict[str, bytes]) -> Path:
    out = io.BytesIO()
    with ZipFile(out, "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    path = folder / "evidence.zip"
    path.write_bytes(out.getvalue())
    return path


CHANGES: dict[str, dict[str, bytes | None]] = {
    "a file that says something else": {"rows.csv": b"x"},
    "a file that is gone": {"rows.csv": None},
    "a file that came in addition": {"more.csv": b"x"},
}


@pytest.mark.parametrize("change", [{}, *CHANGES.values()], ids=["as it was", *CHANGES])
def test_a_pack_is_sound_only_as_it_was_signed(
    tmp_path: Path, checked: Any, change: dict[str, bytes | None]
) -> None:
    from hashlib import sha256

    files: dict[str, bytes | None] = {"rows.csv": b"a,b\r\n1,2\r\n", "campaign.json": b"{}"}
    listed = {name: {"sha256": sha256(body or b"").hexdigest()} for name, body in files.items()}
    manifest = manifests.signed({"format": PACK, "title": "Autumn", "files": listed})
    found = {**files, "manifest.json": json.dumps(manifest).encode(), **change}
    path = zipped(tmp_path, {name: body for name, body in found.items() if body is not None})
    code, words = checked("pack", str(path))
    assert code == (1 if change else 0), words
