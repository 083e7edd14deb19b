"""The offline verifier: what it takes for sound, what it names, and that it needs neither Django nor a network."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit_app import chain, proofs, sealing, verify
from audit_app.models import Event
from requests_app.codes.keys import KeySet, generate_pem
from tests.audit_app.chain_makers import Outside, sealed_trail
from tests.audit_app.trail_makers import happened
from tests.support.environment import ROOT

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("cluster"),
]
Lines = list[str]


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    sealed_trail()
    made = Outside(tmp_path)
    made.export()
    return made


def test_it_runs_by_itself_without_django(outside: Outside) -> None:
    code = (
        "import sys; from audit_app import verify; code = verify.main(sys.argv[1:]); "
        "loaded = {name.split('.')[0] for name in sys.modules}; "
        "sys.exit(code or len(loaded & {'django', 'psycopg', 'celery', 'requests'}))"
    )
    words = ["export", str(outside.folder / "export"), "--keys", str(outside.keys)]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "sound: 12 events under 3 seals\n"), done.stderr


def test_it_is_one_file_that_auditors_take_away(outside: Outside) -> None:
    """Isolated: nothing but what the file holds is found under our names."""
    make = ["make", "--silent", "verifier", f"PYTHON={sys.executable}"]
    file = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    words = ["export", str(outside.folder / "export"), "--keys", str(outside.keys)]
    order = [sys.executable, "-I", str(ROOT / file), *words]
    done = subprocess.run(order, cwd=outside.folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "sound: 12 events under 3 seals\n"), done.stderr
    outside.write(edit(outside.lines()))
    assert subprocess.run(order, cwd=outside.folder, capture_output=True).returncode == 1


def changed(lines: Lines, index: int, change: Callable[[dict[str, Any]], Any]) -> Lines:
    said = json.loads(lines[index])
    change(said)
    return [*lines[:index], json.dumps(said), *lines[index + 1 :]]


def edit(lines: Lines) -> Lines:
    return changed(lines, 6, lambda line: line["personal"].update(why="x"))


def back_date(lines: Lines) -> Lines:
    return changed(lines, 6, lambda line: line["event"].update(at="2020-01-01T00:00:00.000000Z"))


def remove(lines: Lines) -> Lines:
    return [*lines[:6], *lines[7:]]


def remove_a_seal(lines: Lines) -> Lines:
    return [*lines[:5], *lines[10:]]


def insert(lines: Lines) -> Lines:
    return [*lines[:6], lines[6], *lines[6:]]


def insert_at_the_end(lines: Lines) -> Lines:
    return [*lines, *changed([lines[6]], 0, lambda line: line.update(position=13))]


def swap(lines: Lines) -> Lines:
    return [*lines[:5], lines[6], lines[5], *lines[7:]]


def swap_far_apart(lines: Lines) -> Lines:
    return [lines[6], *lines[1:6], lines[0], *lines[7:]]


def swap_what_is_said(lines: Lines) -> Lines:
    one, other = json.loads(lines[5]), json.loads(lines[11])
    for name in ("event", "personal", "salt"):
        one[name], other[name] = other[name], one[name]
    return [*lines[:5], json.dumps(one), *lines[6:11], json.dumps(other), *lines[12:]]


def edit_and_mend_the_leaf(lines: Lines) -> Lines:
    return changed(lines, 6, lambda line: line.update(leaf="00" * 32))


def cut_off(lines: Lines) -> Lines:
    return lines[:10]


# Lines 0 to 3 are events, 4 their seal, 5 to 8 events, 9 their seal, and so on.
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (edit, "first event: edited, position 6"),
        (back_date, "first event: edited, position 6"),
        (remove, "first event: removed, position 6"),
        (remove_a_seal, "seal 3: seal 2 is missing"),
        (insert, "first event: inserted, position 6"),
        (insert_at_the_end, "first event: inserted, position 13"),
        (swap, "first event: reordered, position 5"),
        (swap_far_apart, "first event: reordered, position 1"),
        (swap_what_is_said, "first event: reordered, position 5"),
        (edit_and_mend_the_leaf, "first event: edited, position 6"),
        (cut_off, "it ends with seal 2, not with seal 3"),
    ],
)
def test_a_spoilt_export_is_named(
    outside: Outside, capsys: Any, spoil: Callable[[Lines], Lines], words: str
) -> None:
    outside.write(spoil(outside.lines()))
    code, said = outside.says(capsys)
    assert code == 1
    assert words in said, said
    assert "the file of events is not the one it was signed for" in said


def test_an_export_may_begin_in_the_middle(outside: Outside, capsys: Any) -> None:
    proofs.export(outside.folder / "export", first=2)
    assert outside.says(capsys) == (0, "sound: 8 events under 2 seals\n")
    proofs.export(outside.folder / "export", first=2, last=2)
    assert outside.says(capsys) == (0, "sound: 4 events under 1 seals\n")


def test_a_manifest_that_was_changed_is_named(outside: Outside, capsys: Any) -> None:
    file = outside.folder / "export" / verify.MANIFEST_FILE
    file.write_text(file.read_text().replace('"instance": "test"', '"instance": "prod"'))
    assert "manifest: what was signed is another one" in outside.says(capsys)[1]


def test_other_keys_verify_nothing(outside: Outside, capsys: Any) -> None:
    outside.keys.write_text(json.dumps(KeySet.from_pem({"a": generate_pem()}).jwks()))
    code, said = outside.says(capsys)
    assert code == 1
    assert "first seal: broken, manifest: it is signed by the key" in said


@pytest.mark.parametrize(
    "text", ["nonsense", "{}", '{"position": 1}', '{"seal": "a.b.c"}', "[]", '{"seal": 7}']
)
def test_what_is_no_export_is_refused_in_words(outside: Outside, capsys: Any, text: str) -> None:
    outside.write([text])
    code, said = outside.says(capsys)
    assert code == 2
    assert "line 1" in said


@pytest.mark.parametrize("last", [10**15, "many"])
def test_a_seal_that_claims_the_impossible_is_refused_and_not_followed(
    outside: Outside, capsys: Any, last: Any
) -> None:
    lines = outside.lines()
    head, payload, signature = json.loads(lines[4])["seal"].split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = base64.urlsafe_b64encode(chain.canonical({**said, "last": last})).decode().rstrip("=")
    outside.write([*lines[:4], json.dumps({"seal": f"{head}.{forged}.{signature}"}), *lines[5:]])
    code, said = outside.says(capsys)
    assert code == (1 if isinstance(last, int) else 2)
    assert ("seal 1" if isinstance(last, int) else "line 5: this is no seal") in said


def test_a_missing_file_is_refused_in_words(outside: Outside, capsys: Any) -> None:
    outside.events.unlink()
    assert outside.says(capsys)[0] == 2


class Proof:
    """One event's proof in a file."""

    def __init__(self, outside: Outside) -> None:
        self.outside, self.file = outside, outside.folder / "proof.json"
        self.event = Event.objects.order_by("id")[6]
        self.said = proofs.proof(self.event.uid)

    def checked(self, capsys: Any, *words: str) -> tuple[int, str]:
        self.file.write_text(json.dumps(self.said))
        code = verify.main(["event", str(self.file), "--keys", str(self.outside.keys), *words])
        said = capsys.readouterr()
        return code, said.out + said.err


def test_one_event_is_proved_by_itself(outside: Outside, capsys: Any) -> None:
    code, said = Proof(outside).checked(capsys)
    assert code == 0
    assert said.startswith("sound: one event under seal 2, sealed at ")


@pytest.mark.parametrize("part", ["personal", "event", "position", "path", "salt"])
def test_one_event_that_was_changed_is_not_proved(outside: Outside, capsys: Any, part: str) -> None:
    proof = Proof(outside)
    line = proof.said["event"]
    if part == "path":
        proof.said["path"] = proof.said["path"][::-1]
    elif part in ("personal", "event"):
        line[part]["why" if part == "personal" else "kind"] = "another"
    else:
        line[part] = 6 if part == "position" else "00" * 32
    code, said = proof.checked(capsys)
    assert code == 1
    assert "is not what seal 2 holds there" in said


def test_one_event_is_held_to_the_heads_that_left(
    outside: Outside, capsys: Any, settings: Any, tmp_path: Path
) -> None:
    from audit_app import heads

    settings.TRAIL_HEADS = f"file://{tmp_path}/heads.jsonl"
    heads.hand_over()
    proof = Proof(outside)
    assert proof.checked(capsys, "--heads", f"{tmp_path}/heads.jsonl")[0] == 0


def test_a_proof_without_its_parts_is_refused_in_words(outside: Outside, capsys: Any) -> None:
    proof = Proof(outside)
    proof.said = {"format": verify.PROOF}
    assert proof.checked(capsys)[0] == 2


def test_a_proof_of_an_event_that_is_not_sealed_says_so(outside: Outside) -> None:
    event = happened()
    with pytest.raises(proofs.NotSealed):
        proofs.proof(event.uid)
    sealing.seal()
    assert proofs.proof(event.uid)["path"] == []
