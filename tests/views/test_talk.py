"""Deciding on the request's page: less, a question first, somebody more, a word; each as its form sends it."""

from datetime import timedelta
from typing import Any

import pytest

from audit_app.clock import now
from requests_app.actions import cover
from requests_app.models import AccessRequest, Comment, Decision
from tests.support.azure import active_stage, asked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("policy")]


def page(client: Any, access_request: AccessRequest) -> str:
    return client.get(f"/requests/{access_request.pk}/").content.decode()


def test_the_form_offers_less_and_the_shorter_time_is_agreed_to(client_for: Any, people: Any) -> None:
    access_request = asked(people["requester"], minutes=60)
    client, stage = client_for(people["manager"]), active_stage(access_request)
    assert '<option value="30m">only 30 min</option>' in page(client, access_request)
    client.post(f"/stages/{stage.pk}/decide", {"vote": "approve", "duration": "30m"})
    access_request.refresh_from_db()
    assert access_request.duration == timedelta(minutes=30)
    told = page(client_for(people["requester"]), access_request)
    assert "You asked for 1 h, shortened to 30 min" in told
    assert f"shortened by {people['manager']}; asked for were 1 h" in told


@pytest.mark.parametrize(("duration", "status"), [("2h", 403), ("soon", 422)])
def test_more_than_was_asked_for_is_refused_with_words(
    client_for: Any, people: Any, duration: str, status: int
) -> None:
    stage = active_stage(asked(people["requester"], minutes=60))
    form = {"vote": "approve", "duration": duration}
    assert client_for(people["manager"]).post(f"/stages/{stage.pk}/decide", form).status_code == status
    assert not Decision.objects.exists()


def test_a_question_and_its_answer_go_through_the_pages(client_for: Any, people: Any) -> None:
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    manager, requester = client_for(people["manager"]), client_for(people["requester"])
    manager.post(f"/stages/{stage.pk}/ask", {"text": "Which <b>journal</b>?"})
    seen = page(requester, access_request)
    assert "Which &lt;b&gt;journal&lt;/b&gt;?" in seen
    assert "asks you" in seen
    assert "Take the question back" in page(manager, access_request)
    assert "Answer the question" in requester.get("/").content.decode()
    requester.post(f"/requests/{access_request.pk}/answer", {"text": "The one of nginx"})
    assert "The one of nginx" in page(manager, access_request)
    assert "Your decision" in page(manager, access_request)


def test_an_answer_without_words_comes_back_on_its_form(client_for: Any, people: Any) -> None:
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    client_for(people["manager"]).post(f"/stages/{stage.pk}/ask", {"text": "Why?"})
    answer = client_for(people["requester"]).post(f"/requests/{access_request.pk}/answer", {"text": " "})
    assert answer.status_code == 422
    assert "Please say why" in answer.content.decode()


def test_what_was_typed_is_there_again_when_a_stage_can_not_be_added(client_for: Any, people: Any) -> None:
    access_request = asked(people["requester"])
    stage = active_stage(access_request)
    form = {"person": "no.one@example.com", "why": "Her budget"}
    answer = client_for(people["manager"]).post(f"/stages/{stage.pk}/add-stage", form)
    assert answer.status_code == 422
    assert "Her budget" in answer.content.decode()


def test_who_only_reads_sees_what_was_said_and_no_form(client_for: Any, people: Any) -> None:
    access_request = asked(people["requester"])
    client_for(people["requester"]).post(f"/requests/{access_request.pk}/comment", {"text": "It is urgent"})
    assert Comment.objects.get().text == "It is urgent"
    seen = page(client_for(people["auditor"]), access_request)
    assert "It is urgent" in seen
    assert "Say something" not in seen


def test_the_stand_in_is_told_for_whom_they_decide(client_for: Any, people: Any) -> None:
    access_request = asked(people["requester"])
    cover.go(
        by=people["manager"],
        starts_at=now() - timedelta(minutes=1),
        ends_at=now() + timedelta(days=1),
        away=True,
        to=people["director"].user_principal_name,
    )
    seen = page(client_for(people["director"]), access_request)
    assert "You decide in place of <strong>Mo" in seen
    mine = page(client_for(people["requester"]), access_request)
    assert "for Mo" in mine
    assert "is away until" in mine
    assert "In place of <strong>Mo" in client_for(people["director"]).get("/inbox/").content.decode()
    assert "In place of" not in client_for(people["manager"]).get("/inbox/").content.decode()
    stage = active_stage(access_request)
    client_for(people["director"]).post(f"/stages/{stage.pk}/decide", {"vote": "approve", "duration": "15m"})
    after = page(client_for(people["director"]), access_request)
    assert "Agreed to less of SSH to prod-web-01: 15 min instead of 30 min" in after
    assert "Say something" in after, "who decided has a say"


def test_a_decision_that_can_not_be_used_comes_back_as_it_was_made(client_for: Any, people: Any) -> None:
    stage = active_stage(asked(people["requester"], minutes=60))
    form = {"vote": "deny", "reason": "", "duration": "30m"}
    answer = client_for(people["manager"]).post(f"/stages/{stage.pk}/decide", form)
    assert answer.status_code == 422
    html = answer.content.decode()
    assert '<option value="30m" selected>' in html
    news = "data-live hx-get"
    assert news not in html, "news would replace what was typed"
    assert news in page(client_for(people["manager"]), stage.access_request)


def test_somebody_nobody_knows_comes_back_on_the_form_as_typed(client_for: Any, people: Any) -> None:
    stage = active_stage(asked(people["requester"]))
    form = {"name": "", "person": "nobody@example.com", "why": "She knows the journal"}
    answer = client_for(people["manager"]).post(f"/stages/{stage.pk}/add-stage", form)
    assert answer.status_code == 422
    html = answer.content.decode()
    assert 'value="nobody@example.com"' in html
    assert ">She knows the journal</textarea>" in html
