"""`manage.py verify_trail`: is the trail what was sealed? It reads the whole chain; what is found, walk.py says."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from audit_app import jose, proofs, sealing, signing, verify
from audit_app.models import SealedEvent
from audit_app.walk import INSERTED, Finding, Walk, stroll

# Too old, or too young, to be sealed yet: no sealer will ever come to it.
_NEVER_SEALED: Final = """
    SELECT e.id, e.uid FROM audit_app_event e
    WHERE (e.written_by < %s::xid8 OR e.written_by >= pg_snapshot_xmax(pg_current_snapshot()))
    AND NOT EXISTS (SELECT 1 FROM audit_app_sealedevent p WHERE p.event_id = e.id) ORDER BY e.id LIMIT %s
"""


class Command(BaseCommand):
    """Look for events that were edited, removed, inserted, reordered or back-dated, and for broken seals."""

    help = "Verify the sealed trail: names the first event that is not as it was sealed, and the first broken seal."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the heads that left."""
        parser.add_argument(
            "--heads", type=Path, help="the heads that left (JSON Lines): a file, or a folder of files"
        )

    def handle(self, *_: Any, heads: Path | None, **__: Any) -> None:
        """Say that the trail is sound; CommandError (exit code 1) with the findings when it is not."""
        try:
            check = jose.checker(signing.jwks())
            left = verify.heads_in(heads) if heads else None
        except (OSError, signing.NoKey, jose.NotSigned) as error:
            raise CommandError(f"Nothing can be checked: {error}") from error
        walk = Walk(check)
        with proofs.snapshot():
            findings = [*stroll(walk, proofs.parts()), *_inserted()]
        if left is not None:
            findings += verify.left(walk, check, left)
        findings.sort(key=lambda one: not one.position)
        sound = f"{walk.events} events under {len(walk.hashes) // 32} seals"
        if walk.told_late:
            self.stdout.write(
                f"{walk.told_late} events tell of something a day or more before they were written"
            )
        if findings:
            raise CommandError("\n".join([f"NOT SOUND: {sound}", *verify.told(findings, walk.more)]))
        self.stdout.write(f"sound: {sound}")


def _inserted() -> Iterator[Finding]:
    """Events no seal will ever hold, and places in front of the chain."""
    last = sealing.last_seal()
    for position, uid in SealedEvent.objects.filter(position__lt=1).values_list("position", "uid"):
        yield Finding(INSERTED, position, f"event {uid} stands before the beginning of the chain")
    if last is None or last.epoch != sealing.epoch():
        return
    with connection.cursor() as cursor:
        cursor.execute(_NEVER_SEALED, (str(last.horizon), verify.SHOWN))
        for number, uid in cursor.fetchall():
            yield Finding(INSERTED, 0, f"event {uid} (number {number}) has no place, and none is coming")
