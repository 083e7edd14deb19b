"""`manage.py seed`: a believable past for the demo and the benchmarks. Never for a portal in earnest."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from audit_app.clock import now
from requests_app.errors import Refused
from requests_app.management.seeding.eligible import chances
from requests_app.management.seeding.history import tell
from requests_app.management.seeding.pen import Pen
from requests_app.management.seeding.reviewed import begin_review
from requests_app.models import AccessRequest

AT_ONCE = 2000
# Every story is over by now, whatever became of it. Only those that lapse take longer: a day for each stage.
FINISHED = timedelta(hours=8)
LAPSED = timedelta(days=3)
BUSY = range(7, 19)


class Command(BaseCommand):
    """Write a past."""

    help = "Make up past requests of the last weeks, with their grants and events. Only with LATCH_DEMO=1."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--requests", type=int, default=60, help="how many (60)")
        parser.add_argument("--days", type=int, default=30, help="over how many days (30)")
        parser.add_argument("--more", action="store_true", help="add to what is there already")

    def handle(self, *_: Any, **options: Any) -> None:
        """The past is in the database; nothing changed where there was one already, unless told --more."""
        if not settings.LATCH_DEMO:
            raise CommandError("A made-up past belongs in a demo: seed is refused unless LATCH_DEMO=1.")
        if AccessRequest.objects.exists() and not options["more"]:
            self.stdout.write("There is a past already; nothing was made up. --more adds to it.")
            return
        count = self._write(options["requests"], options["days"])
        if not options["more"]:
            begin_review()
        self.stdout.write(f"{count} past requests were made up.")

    def _write(self, count: int, days: int) -> int:
        moment = now()
        try:
            found = chances(moment)
        except Refused as refusal:
            raise CommandError(f"{refusal.reason} {refusal.way_on}") from refusal
        if not found:
            raise CommandError(
                "Policy lets nobody ask for anything. Was the directory read? (directory sync)"
            )
        chance = Random(count)  # noqa: S311 - believable, not secret
        instants = sorted(_working_time(chance, moment, days) for _ in range(count))
        pen = Pen(chance=chance, instance=settings.LATCH_INSTANCE)
        for start in range(0, count, AT_ONCE):
            with transaction.atomic():
                for at in instants[start : start + AT_ONCE]:
                    tell(pen, chance.choice(found), at, recent=at > moment - LAPSED)
                pen.flush()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        return count


def _working_time(chance: Random, moment: datetime, days: int) -> datetime:
    """Return an instant of the past weeks, mostly on working days by day, now and then at night."""
    while True:
        at = moment - FINISHED - timedelta(days=chance.uniform(0, days))
        if (at.weekday() < 5 and at.hour in BUSY) or chance.random() < 0.12:
            return at
