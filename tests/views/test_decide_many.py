"""Several decisions at once: each by itself, each told of, and nothing decided before all is ready."""

from typing import Any

import pytest

from requests_app.actions import decide
from requests_app.models import AccessRequest, Decision
from requests_app.seen import fingerprint
from tests.support.azure import active_stage, asked, asked_together
from tests.support.fresh import proved

pytestmark = pytest.mark.django_db
KEYS = ("prod-web-01-ssh", "prod-web-02-ssh", "prod-web-03-ssh")


@pytest.fixture
def waiting(people: Any, policy: Any) -> list[AccessRequest]:
    """Three requests that wait for the manager."""
    return [asked(people["requester"], key=key) for key in KEYS]


def form(*access_requests: AccessRequest, vote: str = "approve", reason: str = "") -> dict[str, Any]:
    """What a browser posts when these are ticked."""
    stages = [active_stage(one) for one in access_requests]
    seen = {f"seen-{stage.pk}": fingerprint(one) for stage, one in zip(stages, access_requests, strict=True)}
    return {"stage": [str(stage.pk) for stage in stages], "vote": vote, "reason": reason, **seen}


def posted(browser: Any, data: dict[str, Any]) -> tuple[int, str]:
    answer = browser.post("/inbox/decide", data)
    return answer.status_code, answer.content.decode()


def test_all_that_are_ticked_are_approved_each_with_what_comes_next(client_for, people, waiting):
    status, html = posted(client_for(people["manager"]), form(*waiting[:2]))
    assert (status, "2 of 2 approved" in html) == (200, True)
    assert html.count("“Security” decides next") == 2
    assert Decision.objects.count() == 2
    assert active_stage(waiting[2]).name == "manager"


def test_all_that_are_ticked_are_denied_for_one_reason(client_for, people, waiting):
    posted(client_for(people["manager"]), form(*waiting, vote="deny", reason="Change freeze"))
    assert set(AccessRequest.objects.values_list("state", flat=True)) == {"denied"}
    assert set(Decision.objects.values_list("reason", flat=True)) == {"Change freeze"}


def test_one_that_somebody_else_decided_leaves_the_others_to_be_decided(client_for, people, waiting):
    data = form(*waiting)
    decide.decide(by=people["manager"], stage_id=active_stage(waiting[1]).pk, vote="deny", reason="No")
    status, html = posted(client_for(people["manager"]), data)
    assert (status, "2 of 3 approved" in html) == (200, True)
    assert f"Already decided: denied by {people['manager']}" in html
    assert [AccessRequest.objects.get(pk=one.pk).state for one in waiting] == ["pending", "denied", "pending"]


def test_sent_twice_the_second_decides_nothing_and_says_so(client_for, people, waiting):
    browser, data = client_for(people["manager"]), form(*waiting)
    posted(browser, data)
    status, html = posted(browser, data)
    assert (status, "0 of 3 approved" in html) == (409, True)
    assert Decision.objects.count() == 3


def test_one_that_has_changed_since_it_was_shown_is_not_decided(client_for, people, waiting):
    data = form(*waiting)
    AccessRequest.objects.filter(pk=waiting[0].pk).update(source_address="198.51.100.9")
    _, html = posted(client_for(people["manager"]), data)
    assert "Nothing was decided" in html
    assert "2 of 3 approved" in html
    assert not waiting[0].decisions.exists()


def test_what_is_not_mine_to_see_is_not_named(client_for, people, waiting):
    data = form(*waiting)
    data["stage"] += ["999999", "x", "9" * 40]
    status, html = posted(client_for(people["outsider"]), data)
    assert status == 409
    assert "prod-web-01" not in html
    assert not Decision.objects.exists()


def test_nobody_decides_on_their_own_among_others(client_for, people, waiting):
    status, html = posted(client_for(people["requester"]), form(*waiting))
    assert (status, html.count("Nobody decides on their own request")) == (409, 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stage": []}, "Nothing is ticked"),
        ({"vote": "maybe"}, "approve or to deny"),
        ({"vote": "deny", "reason": " "}, "say why you deny"),
        ({"stage": [str(number) for number in range(51)]}, "At most 50"),
    ],
)
def test_what_is_not_ready_decides_nothing_and_keeps_the_ticks(change, words, client_for, people, waiting):
    data = form(*waiting[:1]) | {"reason": "As agreed"} | change
    status, html = posted(client_for(people["manager"]), data)
    assert (status, words in html) == (422, True)
    assert not Decision.objects.exists()
    if data["stage"] == [str(active_stage(waiting[0]).pk)]:
        assert html.count(" checked>") == 1 + html.count("data-inbox-keys-toggle checked>")


def test_the_sign_in_is_asked_for_once_and_before_anything_is_decided(client_for, people, policy):
    searches = [
        asked(people[who], key="prod-logs-01-search", reason="Somebody tried passwords on the bastion")
        for who in ("security", "security2")
    ]
    browser = client_for(people["owner"])
    answer = browser.post("/inbox/decide", form(*searches, reason="Agreed"))
    assert answer.status_code == 302
    assert answer.url == "/step-up/?for=approval"
    assert not Decision.objects.exists()
    html = browser.get("/inbox/?kept=approval").content.decode()
    assert html.count('form="many" data-tick') == 2
    assert html.count('autocomplete="off" checked>') == 2, "the ticks are there again"
    assert 'value="Agreed"' in html
    session = browser.session
    session["sign_in"] = {**session.get("sign_in", {}), **proved()}
    session.save()
    status, html = posted(browser, form(*searches, reason="Agreed"))
    assert (status, "2 of 2 approved" in html) == (200, True)


def test_a_bundle_is_one_of_them(client_for, people, waiting):
    bundle = asked_together(people["requester"], "stg-web-01-ssh", "stg-web-02-ssh")
    _, html = posted(client_for(people["manager"]), form(bundle, waiting[0]))
    assert f"SSH to stg-web-01, SSH to stg-web-02 for {people['requester']}" in html
    assert AccessRequest.objects.get(pk=bundle.pk).state == "approved"
