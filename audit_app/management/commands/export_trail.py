"""`manage.py export_trail`: the sealed chain with its manifest, for the offline verifier. How it is written: proofs.py."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from audit_app import proofs, signing
from audit_app.trail import About, record, system


class Command(BaseCommand):
    """Write the chain to a folder, and record that it was taken out."""

    help = "Export the sealed trail and a signed manifest; check it with python -m audit_app.verify export FOLDER."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the folder, and from which seal to which."""
        parser.add_argument("folder", type=Path)
        parser.add_argument("--from-seal", type=int, default=1)
        parser.add_argument("--to-seal", type=int, default=None, help="the newest, where not given")

    def handle(self, *_: Any, folder: Path, from_seal: int, to_seal: int | None, **__: Any) -> None:
        """The folder holds the export, and the trail says so."""
        try:
            said = proofs.export(folder, from_seal, to_seal)
        except (proofs.NotSealed, signing.NoKey, OSError) as error:
            raise CommandError(f"Nothing was exported: {error}") from error
        seals = {name: said[name] for name in ("first_seal", "last_seal", "head")}
        about = About(kind="export", id="trail", label="The sealed trail")
        with transaction.atomic():
            record("export.started", by=system("command line"), about=about, data=seals)
        self.stdout.write(
            f"{said['last_position'] - said['first_position'] + 1} events under seals {said['first_seal']} to "
            f"{said['last_seal']} in {folder}"
        )
