"""`manage.py latch_keys make|list`: the keys that sign latch codes, as files of LATCH_KEY_DIR."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from audit_app.clock import now
from requests_app.codes.keys import KeySet, generate_pem


class Command(BaseCommand):
    """Make a signing key, or list those there are."""

    help = "Make a new signing key (the newest signs; the others still verify), or list them."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what to do."""
        parser.add_argument("what", choices=["make", "list"])

    def handle(self, *_: Any, what: str, **__: Any) -> None:
        """A key file readable by its owner alone was made, or the key ids are listed."""
        folder = Path(settings.LATCH_KEY_DIR)
        if what == "make":
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = folder / f"latch-{now():%Y%m%dT%H%M%S}.pem"
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(generate_pem())
            self.stdout.write(f"made {file.name}")
        files = {file.stem: file.read_bytes() for file in sorted(folder.glob("*.pem"))}
        if not files:
            self.stdout.write("no key yet: manage.py latch_keys make")
            return
        ring = KeySet.from_pem(files)
        for key in ring.jwks()["keys"]:
            self.stdout.write(f"{key['kid']}{'  signs' if key['kid'] == ring.signing.kid else ''}")
