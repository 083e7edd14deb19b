"""`manage.py directory`: read people and groups from Graph once, now. The worker does the same each minute."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from requests_app import gateways
from requests_app.directory_sync import sync
from requests_app.targets.base import TargetError


class Command(BaseCommand):
    """Refresh our copy of the directory."""

    help = "Read people, managers and group members from Microsoft Graph once."

    def handle(self, *_: Any, **__: Any) -> None:
        """Say what changed; CommandError, with nothing changed, when Graph can not be read."""
        try:
            result = sync(gateways.graph_reader())
        except TargetError as error:
            raise CommandError(f"The directory could not be read: {error}") from error
        self.stdout.write(str(result))
