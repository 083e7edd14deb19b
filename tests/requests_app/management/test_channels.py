"""manage.py channels: it lists names alone, and says whether a word gets there."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.support.flaky import receiving

pytestmark = pytest.mark.django_db


def said(*words: str) -> str:
    out = StringIO()
    call_command("channels", *words, stdout=out)
    return out.getvalue()


def test_channels_are_listed_with_what_goes_there_and_without_their_addresses(settings):
    settings.NOTICE_CHANNELS = {"soc": "json://secret", "me": "json://secret/{mail}", "idle": "json://secret"}
    settings.NOTICE_ROUTES = {("approval_needed", "security"): ("soc",), ("overdue", ""): ("soc",)}
    assert said() == "soc: approval_needed/security, overdue\nme: for who chooses it\nidle: nothing\n"


def test_a_word_gets_there_or_it_is_said_why_not(settings, people):
    with receiving() as receiver:
        settings.NOTICE_CHANNELS = {"soc": receiver.address, "me": f"{receiver.address}/{{mail}}"}
        assert said("--send", "soc") == "soc has taken it.\n"
        assert said("--send", "me", "--to", people["requester"].mail) == "me has taken it.\n"
        assert [note["title"] for note in receiver.notes] == ["[latchportal] test"] * 2
        receiver.refused = 1.0
        for words in (("--send", "soc"), ("--send", "nobody"), ("--send", "me")):
            with pytest.raises(CommandError):
                said(*words)
