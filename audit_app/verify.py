"""The offline verifier: the chain, one event, a downloaded file or an evidence pack, by public keys. No Django, no network.

`make verifier` makes one file of it, latch-verify; in a checkout it is run like this:

    python -m audit_app.verify export FOLDER --keys keys.json [--heads heads.jsonl]
    python -m audit_app.verify event proof.json --keys keys.json [--heads heads.jsonl]
    python -m audit_app.verify file FILE --manifest manifest.json --keys keys.json
    python -m audit_app.verify pack evidence.zip --keys keys.json

The exit code is 0 for what is sound, 1 for what is not, 2 where something could not be read. Take the keys from the
portal's /.well-known/jwks.json, and the heads from where they were sent to (a file, or a folder of files, such as a
container's blobs once downloaded): what lies in the export proves nothing by itself.
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Iterator
from hashlib import file_digest, sha256
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile, ZipFile

from audit_app import jose, lines, merkle
from audit_app.chain import Malformed, Seal, canonical
from audit_app.walk import BROKEN, REMOVED, Finding, Walk, leaf_now, stroll

EXPORT: Final = "latchportal-export/1"
PROOF: Final = "latchportal-proof/1"
FILE: Final = "latchportal-file/1"
PACK: Final = "latchportal-pack/1"
EVENTS_FILE, MANIFEST_FILE = "events.jsonl", "manifest.json"
# Of an evidence pack: what is told, and the proof of each line of it.
TOLD_FILE, PROOFS_FILE = "events.csv", "proofs.jsonl"
SHOWN: Final = 20
Heads = Iterable[bytes]


def export(folder: Path, check: jose.Check, heads: Heads | None = None) -> tuple[Walk, list[Finding]]:
    """Return the walk along an export and what it found, manifest and heads included; raises Malformed."""
    said, findings = manifest(json.loads((folder / MANIFEST_FILE).read_bytes()), check)
    walk = Walk(check, whole=said.get("first_seal") == 1)
    count, digest = 0, sha256()

    def passing(file: Iterable[bytes]) -> Iterator[bytes]:
        nonlocal count
        for line in file:
            count += 1
            digest.update(line)
            yield line

    with (folder / EVENTS_FILE).open("rb") as file:
        findings += stroll(walk, lines.read(passing(file)))
    last = walk.before
    if last is None or last.hash().hex() != said.get("head"):
        where = f"seal {last.sequence}" if last else "nothing"
        findings.append(Finding(REMOVED, 0, f"it ends with {where}, not with seal {said.get('last_seal')}"))
    if (digest.hexdigest(), count) != (said.get("sha256"), said.get("lines")):
        findings.append(Finding(BROKEN, 0, "manifest: the file of events is not the one it was signed for"))
    return walk, findings + left(walk, check, heads, until=str(said.get("made_at", "")))


def file(path: Path, given: Any, check: jose.Check) -> tuple[dict[str, Any], list[Finding]]:
    """Return what the manifest of a downloaded file says, and in what the file is another one; raises Malformed."""
    said, findings = manifest(given, check, FILE)
    with path.open("rb") as found:
        digest = file_digest(found, "sha256").hexdigest()
    if (digest, path.stat().st_size) != (said.get("sha256"), said.get("bytes")):
        findings.append(Finding(BROKEN, 0, f"{path.name} is not the file the manifest was signed for"))
    return said, findings


def pack(path: Path, check: jose.Check) -> tuple[dict[str, Any], list[Finding]]:
    """Return what the manifest in an evidence pack says, and what is wrong with its files and proofs; raises Malformed."""
    with ZipFile(path) as archive:
        names = archive.namelist()
        if MANIFEST_FILE not in names:
            raise Malformed("there is no manifest in it")
        said, findings = manifest(json.loads(archive.read(MANIFEST_FILE)), check, PACK)
        listed = dict(said.get("files", {}))
        for name in sorted({*names, *listed} - {MANIFEST_FILE}):
            body = archive.read(name) if names.count(name) == 1 else b""
            if name not in listed or sha256(body).hexdigest() != listed[name].get("sha256"):
                findings.append(Finding(BROKEN, 0, f"{name} is not what the manifest was signed for"))
        return said, findings + _unproved(archive, check)


def _unproved(archive: ZipFile, check: jose.Check) -> list[Finding]:
    """Return what is wrong with the proofs of a pack, and which of the events it tells have none."""
    if TOLD_FILE not in archive.namelist():
        return []
    proved: set[str] = set()
    findings: list[Finding] = []
    for given in _proofs(archive):
        findings += event(given, check)[1]
        proved.add(lines.read_place(given["event"]).uid)
    with archive.open(TOLD_FILE) as found:
        told = [row["uid"] for row in csv.DictReader(TextIOWrapper(found, "utf-8", newline=""))]
    return findings + [
        Finding(BROKEN, 0, f"there is no proof of event {uid}") for uid in told if uid not in proved
    ]


def _proofs(archive: ZipFile) -> Iterator[dict[str, Any]]:
    """Yield each proof of a pack; its seal stands once, below all that it seals."""
    waiting: list[dict[str, Any]] = []
    for text in archive.read(PROOFS_FILE).splitlines() if PROOFS_FILE in archive.namelist() else ():
        line = json.loads(text)
        if "seal" not in line:
            waiting.append(line)
            continue
        yield from ({"format": PROOF, **one, "seal": line["seal"]} for one in waiting)
        waiting.clear()


def manifest(given: Any, check: jose.Check, of: str = EXPORT) -> tuple[dict[str, Any], list[Finding]]:
    """Return what a manifest of this format says, and whether it is signed; raises Malformed for what is none."""
    try:
        said, token = dict(given["manifest"]), str(given["signature"])
    except (KeyError, TypeError, ValueError):
        raise Malformed("this is no manifest") from None
    if said.get("format") != of:
        raise Malformed(f"the manifest is not of the format {of}")
    try:
        wrong = (
            "" if check(token, jose.MANIFEST_TYPE) == canonical(said) else "what was signed is another one"
        )
    except jose.NotSigned as error:
        wrong = str(error)
    return said, [Finding(BROKEN, 0, f"manifest: {wrong}")] if wrong else []


def event(given: Any, check: jose.Check, heads: Heads | None = None) -> tuple[Seal, list[Finding]]:
    """Return the seal one event is said to be under, and what is wrong with its proof; raises Malformed."""
    try:
        place, (seal, token) = lines.read_place(given["event"]), lines.read_seal(given["seal"])
        path = [bytes.fromhex(step) for step in given["path"]]
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"this is no proof: {error}") from None
    if given.get("format") != PROOF or place.event is None:
        raise Malformed(f"this is no proof of the format {PROOF}")
    findings = []
    leaf = leaf_now(place, place.event)
    root = merkle.leads_to(leaf, place.position - seal.first, seal.count, path)
    if root is None or root.hex() != seal.root:
        words = f"event {place.event.public['uid']} is not what seal {seal.sequence} holds there"
        findings.append(Finding("edited", place.position, words))
    try:
        check(token, jose.SEAL_TYPE)
    except jose.NotSigned as error:
        findings.append(Finding(BROKEN, 0, f"seal {seal.sequence}: {error}"))
    alone = Walk(check, whole=False)
    alone.first, alone.hashes = seal, bytearray(seal.hash())
    found = left(alone, check, heads, until="-")
    return seal, findings + found


def left(walk: Walk, check: jose.Check, heads: Heads | None, *, until: str = "") -> list[Finding]:
    """Return in what the seals differ from the heads that left: another seal, or (sealed by `until`) one that is gone."""
    findings: list[Finding] = []
    first, there = walk.first.sequence if walk.first else 1, len(walk.hashes) // merkle.SIZE
    beyond: Seal | None = None
    for number, text in enumerate(heads or (), 1):
        try:
            token = json.loads(text)["jws"]
        except (ValueError, KeyError, TypeError):
            continue  # a line that was cut short by a crash; its head came again
        try:
            seal = Seal.from_bytes(check(token, jose.SEAL_TYPE))
        except ValueError as error:
            findings.append(Finding(BROKEN, 0, f"heads, line {number}: {error}"))
            continue
        index = seal.sequence - first
        if index >= there:
            late = until and seal.sealed_at > until
            beyond = beyond if late or (beyond and beyond.last > seal.last) else seal
        elif index >= 0 and walk.hashes[index * merkle.SIZE :][: merkle.SIZE] != seal.hash():
            findings.append(Finding(BROKEN, 0, f"seal {seal.sequence}: another one left when it was made"))
    if beyond:
        words = f"the trail is cut off after seal {first + there - 1}: seal {beyond.sequence} left at {beyond.sealed_at}"
        findings.append(Finding(REMOVED, 0, words))
    return findings


def heads_in(path: Path) -> Iterator[bytes]:
    """Return the lines of a file of heads, or of every file in a folder of them and below; raises OSError for none."""
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise FileNotFoundError(f"{path}: there are no heads")

    def each() -> Iterator[bytes]:
        for file in files:
            with file.open("rb") as found:
                yield from found

    return each()


def told(findings: list[Finding], more: int = 0) -> Iterator[str]:
    """Yield the findings as lines, the first event's and the first seal's foremost."""
    for name, kinds in (("event", False), ("seal", True)):
        chosen = next((one for one in findings if (one.kind == BROKEN) is kinds), None)
        if chosen:
            yield f"first {name}: {_said(chosen)}"
    yield from (f"  {_said(finding)}" for finding in findings[:SHOWN])
    if len(findings) + more > SHOWN:
        yield f"  and {len(findings) + more - SHOWN} more"


def _said(finding: Finding) -> str:
    where = f"position {finding.position}: " if finding.position else ""
    return f"{finding.kind}, {where}{finding.words}" if finding.kind != BROKEN else f"broken, {finding.words}"


def main(words: list[str] | None = None) -> int:
    """Check what was asked for and say what was found; returns the exit code."""
    asked = _parser().parse_args(words)
    try:
        check = jose.checker(json.loads(asked.keys.read_bytes()))
        sound, findings, more = _checked(asked, check, heads_in(asked.heads) if asked.heads else None)
    except (OSError, ValueError, BadZipFile) as error:
        sys.stderr.write(f"could not be checked: {error}\n")
        return 2
    text = [f"NOT SOUND: {sound}", *told(findings, more)] if findings else [f"sound: {sound}"]
    sys.stdout.write("\n".join(text) + "\n")
    return 1 if findings else 0


def _checked(
    asked: argparse.Namespace, check: jose.Check, heads: Heads | None
) -> tuple[str, list[Finding], int]:
    """Return what was looked at in words, what was found, and how many findings were not kept."""
    if asked.what == "export":
        walk, findings = export(asked.path, check, heads)
        return f"{walk.events} events under {len(walk.hashes) // merkle.SIZE} seals", findings, walk.more
    if asked.what == "event":
        seal, findings = event(json.loads(asked.path.read_bytes()), check, heads)
        return f"one event under seal {seal.sequence}, sealed at {seal.sealed_at}", findings, 0
    if asked.what == "file":
        if asked.manifest is None:
            raise Malformed("say where its manifest is, with --manifest")
        said, findings = file(asked.path, json.loads(asked.manifest.read_bytes()), check)
        return (
            f"{said.get('rows')} rows of {said.get('dataset')}, signed at {said.get('signed_at')}",
            findings,
            0,
        )
    said, findings = pack(asked.path, check)
    return f"the evidence of “{said.get('title')}”, signed at {said.get('signed_at')}", findings, 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="latch-verify", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["export", "event", "file", "pack"])
    parser.add_argument(
        "path", type=Path, help="the export's folder, the proof, the downloaded file, or the evidence pack"
    )
    parser.add_argument("--keys", type=Path, required=True, help="the portal's public keys (JWK set)")
    parser.add_argument("--manifest", type=Path, help="the manifest of a downloaded file")
    parser.add_argument(
        "--heads", type=Path, help="the heads that left the portal (JSON Lines): a file, or a folder of files"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
