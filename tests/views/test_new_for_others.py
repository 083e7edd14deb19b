"""Asking for somebody else on the page: who sees the field, what is shown of whom, and what comes of it."""

from typing import Any
from uuid import uuid4

import pytest

from requests_app.actions import decide
from requests_app.models import AccessRequest, Person
from requests_app.policy.on_behalf import NOBODY
from tests.support.azure import REASON, SSH, active_stage, address_of
from tests.support.behalf import asked_for, group, policy_says

pytestmark = pytest.mark.django_db
NEW, PREVIEW = "/requests/new", "/requests/preview"
FOR = '<legend class="form-label">For</legend>'


@pytest.fixture(autouse=True)
def _organisation(people: Any, policy: Any) -> None:
    """Everybody is there, and the demo's policy is in force."""


@pytest.fixture(name="asker")
def _asker(people: Any) -> Person:
    """Ben is on call, so he may ask for engineers."""
    return people["ben"]


def said(whom: str, **more: Any) -> dict[str, Any]:
    """What a browser posts of a form filled for somebody else."""
    words = {
        "entitlement": SSH,
        "submission_key": str(uuid4()),
        "duration": "30",
        "reason": REASON,
        "ticket": "",
        "source": "203.0.113.1",
        "whom": "other",
        "person": whom,
        "their_source": "81.2.69.142",
    }
    return {**words, **more}


def page(client: Any, path: str, form: dict[str, Any], status: int = 200) -> str:
    answer = client.post(path, form)
    assert answer.status_code == status, answer.content.decode()
    return str(answer.content.decode())


def test_the_field_is_for_those_who_may_ask_for_others(client_for: Any, people: Any, asker: Any) -> None:
    theirs = client_for(asker).get(NEW, {"entitlement": SSH}).content.decode()
    assert FOR in theirs
    assert "ada@northwind-harbour.example" in theirs
    assert "out@northwind-harbour.example" not in theirs, "no rule is for her"
    assert FOR not in client_for(people["requester"]).get(NEW, {"entitlement": SSH}).content.decode()


def test_it_is_asked_for_whom_was_named_from_where_they_are(client_for: Any, people: Any, asker: Any) -> None:
    answer = client_for(asker).post(NEW, said("ada@northwind-harbour.example"), follow=True)
    made = AccessRequest.objects.get()
    assert (made.requester, made.asked_by, made.source_address) == (people["requester"], asker, "81.2.69.142")
    text = answer.content.decode()
    assert "You asked for 30" in text
    assert "for Ada Lindqvist" in text
    assert "Asked by" in text


def test_the_preview_is_about_whom_was_named(client_for: Any, asker: Any) -> None:
    text = page(client_for(asker), PREVIEW, said("ada@northwind-harbour.example"))
    assert "Ada Lindqvist’s account is enabled" in text
    assert "Asking tells Ada Lindqvist" in text
    assert "81.2.69.142 will be let in" in text


def test_while_nobody_is_named_nothing_is_refused_and_nothing_told(client_for: Any, asker: Any) -> None:
    text = page(client_for(asker), PREVIEW, said(""))
    assert "Nobody is named yet" in text
    assert "Who decides" not in text


def test_an_address_that_is_not_typed_yet_is_only_missing(client_for: Any, asker: Any) -> None:
    form = said("ada@northwind-harbour.example", their_source="")
    assert "still needed" in page(client_for(asker), PREVIEW, form)
    assert "No source address was given" in page(client_for(asker), NEW, form, 403)


@pytest.mark.parametrize("path", [NEW, PREVIEW])
def test_whoever_may_not_ask_sees_the_same_of_everybody(
    path: str, client_for: Any, people: Any, asker: Any
) -> None:
    """Ada may ask for nobody; Ben not for those no rule is for. Nobody learns who exists, is disabled or a guest."""
    group("engineering").members.remove(people["priya"])
    key = str(uuid4())
    for who, named in (
        (people["requester"], ("ben", "disabled", "guest", "outsider", "tomas")),
        (asker, ("guest", "outsider", "tomas", "priya")),
    ):
        client = client_for(who)
        names = [people[one].user_principal_name for one in named] + ["nobody@elsewhere.example"]
        status = 403 if path == NEW else 200
        seen = {
            page(client, path, said(name, submission_key=key), status)
            .replace(name, "…")
            .split("csrfmiddleware")[-1][80:]
            for name in names
        }
        assert len(seen) == 1
        assert NOBODY.reason in seen.pop()


def test_oneself_is_no_other_person(client_for: Any, asker: Any) -> None:
    assert "That is you" in page(client_for(asker), NEW, said("ben@northwind-harbour.example"), 422)


def test_a_name_is_needed(client_for: Any, asker: Any) -> None:
    assert "Say for whom you ask" in page(client_for(asker), NEW, said(" "), 422)


def test_who_may_ask_for_others_alone_finds_it_and_asks(client_for: Any, people: Any) -> None:
    """Sol is no engineer: she may ask for them where policy says so, not for herself."""
    policy_says(
        people["administrator"], ("on_behalf: {groups: [on-call]}", "on_behalf: {groups: [security]}")
    )
    client = client_for(people["security"])
    assert "for others only" in client.get("/catalogue/").content.decode()
    text = client.get(NEW, {"entitlement": SSH}).content.decode()
    assert "You may ask for others here, not for yourself" in text
    assert "Nobody is named yet" in text
    client.post(NEW, said("ada@northwind-harbour.example"))
    assert AccessRequest.objects.get().asked_by == people["security"]
    page(client, NEW, {**said(""), "whom": "me"}, 403)
    assert AccessRequest.objects.count() == 1


def test_asking_again_asks_for_the_same_person(client_for: Any, people: Any, asker: Any) -> None:
    made = asked_for(asker, people["requester"])
    AccessRequest.objects.filter(pk=made.pk).update(state="lapsed", decided_at=made.submitted_at)
    his = client_for(asker).get(NEW, {"again": made.pk}).content.decode()
    assert 'value="ada@northwind-harbour.example"' in his
    assert 'value="other" checked' in his
    assert f'value="{made.source_address}"' in his
    hers = client_for(people["requester"]).get(NEW, {"again": made.pk}).content.decode()
    assert FOR not in hers
    assert "Your account is enabled" in hers


def test_each_page_says_who_asked_for_whom(client_for: Any, people: Any, asker: Any) -> None:
    made = asked_for(asker, people["requester"])
    stage = active_stage(made)
    inbox = client_for(people["manager"]).get("/inbox/").content.decode()
    assert "asked by <strong>Ben Achterberg</strong> for Ada Lindqvist" in inbox
    deciding = client_for(people["manager"]).get(f"/requests/{made.pk}/").content.decode()
    assert f"/stages/{stage.pk}/" in deciding
    assert "<strong>Ben Achterberg</strong> asks for <strong>Ada Lindqvist</strong>" in deciding
    assert "for Ada Lindqvist" in client_for(asker).get("/").content.decode()
    hers = client_for(people["requester"])
    assert "by Ben Achterberg for you" in hers.get("/").content.decode()
    text = hers.get(f"/requests/{made.pk}/").content.decode()
    assert "Ben Achterberg asked for this in your stead" in text
    assert "Withdraw the request" in text
    assert "Asked for SSH to prod-web-01, for Ada Lindqvist" in text


def test_the_asker_sees_no_code_and_no_button_of_the_other(client_for: Any, people: Any, asker: Any) -> None:
    made = asked_for(asker, people["requester"])
    for role in ("manager", "security"):
        decide.decide(by=people[role], stage_id=active_stage(made).pk, vote="approve")
    his = client_for(asker).get(f"/requests/{made.pk}/").content.decode()
    assert "Ada Lindqvist can activate it until" in his
    assert "Get code" not in his
    assert "Get code" in client_for(people["requester"]).get(f"/requests/{made.pk}/").content.decode()


def test_the_address_of_the_asker_is_not_compared(client_for: Any, people: Any, asker: Any) -> None:
    assert address_of(asker) != "81.2.69.142"
    assert "connecting from" not in page(client_for(asker), PREVIEW, said("ada@northwind-harbour.example"))


def test_who_has_to_prove_it_first_comes_back_to_the_form_for_the_other(
    client_for: Any, people: Any, asker: Any
) -> None:
    fresh = ("      - reason: {min_length: 10}\n", "      - sign_in: {within: 15m, at: [request]}\n")
    policy_says(people["administrator"], fresh)
    client = client_for(asker)
    form = said("ada@northwind-harbour.example")
    for press in ({}, {"prove": "1"}):
        answer = client.post(NEW, {**form, **press})
        assert (answer.status_code, answer.url) == (302, "/step-up/?for=request")
    text = client.get(f"{NEW}?entitlement={SSH}&kept=request").content.decode()
    assert 'value="other" checked' in text
    assert 'value="ada@northwind-harbour.example"' in text
    assert 'value="81.2.69.142"' in text
    assert client.post(NEW, {**said("out@northwind-harbour.example"), "prove": "1"}).status_code == 200
    assert not AccessRequest.objects.exists()


def test_from_elsewhere_the_holder_reads_whose_words_the_address_was(
    client_for: Any, people: Any, asker: Any
) -> None:
    made = asked_for(asker, people["requester"], source="81.2.69.99")
    for role in ("manager", "security"):
        decide.decide(by=people[role], stage_id=active_stage(made).pk, vote="approve")
    text = page(client_for(people["requester"]), f"/requests/{made.pk}/activate", {}, 403)
    assert "It was asked for from 81.2.69.99 and you are now at" in text
