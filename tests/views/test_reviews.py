"""The pages of access reviews: made in a few clicks, decided row by row or together, signed off, proved."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from audit_app.clock import now
from audit_app.models import AccessReview, ReviewItem
from audit_app.reviews import campaign, decide
from requests_app import tasks
from requests_app.models import TakenAway

pytestmark = pytest.mark.django_db
WHY = "Not on call any more"


@pytest.fixture
def review(people: Any, policy: Any) -> AccessReview:
    """A campaign about prod-web-01, reviewed by Mo and Sol by name."""
    moment = now()
    made = campaign.plan(
        by=people["administrator"].party,
        title="Web servers",
        source="eligibility",
        scope={"resources": ["prod-web-01"]},
        reviewers="named",
        named=[[people[who].identity, str(people[who])] for who in ("manager", "security")],
        starts_at=moment,
        due_at=moment + timedelta(days=7),
    )
    campaign.begin(made.pk)
    made.refresh_from_db()
    return made


def page_of(client: Any, review: AccessReview, query: str = "") -> str:
    answer = client.get(f"/audit/reviews/{review.uid}/{query}")
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_campaign_is_made_from_a_title_and_what_the_form_begins_with(
    client_for: Any, people: Any, policy: Any
) -> None:
    client = client_for(people["administrator"])
    page = client.get("/audit/reviews/new").content.decode()
    due = re.search(r'name="due_at" value="([^"]+)"', page) or re.search(
        r'value="([^"]+)"[^>]*name="due_at"', page
    )
    assert due, "the end has no sensible start"
    answer = client.post(
        "/audit/reviews/new",
        {
            "title": "Everything, winter",
            "reviewers": "manager",
            "due_at": due[1],
            "remind_days": "3",
            "silence": "remove",
            "recurrence": "quarterly",
            "scope_environments": ["production"],
        },
    )
    made = AccessReview.objects.get()
    assert answer["Location"] == f"/audit/reviews/{made.uid}/"
    assert (made.state, made.scope) == ("planned", {"environments": ["production"]})
    tasks.reviews()
    made.refresh_from_db()
    assert made.state == "open"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"title": ""}, "This field is required"),
        ({"due_at": "2020-01-01T00:00"}, "later than now"),
        ({"due_at": "2099-01-01T00:00"}, "a year at most"),
        ({"reviewers": "named"}, "Name at least one person"),
        ({"scope_resources": ["no-such-thing"]}, "Select a valid choice"),
        ({"starts_at": "2020-01-01T00:00"}, "This is past"),
    ],
)
def test_what_makes_no_sense_is_said_on_its_field_and_all_that_was_entered_is_kept(
    client_for: Any, people: Any, policy: Any, wrong: dict[str, Any], words: str
) -> None:
    form = {
        "title": "Everything, winter",
        "reviewers": "manager",
        "due_at": (now() + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M"),
        "remind_days": "3",
        "silence": "keep",
        "recurrence": "never",
    }
    answer = client_for(people["administrator"]).post("/audit/reviews/new", {**form, **wrong})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert wrong.get("title", "Everything, winter") in page
    # What is folded away is not where something is at fault.
    assert page.count('<details class="audit-more') == 2
    folded_at_fault = bool({"scope_resources", "starts_at"} & {*wrong})
    assert len(re.findall(r'<details class="audit-more[^"]*" open', page)) == folded_at_fault
    assert not AccessReview.objects.exists()


def test_a_reviewer_sees_their_rows_with_what_they_need_and_no_others(
    client_for: Any, people: Any, review: AccessReview
) -> None:
    page = page_of(client_for(people["manager"]), review)
    assert "Ada Lindqvist" in page
    assert "never asked for" in page
    assert "Keep" in page
    listing = client_for(people["manager"]).get("/audit/reviews/").content.decode()
    assert "Web servers" in listing
    assert "Web servers" not in client_for(people["outsider"]).get("/audit/reviews/").content.decode()


def test_an_auditor_reads_everything_and_decides_nothing(
    client_for: Any, people: Any, review: AccessReview
) -> None:
    page = page_of(client_for(people["auditor"]), review)
    assert "Ada Lindqvist" in page
    assert 'name="choice"' not in page


def test_a_row_is_kept_by_one_press_and_the_page_says_so(
    client_for: Any, people: Any, review: AccessReview
) -> None:
    client, row = client_for(people["manager"]), review.items.first()
    answer = client.post(
        f"/audit/reviews/{review.uid}/decide", {"item": row.pk, "choice": "keep", "back": "never_used=on"}
    )
    assert answer["Location"] == f"/audit/reviews/{review.uid}/?never_used=on"
    assert "1 row kept." in page_of(client, review)
    row.refresh_from_db()
    assert row.state == "keep"
    client.post(f"/audit/reviews/rows/{row.pk}/undo")
    row.refresh_from_db()
    assert row.state == "undecided"


def test_several_rows_are_removed_together_with_one_reason(
    client_for: Any, people: Any, review: AccessReview
) -> None:
    client = client_for(people["manager"])
    rows = list(review.items.asked_of(people["manager"].identity).values_list("pk", flat=True))[:3]
    data = {"item": rows, "choice": "remove", "reason": ""}
    refused = client.post(f"/audit/reviews/{review.uid}/decide", data)
    assert refused.status_code == 422
    assert "needs a reason" in refused.content.decode()
    assert refused.content.decode().count(" checked aria-label=") == len(rows), "what was chosen is lost"
    client.post(f"/audit/reviews/{review.uid}/decide", {**data, "reason": WHY})
    assert ReviewItem.objects.filter(pk__in=rows, state="remove", reason=WHY).count() == 3


def test_nothing_chosen_is_said_and_changes_nothing(
    client_for: Any, people: Any, review: AccessReview
) -> None:
    answer = client_for(people["manager"]).post(
        f"/audit/reviews/{review.uid}/decide", {"choice": "remove", "reason": "A long reason that is kept"}
    )
    assert answer.status_code == 422
    assert "A long reason that is kept" in answer.content.decode()


def test_a_refused_decision_is_said_on_the_page_it_was_made_on_with_its_filter_and_its_ways_on(
    client_for: Any, people: Any, review: AccessReview
) -> None:
    client, row = client_for(people["manager"]), review.items.asked_of(people["manager"].identity).first()
    address = f"/audit/reviews/{review.uid}/"
    choice = {"item": row.pk, "choice": "keep", "back": "q=ada&never_used=on"}
    client.post(f"{address}decide", choice)
    answer = client.post(f"{address}decide", {**choice, "choice": "remove", "reason": WHY})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "decided already" in page
    assert re.search(r'name="never_used"[^>]* checked', page)
    assert f'method="get" action="{address}"' in page
    row.refresh_from_db()
    assert (row.state, row.reason) == ("keep", "")


def test_a_row_of_another_campaign_is_not_decided_through_this_one(
    client_for: Any, people: Any, review: AccessReview
) -> None:
    other = campaign.plan(
        by=people["administrator"].party,
        title="Other",
        source="eligibility",
        scope={"resources": ["prod-web-02"]},
        reviewers="named",
        named=[[people["manager"].identity, "Mo"]],
        starts_at=now(),
        due_at=now() + timedelta(days=1),
    )
    campaign.begin(other.pk)
    theirs = other.items.first()
    answer = client_for(people["manager"]).post(
        f"/audit/reviews/{review.uid}/decide", {"item": theirs.pk, "choice": "keep"}
    )
    assert answer.status_code == 409
    theirs.refresh_from_db()
    assert theirs.state == "undecided"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("?never_used=on", True),
        ("?recommended=keep", False),
        ("?state=undecided", True),
        ("?state=applied", False),
        ("?q=ada+ssh", True),
        ("?q=nobody-like-that", False),
        ("?state=nonsense", False),
        ("?after=99999999999999999999999", True),
    ],
)
def test_rows_are_narrowed_by_the_address(
    client_for: Any, people: Any, review: AccessReview, query: str, shown: bool
) -> None:
    assert ("Ada Lindqvist" in page_of(client_for(people["manager"]), review, query)) is shown


def test_what_was_taken_away_is_listed_and_given_back_with_a_reason(
    client_for: Any, people: Any, review: AccessReview
) -> None:
    row = review.items.get(person_id=people["requester"].identity, right_key="prod-web-01-ssh")
    decide.decide(by=people["manager"].party, item_ids=[row.pk], choice="remove", why=WHY)
    with time_machine.travel(now() + decide.UNDO):
        tasks.reviews()
    client, taken = client_for(people["administrator"]), TakenAway.objects.get()
    assert WHY in client.get("/taken-away/").content.decode()
    refused = client.post(f"/taken-away/{taken.pk}/give-back", {"reason": " "})
    assert refused.status_code == 422
    client.post(f"/taken-away/{taken.pk}/give-back", {"reason": "Back on call"})
    taken.refresh_from_db()
    assert taken.given_back_why == "Back on call"
    assert client.post(f"/taken-away/{taken.pk}/give-back", {"reason": "Again"}).status_code == 409
    assert client.post("/taken-away/99999/give-back", {"reason": "Nothing"}).status_code == 404


def test_a_campaign_of_many_rows_takes_a_bounded_number_of_statements(
    client_for: Any, people: Any, review: AccessReview, django_assert_max_num_queries: Any
) -> None:
    client = client_for(people["manager"])
    client.get(f"/audit/reviews/{review.uid}/")
    with django_assert_max_num_queries(16):
        client.get(f"/audit/reviews/{review.uid}/")
