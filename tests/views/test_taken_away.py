"""A bookmarked form for what a review took away says so; to whom it never was on offer it tells nothing."""

from typing import Any

import pytest

from requests_app.actions import take_away
from requests_app.models import Entitlement, TakenAway
from tests.support.azure import SSH, asked

pytestmark = pytest.mark.django_db
NEW, PREVIEW = "/requests/new", "/requests/preview"
WHY = "Not on call any more"


def taken(people: Any, who: str = "requester", key: str = SSH) -> TakenAway:
    take_away.take_away(
        by=people["manager"].party,
        person=people[who],
        entitlement=Entitlement.objects.get(key=key),
        why=WHY,
        origin="review-1",
    )
    return TakenAway.objects.get(entitlement__key=key)


@pytest.mark.parametrize("address", [NEW, PREVIEW])
def test_a_bookmark_of_what_was_taken_away_says_by_whom_why_and_the_way_on(
    address: str, client_for: Any, people: Any, policy: Any
) -> None:
    taken(people)
    answer = client_for(people["requester"]).get(f"{address}?entitlement={SSH}")
    page = answer.content.decode()
    assert answer.status_code == 403
    for words in ("It was not taken away from you", "Mo Adeyemi took it away on", WHY, "give it back"):
        assert words in page
    assert "10.20.1.4" not in page


def test_given_back_the_bookmark_works_again(client_for: Any, people: Any, policy: Any) -> None:
    row = taken(people)
    take_away.give_back(by=people["administrator"], taken_id=row.pk, reason="Back on call")
    assert client_for(people["requester"]).get(f"{NEW}?entitlement={SSH}").status_code == 200


@pytest.mark.parametrize("case", ["never offered", "not offered any more", "out of the catalogue"])
def test_who_could_not_ask_for_it_in_any_case_is_told_nothing(
    case: str, client_for: Any, people: Any, policy: Any
) -> None:
    who = "outsider" if case == "never offered" else "requester"
    taken(people, who)
    if case == "out of the catalogue":
        Entitlement.objects.filter(key=SSH).update(active=False)
    if case == "not offered any more":
        people[who].groups_read.clear()
    answer = client_for(people[who]).get(f"{NEW}?entitlement={SSH}")
    assert answer.status_code == 404
    assert WHY not in answer.content.decode()


def test_beside_something_that_never_was_on_offer_nothing_is_told(
    client_for: Any, people: Any, policy: Any
) -> None:
    taken(people)
    never = Entitlement.objects.exclude(key=SSH).filter(active=True)
    browser = client_for(people["requester"])
    hidden = next(one for one in never if browser.get(f"{NEW}?entitlement={one.key}").status_code == 404)
    answer = browser.get(f"{NEW}?entitlement={SSH}&entitlement={hidden.key}")
    assert answer.status_code == 404
    assert WHY not in answer.content.decode()


def test_asking_again_for_what_was_taken_away_since_says_so(
    client_for: Any, people: Any, policy: Any
) -> None:
    first = asked(people["requester"])
    taken(people)
    answer = client_for(people["requester"]).get(f"{NEW}?again={first.pk}")
    assert answer.status_code == 403
    assert WHY in answer.content.decode()
