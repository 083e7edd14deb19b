"""`manage.py policy check|load`: look at the files of a policy folder, or put them in force. No rules live here."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit_app.trail import system
from requests_app.actions import policy
from requests_app.policy.document import load
from requests_app.policy.faults import PolicyFaults
from requests_app.policy_files import read


class Command(BaseCommand):
    """Check a policy folder, or load it whole."""

    help = "Check the policy files, or load them. Every fault is named with file and line."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what to do, and the folder."""
        parser.add_argument("what", choices=["check", "load"])
        parser.add_argument("folder", nargs="?", type=Path, default=Path(settings.POLICY_DIR))

    def handle(self, *_: Any, what: str, folder: Path, **__: Any) -> None:
        """Say what the folder holds; CommandError with every fault, and nothing loaded, when it is not sound."""
        try:
            documents = read(folder)
            found = load(documents)
            if what == "load":
                policy.load(by=system("policy loader"), documents=documents)
        except (PolicyFaults, OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{folder} holds no usable policy:\n{error}") from error
        self.stdout.write(
            f"{len(found.rules)} rules, {len(found.stages)} stages, {len(found.resources)} resources, "
            f"{len(found.entitlements)} entitlements; policy {found.hash[:12]}"
            + (" is in force." if what == "load" else " is sound.")
        )
