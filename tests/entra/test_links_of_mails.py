"""A link in a mail: it lands on the decision after sign-in, decides nothing by itself, and is of no use to others."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client

from audit_app.models import Event
from requests_app import outbox
from requests_app.models import Decision, Grant, Message, Stage
from tests.support.azure import active_stage, asked
from tests.support.clients import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def link(people: Any, policy: Any) -> str:
    """The path in the mail that asks the manager for a decision."""
    asked(people["requester"])
    outbox.send_due()
    (sent,) = (one for one in mail.outbox if one.to == [people["manager"].mail])
    line = next(line for line in sent.body.splitlines() if line.startswith("Look at it and decide: "))
    return line.split(": ", 1)[1].removeprefix(settings.BASE_URL)


def everything() -> tuple[Any, ...]:
    """All that a decision would change."""
    return (
        list(Stage.objects.order_by("pk").values_list("pk", "state")),
        Decision.objects.count(),
        Grant.objects.count(),
        Message.objects.count(),
        Event.objects.filter(kind__startswith="decision").count(),
    )


def test_the_link_lands_on_the_form_to_decide_after_signing_in_at_entra(
    link: str, sign_in: Any, browser: Client, settings: Any
) -> None:
    settings.ROOT_URLCONF = "latchportal.urls"
    door = browser.get(link)
    (after,) = parse_qs(urlsplit(door["Location"]).query)["next"]
    assert sign_in("mo", next_url=after)["Location"] == link
    html = browser.get(link).content.decode()
    assert "Your decision: Manager" in html
    assert f'action="/stages/{Stage.objects.get(state="active").pk}/decide"' in html
    assert html.index("Your decision") < html.index("What happened"), "the decision stands first"


@pytest.mark.parametrize("who", ["", "manager", "outsider"])
@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_a_mail_scanner_decides_nothing(link: str, people: Any, method: str, who: str) -> None:
    stage = active_stage(people["requester"].access_requests.get())
    scanner = signed_in(people[who]) if who else Client()
    before = everything()
    for address in (link, f"{link}?vote=approve", f"/stages/{stage.pk}/decide?vote=approve"):
        getattr(scanner, method)(address)
    assert everything() == before


@pytest.mark.parametrize("method", ["get", "head"])
def test_the_address_that_decides_is_for_posts_alone(link: str, people: Any, method: str) -> None:
    stage = active_stage(people["requester"].access_requests.get())
    answer = getattr(signed_in(people["manager"]), method)(f"/stages/{stage.pk}/decide?vote=approve")
    assert answer.status_code == 405


def test_who_the_mail_was_forwarded_to_finds_nothing_there(link: str, people: Any) -> None:
    answer = signed_in(people["outsider"]).get(link)
    assert answer.status_code == 404
    html = answer.content.decode()
    assert "no such request, or none that you may see" in html
    assert str(people["requester"]) not in html
    assert "prod-web-01" not in html


def test_who_the_mail_was_forwarded_to_decides_nothing_by_hand_either(link: str, people: Any) -> None:
    stage = active_stage(people["requester"].access_requests.get())
    before = everything()
    answer = signed_in(people["outsider"]).post(f"/stages/{stage.pk}/decide", {"vote": "approve"})
    assert answer.status_code == 404
    assert everything() == before


def test_the_link_of_a_decided_request_says_what_became_of_it(link: str, people: Any) -> None:
    manager = signed_in(people["manager"])
    stage = active_stage(people["requester"].access_requests.get())
    manager.post(f"/stages/{stage.pk}/decide", {"vote": "deny", "reason": "Use the bastion"})
    html = manager.get(link).content.decode()
    assert "Your decision" not in html
    assert "Use the bastion" in html
