"""The whole story, action by action, with the real SDK over the wire: ask, approve twice, activate, open, close."""

from datetime import timedelta

import pytest

from audit_app.clock import now
from audit_app.models import Event
from requests_app.actions import end
from requests_app.converge import converge
from requests_app.models import Grant, Message
from tests.support.azure import activated, containers
from tests.support.convergence import at

pytestmark = pytest.mark.django_db


def run() -> None:
    for container in containers():
        converge(container.pk)


def test_approved_access_opens_one_rule_and_closes_it_when_time_is_up(people, policy, azure):
    grant = activated(people)
    run()

    grant.refresh_from_db()
    assert grant.state == "open", grant.ended_note
    ours = [rule for name, rule in azure.rules("nsg-prod-web").items() if name.startswith("latch-test-")]
    assert len(ours) == 1
    assert grant.expires_at - grant.opened_at == timedelta(minutes=30)

    with at(grant.expires_at + timedelta(milliseconds=1)):
        run()

    grant.refresh_from_db()
    assert grant.state == "closed"
    assert grant.ended_why == "expired"
    assert not [name for name in azure.rules("nsg-prod-web") if name.startswith("latch-")]
    assert (grant.closed_at - grant.ending_at).total_seconds() < 5


def test_every_step_stands_in_the_trail_once_and_in_order(people, policy, azure):
    grant = activated(people)
    run()
    end.end_now(by=people["requester"], grant_id=grant.pk)
    run()

    story = Event.objects.filter(story=f"request-{grant.access_request_id}").order_by("id")
    assert [event.kind for event in story] == [
        "request.submitted",
        "stage.started",
        "decision.approved",
        "stage.approved",
        "stage.started",
        "decision.approved",
        "stage.approved",
        "request.approved",
        "grant.issued",
        "code.minted",
        "code.spent",
        "grant.activated",
        "grant.opened",
        "grant.ended",
        "grant.closed",
    ]


def test_the_rule_lets_in_the_requester_alone_to_the_private_address_and_says_its_end(people, policy, azure):
    grant = activated(people)
    run()
    grant.refresh_from_db()

    (rule,) = (r for n, r in azure.rules("nsg-prod-web").items() if n.startswith("latch-test-"))
    said = rule.get("properties", rule)
    assert said["access"] == "Allow"
    assert said["sourceAddressPrefix"].removesuffix("/32") == grant.source_address
    assert said["destinationAddressPrefix"].removesuffix("/32") == "10.20.1.4"
    assert said["destinationPortRange"] == "22" or said["destinationPortRanges"] == ["22"]
    assert f"end={grant.hard_end:%Y-%m-%dT%H:%M}" in said["description"]


def test_azure_is_sent_the_correlation_id_that_the_trail_carries(people, policy, azure):
    grant = activated(people)
    run()

    opened = Event.objects.get(kind="grant.opened", object_id=str(grant.uid))
    writes = [call for call in azure.calls() if call["method"] == "PUT"]
    assert [call["correlation_id"] for call in writes] == [opened.correlation_id]
    assert opened.correlation_id == grant.access_request.correlation_id


def test_ending_early_closes_at_once_and_says_so_to_the_requester(people, policy, azure):
    grant = activated(people)
    run()
    end.end_now(by=people["requester"], grant_id=grant.pk)
    run()

    grant.refresh_from_db()
    assert (grant.state, grant.ended_why) == ("closed", "ended")
    assert grant.expires_at > now()
    kinds = list(Message.objects.filter(recipient=people["requester"]).values_list("kind", flat=True))
    assert kinds == ["decided", "opened", "closed"]


def test_a_machine_behind_two_groups_gets_both_rules_or_neither(people, policy, azure):
    grant = activated(people, key="prod-web-03-ssh")
    first, second = containers()
    converge(first.pk)
    grant.refresh_from_db()
    assert grant.state == "opening", "one of two groups is not open"
    converge(second.pk)
    grant.refresh_from_db()
    assert grant.state == "open"

    end.end_now(by=people["requester"], grant_id=grant.pk)
    run()
    run()
    grant = Grant.objects.get(pk=grant.pk)
    assert grant.state == "closed"
    assert not [
        n for nsg in ("nsg-prod-web", "nsg-prod-web-nic") for n in azure.rules(nsg) if n.startswith("latch-")
    ]
