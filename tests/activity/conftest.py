"""A site that reads the pretend Azure's Activity Log, and an auditor who looks at one story of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest

from audit_app import tasks
from audit_app.models import ActivityReading
from latchportal.devcloud.activity import WORKSPACE
from requests_app import gateways, wake
from requests_app.models import Grant
from tests.support.convergence import fresh, run
from tests.support.devcloud import Devcloud

OPERATION = "Microsoft.Network/networkSecurityGroups/securityRules"


@dataclass
class Looking:
    """An auditor before one story, the worker behind the page, and the log in Azure."""

    azure: Devcloud
    client: Any
    woken: list[tuple[str, int]]
    grant: Grant
    commits: Any

    @property
    def address(self) -> str:
        """Where the story is beside Azure's log."""
        return f"/audit/stories/request-{self.grant.access_request_id}/activity/"

    @property
    def entity(self) -> str:
        """The whole id of the grant's rule in Azure."""
        opening = self.grant.openings.select_related("container").get()
        return f"{opening.container.azure_id}/securityRules/{opening.name}"

    @property
    def reading(self) -> ActivityReading:
        """What was read last."""
        return ActivityReading.objects.get()

    def shown(self) -> str:
        """What the page says, without its tags."""
        answer = self.client.get(self.address)
        assert answer.status_code == 200
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))

    def ask(self) -> None:
        """The button was pressed."""
        with self.commits(execute=True):
            answer = self.client.post(f"{self.address}read")
        assert (answer.status_code, answer["Location"]) == (302, self.address)

    def work(self) -> None:
        """A worker did what it was woken for."""
        while self.woken:
            _, reading_id = self.woken.pop(0)
            tasks.read_activity(reading_id)

    def compared(self) -> str:
        """What the page says after the button was pressed and a worker came."""
        self.ask()
        self.work()
        return self.shown()

    def by_hand(self, **more: Any) -> None:
        """Somebody changed the grant's rule, says Azure."""
        added = {
            "entity": self.entity,
            "action": f"{OPERATION}/write",
            "caller": "mallory@example.org",
            **more,
        }
        self.azure.control("POST", "activity", {"add": added})

    def fault(self, name: str, **more: Any) -> None:
        """Azure's next answer to a query is this."""
        self.azure.fault(name, match={"method": "QUERY"}, **more)


@pytest.fixture
def switched_on(azure: Devcloud, settings: Any) -> Iterator[Devcloud]:
    """The site was told which workspace has the log."""
    settings.LOG_ANALYTICS_WORKSPACE = WORKSPACE
    settings.LOG_ANALYTICS_ENDPOINT = azure.url
    gateways.azure_config.cache_clear()
    yield azure
    gateways.azure_config.cache_clear()


@pytest.fixture
def looking(
    switched_on: Devcloud,
    people: Any,
    policy: Any,
    client_for: Any,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> Looking:
    """An auditor before the story of a right that is open, read back from Azure."""
    from tests.support.azure import opened

    woken: list[tuple[str, int]] = []
    grant = opened(people)
    monkeypatch.setattr(wake, "_send", lambda name, row: woken.append((name, row)))
    return Looking(
        switched_on, client_for(people["auditor"]), woken, grant, django_capture_on_commit_callbacks
    )


def closed(people: Any, looking: Looking) -> None:
    """The grant's holder ended it, and its rule is gone."""
    from requests_app.actions import end

    end.end_now(by=people["requester"], grant_id=looking.grant.pk)
    run()
    assert fresh(looking.grant).state == Grant.State.CLOSED
