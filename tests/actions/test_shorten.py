"""Less time: the end moves nearer at once, and the rule in Azure is told so."""

from datetime import timedelta
from typing import Any

import pytest

from audit_app.clock import now
from audit_app.lifecycle import Stale
from audit_app.models import Event
from requests_app.actions import shorten
from requests_app.errors import Invalid, Refused
from requests_app.models import Message
from requests_app.targets.mark import read_end
from tests.support.azure import activated, opened
from tests.support.convergence import at, fresh, ours, run
from tests.support.refusals import refused

pytestmark = pytest.mark.django_db
REASON = "Done sooner than thought"


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


@pytest.mark.parametrize("who", ["requester", "manager", "security", "administrator"])
def test_it_closes_at_the_new_end_and_azure_is_told(people: Any, azure: Any, who: str) -> None:
    grant = opened(people, key="prod-web-03-ssh")
    end = now() + timedelta(minutes=5)
    shorten.shorten(by=people[who], grant_id=grant.pk, end=end, reason=REASON)
    run()
    grant = fresh(grant)
    assert (grant.state, grant.expires_at, grant.hard_end) == ("open", end, end)
    found = [read_end(rule["description"]) for rule in ours(azure).values()]
    assert all(abs(written - end) <= timedelta(seconds=1) for written in found), (
        "the reaper would close too late"
    )
    event = Event.objects.get(kind="grant.shortened")
    assert (event.why, event.actor_id) == (REASON, people[who].identity)
    assert not Event.objects.filter(kind="grant.repaired"), "nobody changed it by hand"
    assert Message.objects.filter(key__startswith="shortened:").count() == 1
    with at(end):
        run()
        assert fresh(grant).state == "closed"
        assert not ours(azure)


@pytest.mark.parametrize("who", ["security2", "outsider", "auditor"])
def test_who_neither_holds_nor_agreed_nor_administers_is_refused(people: Any, azure: Any, who: str) -> None:
    grant = opened(people)
    refused(
        Refused,
        "holder, somebody who approved",
        "grant.shorten_refused",
        lambda: shorten.shorten(
            by=people[who], grant_id=grant.pk, end=now() + timedelta(minutes=1), reason=REASON
        ),
    )


@pytest.mark.parametrize(("minutes", "words"), [(-1, "in the future"), (0, "in the future"), (31, "before")])
def test_the_new_end_lies_between_now_and_the_present_one(
    people: Any, azure: Any, minutes: float, words: str
) -> None:
    grant = opened(people)
    end = now() + timedelta(minutes=minutes)
    refused(
        Invalid,
        words,
        "",
        lambda: shorten.shorten(by=grant.person, grant_id=grant.pk, end=end, reason=REASON),
    )


def test_a_reason_is_given(people: Any, azure: Any) -> None:
    grant = opened(people)
    with pytest.raises(Invalid, match="say why"):
        shorten.shorten(by=grant.person, grant_id=grant.pk, end=now() + timedelta(minutes=1), reason=" ")


def test_only_what_is_open_is_shortened(people: Any, azure: Any) -> None:
    grant = activated(people)
    with pytest.raises(Stale, match="can not be shortened now"):
        shorten.shorten(by=grant.person, grant_id=grant.pk, end=now() + timedelta(minutes=1), reason=REASON)
