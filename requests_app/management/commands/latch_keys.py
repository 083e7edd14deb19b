"""`manage.py latch_keys make|list|rotate|retire`: the keys that sign latch codes and seals, in files or a vault."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit_app.clock import now
from audit_app.trail import system
from requests_app import keyring
from requests_app.actions import signing_keys
from requests_app.codes.keys import KeyFault, file_name, generate_pem, kid_of
from requests_app.errors import Refused

WHAT = ("make", "list", "rotate", "retire")
_BY = system("command line")


class Command(BaseCommand):
    """Make the first key, put a new one beside it, retire one that nothing needs, or list them."""

    help = (
        "make: the first key. rotate: a new one, published now and signing after LATCH_KEY_LEAD_SECONDS. "
        "retire: one that nothing needs any more. list: which there are, and what needs them."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what to do, and with which key."""
        parser.add_argument("what", choices=WHAT)
        parser.add_argument("kid", nargs="?", default="", help="the key to retire, as `list` names it")
        parser.add_argument("--reason", default="", help="stands in the audit trail")
        parser.add_argument(
            "--at-once", action="store_true", help="rotate without waiting: the old key leaked"
        )

    def handle(self, *_: Any, what: str, kid: str, reason: str, at_once: bool, **__: Any) -> None:
        """The keys are as asked for; CommandError says in words why not."""
        try:
            if what == "make":
                self._make()
            elif what == "rotate":
                self._rotate(reason, at_once)
            elif what == "retire":
                key = signing_keys.retire(by=_BY, kid=kid, why=reason)
                self.stdout.write(f"retired {key.kid}: its public half is kept for the audit trail")
                if key.version:
                    self.stdout.write(f"in the vault: {signing_keys.disable(key)}")
            else:
                self._list()
        except OSError as error:
            raise CommandError(f"LATCH_KEY_DIR can not be read or written here: {error}") from error
        except KeyFault as error:
            raise CommandError(str(error)) from error
        except Refused as error:
            raise CommandError(f"{error.reason} {error.way_on}".strip()) from error

    def _make(self) -> None:
        # The first key may be made before there is a database to tell.
        signing_keys.refuse_in_a_vault()
        if keyring.key_files():
            raise CommandError("There is a key already. For a new one beside it: manage.py latch_keys rotate")
        file = keyring.add(file_name(now()), generate_pem())
        self.stdout.write(f"made {file.name}")

    def _rotate(self, reason: str, at_once: bool) -> None:
        key = signing_keys.rotate(by=_BY, why=reason, at_once=at_once)
        self.stdout.write(f"made {key.file.name}; {key.kid} signs from {key.begins:%Y-%m-%d %H:%M:%S} UTC")

    def _list(self) -> None:
        there = signing_keys.known()
        if not there:
            self.stdout.write("no key yet: manage.py latch_keys make")
        for key in there:
            need = signing_keys.needed(key.kid)
            self.stdout.write(f"{key.kid}  {need or f'not needed: manage.py latch_keys retire {key.kid}'}")
        for file in keyring.retired_files():
            self.stdout.write(f"{kid_of(file.read_bytes(), file.stem)}  retired, for the trail alone")
