"""manage.py arm: let the portal open with this database, or only close. The deed is in actions/arm.py."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from audit_app.trail import system
from requests_app.actions import arm


class Command(BaseCommand):
    """Say whether this very database may act on its beliefs."""

    help = "Arm the portal: until then a new or restored database only closes. --close-only takes it back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the reason, and the wish to take it back."""
        parser.add_argument("--reason", required=True, help="stands in the audit trail")
        parser.add_argument("--close-only", action="store_true", help="open nothing from here on")

    def handle(self, *_: object, reason: str, close_only: bool, **__: object) -> None:
        """The last word about this database is this one."""
        said = arm.say(by=system("command line"), reason=reason, armed=not close_only)
        self.stdout.write(str(said))
