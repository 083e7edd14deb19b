"""A sealed trail to spoil, and both verifiers to ask about it. No assertions here."""

import json
from io import StringIO
from pathlib import Path

from django.core.management import call_command
from django.core.management.base import CommandError

from audit_app import proofs, sealing, verify
from audit_app.models import Event
from requests_app import keyring
from tests.audit_app.trail_makers import ADA, MO, happened

SEALS, EACH = 3, 4


def sealed_trail() -> list[Event]:
    """Return twelve events under three seals, told by two people."""
    made = []
    for number in range(SEALS):
        for place in range(EACH):
            by, other = (ADA, MO) if place % 2 else (MO, ADA)
            made.append(happened(by=by, subject=other, why=f"Reason {number}.{place}", data={"n": 1.5}))
        sealing.seal()
    return made


def inside(*words: str) -> str:
    """Return what verify_trail says: its output, or what it fails with."""
    out = StringIO()
    try:
        call_command("verify_trail", *words, stdout=out)
    except CommandError as error:
        return str(error)
    return out.getvalue()


class Outside:
    """A folder with an export, the public keys and what the offline verifier says of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = folder / "keys.json"
        self.events = folder / "export" / verify.EVENTS_FILE
        self.keys.write_text(json.dumps(keyring.seal_jwks()))

    def export(self) -> None:
        """The chain, as the database holds it now, is in the folder."""
        proofs.export(self.folder / "export")

    def lines(self) -> list[str]:
        """Return the lines of the export."""
        return self.events.read_text().splitlines()

    def write(self, lines: list[str]) -> None:
        """The export holds these lines instead."""
        self.events.write_text("".join(f"{line}\n" for line in lines))

    def says(self, capsys: object, *words: str) -> tuple[int, str]:
        """Return exit code and words of the offline verifier."""
        code = verify.main(["export", str(self.folder / "export"), "--keys", str(self.keys), *words])
        said = capsys.readouterr()  # type: ignore[attr-defined]
        return code, said.out + said.err
