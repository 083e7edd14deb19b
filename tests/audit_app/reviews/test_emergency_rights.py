"""A review asks about emergency rights as well: who could break the glass, also where no rule lets them ask."""

from collections.abc import Callable
from typing import Any

import pytest

from audit_app.models import AccessReview
from audit_app.reviews import decide
from requests_app.actions import policy as policies
from requests_app.actions import take_away
from requests_app.errors import Refused
from tests.support.azure import SSH
from tests.support.glass import broken
from tests.support.organisation import policy_files

pytestmark = pytest.mark.django_db
Made = Callable[..., AccessReview]


@pytest.fixture
def glass_alone(people: Any, policy: Any) -> None:
    """Nobody may ask for a production server any more; who is on call may still break the glass for it."""
    rules = policy_files()["rules.yaml"]
    everywhere = "tags: [ssh, rdp], environments: [production]"
    assert rules.count(everywhere) == 1
    documents = {**policy_files(), "rules.yaml": rules.replace(everywhere, "keys: [stg-web-01-ssh]")}
    policies.load(by=people["administrator"].party, documents=documents)


def rows_of(review: AccessReview, person: Any) -> dict[str, str]:
    items = review.items.filter(person_id=person.identity)
    return {item.right_key: item.facts["emergency"] for item in items}


def test_a_row_says_where_the_glass_could_be_broken_too(running: Made, people: Any) -> None:
    review = running()
    assert rows_of(review, people["ben"])[SSH] == "too"
    assert set(rows_of(review, people["requester"]).values()) == {""}


def test_who_can_only_break_the_glass_is_asked_about_and_it_can_be_taken(
    running: Made, people: Any, glass_alone: None
) -> None:
    review = running()
    assert rows_of(review, people["ben"])[SSH] == "only"
    assert SSH not in rows_of(review, people["requester"])
    row = review.items.get(person_id=people["ben"].identity, right_key=SSH)
    decide.decide(by=people["manager"].party, item_ids=[row.pk], choice="remove", why="Left on-call")
    assert take_away.carry_out(row.pk)
    with pytest.raises(Refused) as refused:
        broken(people["ben"])
    assert refused.value.check == "It was not taken away from you"
