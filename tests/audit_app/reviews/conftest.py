"""A campaign about production, as an administrator makes it: reviewed by managers, over in a week."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from audit_app.clock import now
from audit_app.models import AccessReview
from audit_app.reviews import campaign

Planned = Callable[..., AccessReview]


@pytest.fixture
def planned(people: Any, policy: Any) -> Planned:
    """Return a maker of planned campaigns; what is not said is as a new campaign's form has it."""

    def make(**more: Any) -> AccessReview:
        moment = now()
        fields = {
            "title": "Production, autumn",
            "source": "eligibility",
            "scope": {"environments": ["production"]},
            "starts_at": moment,
            "due_at": moment + timedelta(days=7),
        }
        return campaign.plan(by=people["administrator"].party, **{**fields, **more})

    return make


@pytest.fixture
def running(planned: Planned) -> Planned:
    """Return a maker of campaigns that run."""

    def make(**more: Any) -> AccessReview:
        review = planned(**more)
        campaign.begin(review.pk)
        review.refresh_from_db()
        return review

    return make
