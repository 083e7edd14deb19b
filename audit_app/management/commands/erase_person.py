"""`manage.py erase_person TID:OID --reason …`: a person's values leave the trail, its proofs stay. See erasing.py."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit_app import erasing, sealing
from audit_app.trail import system


class Command(BaseCommand):
    """Erase a person from the trail, and record that somebody was."""

    help = (
        "Erase a person (tenant and object id) from the trail. It can not be undone; every proof stays valid."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whom, why, and whether it is meant."""
        parser.add_argument("person", metavar="TID:OID")
        parser.add_argument(
            "--reason", required=True, help="stands in the trail: name the case, not the person"
        )

    def handle(self, *_: Any, person: str, reason: str, **__: Any) -> None:
        """The person is erased; CommandError, and nothing changed, for no person's id or events not yet sealed."""
        tenant, _colon, oid = person.partition(":")
        if not tenant or not oid or tenant == "system":
            raise CommandError("Name the person by tenant and object id: TID:OID.")
        sealing.seal()
        try:
            done = erasing.erase(person, by=system("command line"), reason=reason)
        except erasing.NotYet as error:
            raise CommandError(f"{error} Nothing was changed; try again in a moment.") from error
        self.stdout.write(f"{done} events say no longer who that was. Their proofs hold.")
