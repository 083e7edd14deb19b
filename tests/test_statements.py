"""What one step may cost the database: statements are counted here, never timed."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from requests_app.actions.codes import cancel
from requests_app.actions.submit import withdraw
from requests_app.models import AccessRequest, Stage
from tests.conftest import ClientFor
from tests.support.azure import REASON, active_stage, approved, asked
from tests.support.organisation import Organisation

# Two of each ask who stands in for whom; approving also keeps what the approver had before them.
ASKING, APPROVING = 30, 34
FRAMES = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")

pytestmark = pytest.mark.usefixtures("policy")


def statements(step: Callable[[], Any]) -> list[str]:
    """Return the statements of a step that was answered with a redirect, those that frame a transaction left out."""
    with CaptureQueriesContext(connection) as captured:
        answer = step()
    assert answer.status_code == 302, f"answered {answer.status_code}: {answer.content[:400]!r}"
    return [query["sql"] for query in captured.captured_queries if not query["sql"].startswith(FRAMES)]


def test_asking_takes_a_bounded_number_of_statements(people: Organisation, client_for: ClientFor) -> None:
    client = client_for(people["requester"])
    client.get("/")
    form = {
        "entitlement": "stg-web-01-ssh",
        "submission_key": str(uuid4()),
        "duration": "30m",
        "reason": REASON,
        "source": client.defaults["REMOTE_ADDR"],
    }
    found = statements(lambda: client.post("/requests/new", form))
    assert AccessRequest.objects.count() == 1
    assert len(found) <= ASKING, "\n".join(found)


def test_approving_takes_a_bounded_number_of_statements(people: Organisation, client_for: ClientFor) -> None:
    access_request = asked(people["requester"], key="stg-web-01-ssh")
    stage = active_stage(access_request)
    client = client_for(people["manager"])
    client.get("/")
    found = statements(lambda: client.post(f"/stages/{stage.pk}/decide", {"vote": "approve"}))
    stage.refresh_from_db()
    assert stage.state == Stage.State.APPROVED
    assert len(found) <= APPROVING, "\n".join(found)


def test_what_a_request_is_for_is_read_once(people: Organisation) -> None:
    access_request = AccessRequest.objects.select_related("requester").get(
        pk=asked(people["requester"], key="stg-web-01-ssh").pk
    )
    first = access_request.about()
    with CaptureQueriesContext(connection) as captured:
        again = access_request.about()
    assert again == first
    assert first.label, "the trail would not say what was asked for"
    assert not captured.captured_queries


def test_what_somebody_has_under_way_is_found_without_reading_all_they_ever_asked(
    people: Organisation, client_for: ClientFor
) -> None:
    person = people["requester"]
    waiting = asked(person, key="stg-web-01-ssh")
    held = approved(people)
    over = approved(people, key="prod-app-01-ssh")
    withdraw(by=person, access_request_id=asked(person, key="stg-web-02-ssh").pk)
    cancel(by=person, access_request_id=over.pk)
    answer = client_for(person).get("/catalogue/")
    under_way = {offer.entitlement.key: offer.under_way for offer in answer.context["offers"]}
    assert {key: pk for key, pk in under_way.items() if pk} == {
        "stg-web-01-ssh": waiting.pk,
        "prod-web-01-ssh": held.pk,
    }
