"""The pages of reviews about who decides for whom: made on a form of its own, its rows told in words of their own."""

from datetime import timedelta
from typing import Any

import pytest

from audit_app.clock import now
from audit_app.models import AccessReview
from audit_app.reviews import campaign
from requests_app.actions import cover
from tests.views.test_reviews import page_of

pytestmark = pytest.mark.django_db


def test_a_campaign_about_who_decides_for_whom_is_made_on_a_form_of_its_own(
    client_for: Any, people: Any, policy: Any
) -> None:
    client = client_for(people["administrator"])
    usual = client.get("/audit/reviews/new").content.decode()
    assert "Who may have what" in usual.split("<h2")[1]
    address = "/audit/reviews/new?of=delegations"
    page = client.get(address).content.decode()
    assert "The manager of whoever lends" in page
    assert "Each resource" not in page
    form = {
        "title": "Stand-ins, autumn",
        "reviewers": "manager",
        "due_at": (now() + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M"),
        "remind_days": "3",
        "silence": "remove",
        "recurrence": "quarterly",
        "scope_kinds": ["long"],
    }
    refused = client.post(address, {**form, "reviewers": "owner"})
    assert refused.status_code == 422
    client.post(address, form)
    made = AccessReview.objects.get()
    assert (made.source, made.scope) == ("delegations", {"kinds": ["long"]})


@pytest.mark.parametrize("name", ["break_glass", "no-such-thing"])
def test_what_nobody_makes_a_campaign_about_is_not_there(
    client_for: Any, people: Any, policy: Any, name: str
) -> None:
    answer = client_for(people["administrator"]).get(f"/audit/reviews/new?of={name}")
    assert answer.status_code == 404


def test_a_row_says_since_when_until_when_why_and_how_often_somebody_decided_in_whose_place(
    client_for: Any, people: Any, policy: Any
) -> None:
    cover.lend(
        by=people["manager"],
        to=people["security"].user_principal_name,
        starts_at=now() - timedelta(days=40),
        ends_at=now() + timedelta(days=100),
        why="Parental leave",
    )
    made = campaign.plan(
        by=people["administrator"].party,
        title="Stand-ins",
        source="delegations",
        scope={},
        starts_at=now(),
        due_at=now() + timedelta(days=7),
    )
    campaign.begin(made.pk)
    page = page_of(client_for(people["auditor"]), made)
    for words in (
        "Should they still decide in somebody else&#x27;s place?",
        "the manager of whoever lends",
        "Decide in place of Mo Adeyemi",
        "Parental leave",
        "approved 0, denied 0",
        "Never used in 1\xa0month.",
    ):
        assert words in page, words
