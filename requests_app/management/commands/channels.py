"""manage.py channels: which channels there are, what goes to them, and whether a word gets there. No row is written."""

from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit_app.clock import now
from requests_app.models import Message, Person
from requests_app.notices import channels


class Command(BaseCommand):
    """List the channels of notices, or send a word to one."""

    help = "List the channels of notices, without their addresses; --send NAME sends a word to one of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the channel to try, and to whom if it is one of single persons."""
        parser.add_argument("--send", metavar="NAME", help="send a word to this channel")
        parser.add_argument("--to", metavar="MAIL", help="whose, where the channel leads to one person each")

    def handle(self, *_: object, send: str | None, to: str | None, **__: object) -> None:
        """The channels are listed, or one has taken a word."""
        if send is None:
            self._list()
            return
        person = Person.objects.filter(mail__iexact=to, enabled=True).first() if to else None
        message = Message(pk=0, channel=send, recipient=person, created_at=now())
        words = "A word from latchportal: this channel works."
        try:
            channels.hand_over(message, f"[latchportal] {settings.LATCH_INSTANCE}", words)
        except (OSError, LookupError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{send} has taken it.")

    def _list(self) -> None:
        for name in settings.NOTICE_CHANNELS:
            what = [
                "/".join(filter(None, route))
                for route, names in settings.NOTICE_ROUTES.items()
                if name in names
            ]
            told = ", ".join(what) or ("for who chooses it" if name in channels.personal() else "nothing")
            self.stdout.write(f"{name}: {told}")
