"""What stands in Entra behind a context: read over the wire from the pretend Graph, told once, shown, never guessed."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from audit_app.clock import now
from audit_app.models import Event
from latchportal.devcloud.identity import HEADER
from requests_app import context, preview, sign_in_contexts, tasks
from requests_app.models import Entitlement, Heartbeat
from requests_app.targets.azure_cloud import AzureConfig
from requests_app.targets.conditional_access import policies_in_force
from requests_app.targets.graph import GraphReader
from tests.support.azure import address_of
from tests.support.devcloud import Devcloud, running_devcloud
from tests.support.organisation import the_world

pytestmark = pytest.mark.django_db
NAME = "Second factor for dangerous doors"
_made = iter(range(1_000_000))


@pytest.fixture(scope="module")
def _devcloud() -> Iterator[Devcloud]:
    with running_devcloud() as running:
        yield running


@pytest.fixture
def graph(_devcloud: Devcloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Devcloud]:
    """The pretend Graph, its policies as the file says."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{_devcloud.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    yield _devcloud
    _devcloud.control("DELETE", "tenant")
    _devcloud.control("POST", "graph", {"times": 0})


def reader(graph: Devcloud) -> GraphReader:
    """A reader with a credential of its own, so that its token says what the identity may do now."""
    config = AzureConfig(
        arm_endpoint=graph.url,
        graph_endpoint=graph.url,
        client_id=the_world().principals[0].client_id,
        allow_cleartext_loopback=True,
        read_timeout=5.0 + next(_made) / 1000,
    )
    return GraphReader(config, deadline_seconds=5)


def kinds() -> list[str]:
    told = Event.objects.filter(object_kind="authentication_context").order_by("id")
    return list(told.values_list("kind", flat=True))


def test_a_policy_in_force_stands_behind_its_context(graph: Devcloud, policy: Any) -> None:
    assert sign_in_contexts.refresh(reader(graph)) == {"c1": "kept"}
    (standing,) = sign_in_contexts.standings()
    assert (standing.word, standing.sentence) == ("Kept", f"Behind c1 stands “{NAME}”.")
    assert sign_in_contexts.void(["c1"]) == {}
    assert kinds() == []


@pytest.mark.parametrize("state", ["disabled", "enabledForReportingButNotEnforced"])
def test_one_that_is_not_in_force_does_not_and_it_is_told_once(
    graph: Devcloud, policy: Any, state: str
) -> None:
    graph.control("POST", "tenant", {"policy": NAME, "state": state})
    for _ in range(3):
        assert sign_in_contexts.refresh(reader(graph)) == {"c1": "void"}
    assert kinds() == ["signin.context_void"]
    assert "so it proves nothing" in Event.objects.latest("id").why
    assert "Conditional Access policy on c1" in sign_in_contexts.standings()[0].way_on
    graph.control("POST", "tenant", {"policy": NAME, "state": "enabled"})
    sign_in_contexts.refresh(reader(graph))
    assert kinds() == ["signin.context_void", "signin.context_kept"]


def test_one_that_leaves_people_out_is_told_apart(graph: Devcloud, policy: Any) -> None:
    graph.control("POST", "tenant", {"policy": NAME, "exclude": [the_world().person("ada").oid]})
    assert sign_in_contexts.refresh(reader(graph)) == {"c1": "partly"}
    assert "not for everybody" in sign_in_contexts.standings()[0].sentence


def test_what_can_not_be_read_is_unchecked_and_not_called_void(graph: Devcloud, policy: Any) -> None:
    graph.control("POST", "tenant", {"graph_roles": ["User.Read.All"]})
    assert sign_in_contexts.refresh(reader(graph)) == {"c1": "unchecked"}
    (standing,) = sign_in_contexts.standings()
    assert standing.word == "Not checked"
    assert "Policy.Read.ConditionalAccess" in standing.way_on
    assert sign_in_contexts.void(["c1"]) == {}
    assert Heartbeat.objects.get(name="sign_in_contexts").data["error"] == "forbidden"


def test_a_failure_between_two_readings_tells_nothing_twice(graph: Devcloud, policy: Any) -> None:
    graph.control("POST", "tenant", {"policy": NAME, "state": "disabled"})
    sign_in_contexts.refresh(reader(graph))
    graph.control("POST", "graph", {"status": 500, "times": 1})
    assert sign_in_contexts.refresh(reader(graph)) == {"c1": "unchecked"}
    sign_in_contexts.refresh(reader(graph))
    assert kinds() == ["signin.context_void"]


def test_an_old_reading_says_nothing_of_today(graph: Devcloud, policy: Any) -> None:
    sign_in_contexts.refresh(reader(graph))
    with time_machine.travel(now() + timedelta(minutes=16), tick=False):
        assert sign_in_contexts.standings()[0].state == "unchecked"


def test_an_earlier_reading_does_not_overtake_a_later_one(graph: Devcloud, policy: Any) -> None:
    sign_in_contexts.refresh(reader(graph))
    graph.control("POST", "tenant", {"policy": NAME, "state": "disabled"})
    with time_machine.travel(now() - timedelta(minutes=1), tick=False):
        sign_in_contexts.refresh(reader(graph))
    assert sign_in_contexts.standings()[0].state == "kept"


def test_where_policy_asks_for_no_context_graph_is_not_read(db: None) -> None:
    nowhere = AzureConfig(
        arm_endpoint="http://127.0.0.1:1", graph_endpoint="http://127.0.0.1:1", allow_cleartext_loopback=True
    )
    assert sign_in_contexts.refresh(GraphReader(nowhere, deadline_seconds=1)) == {}
    assert sign_in_contexts.standings() == []


def test_every_page_of_policies_is_read(graph: Devcloud) -> None:
    found = policies_in_force(reader(graph))
    assert [(one.name, one.contexts, one.everybody) for one in found] == [(NAME, frozenset({"c1"}), True)]


def test_the_task_reads_with_the_workers_own_identity_and_twice_is_as_once(
    graph: Devcloud, policy: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support.azure import pointed_at

    with pointed_at(graph, settings, monkeypatch):
        tasks.contexts()
        tasks.contexts()
    assert sign_in_contexts.standings()[0].state == "kept"


def database(people: Any) -> context.Ask:
    one = Entitlement.objects.select_related("resource").get(key="prod-db-01-psql")
    reason = "The nightly import stands still, I look at the locks"
    return context.Ask(one, timedelta(minutes=30), reason, "CHG-2214", address_of(people["tomas"]))


def test_the_verdict_warns_of_a_void_demand_and_does_not_refuse(
    graph: Devcloud, people: Any, policy: Any
) -> None:
    graph.control("POST", "tenant", {"policy": NAME, "state": "disabled"})
    sign_in_contexts.refresh(reader(graph))
    tomas, moment = people["tomas"], now()
    shows = {"auth_time": moment.isoformat(), "acrs": ["c1"]}
    seen = preview.preview(tomas, database(people), observed=address_of(tomas), now=moment, sign_in=shows)
    assert seen.verdict.allowed, seen.verdict.failed
    warned = [check for check in seen.verdict.checks if check.name == "sign_in_context"]
    assert [check.outcome for check in warned] == ["warn"]
    assert "gives it to everybody" in warned[0].reason


def test_the_status_page_says_it_loudly(graph: Devcloud, people: Any, policy: Any, client_for: Any) -> None:
    client = client_for(people["requester"])
    assert "could not be read from Graph" in client.get("/status/").content.decode()
    sign_in_contexts.refresh(reader(graph))
    assert "Behind c1 stands" in client.get("/status/").content.decode()
    graph.control("POST", "tenant", {"policy": NAME, "state": "disabled"})
    sign_in_contexts.refresh(reader(graph))
    page = client.get("/status/").content.decode()
    assert "A demand of policy is void." in page
    assert "set a Conditional Access policy on c1" in page
