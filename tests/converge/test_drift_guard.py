"""What somebody changes by hand in Azure: wider is put right, narrower counts as revoked, foreign is left alone."""

from datetime import timedelta
from typing import Any

import pytest

from audit_app.clock import now
from audit_app.models import Event
from requests_app.converge import converge
from requests_app.models import Arming, ContainerSnapshot, Message, Opening
from requests_app.targets.mark import describe
from tests.support.azure import activated, containers
from tests.support.convergence import OURS, WEB, at, fresh, later, opening_of, ours, run, writes

pytestmark = pytest.mark.django_db
KNOWN = "0123456789ab"


def opened(people: Any, **more: Any) -> Any:
    grant = activated(people, **more)
    run()
    grant = fresh(grant)
    assert grant.state == "open"
    return grant


def put(azure: Any, rule: dict[str, Any], **changed: Any) -> None:
    """Somebody writes this rule, with these changes, in the portal of Azure itself."""
    whole = {**rule, **changed}
    body = {key: value for key, value in whole.items() if key not in ("name", "state", "id", "etag")}
    azure.control("PUT", f"rules/{WEB}/{whole['name']}", body)


def compared() -> None:
    """Every container was compared."""
    for container in containers():
        converge(container.pk, compare=True)


def events(kind: str) -> list[Event]:
    return list(Event.objects.filter(kind=kind).order_by("id"))


def only(azure: Any) -> dict[str, Any]:
    (rule,) = ours(azure).values()
    return rule


@pytest.mark.parametrize(
    "change",
    [
        {"sourceAddressPrefix": "203.0.113.0/24"},
        {"sourceAddressPrefix": "*"},
        {"destinationPortRange": "1-65535"},
        {"destinationAddressPrefix": "10.20.1.0/24"},
        {"protocol": "*"},
        {"priority": 150},
        {"description": "kept for the weekend"},
        {"description": "latch end=2099-01-01T00:00:00Z grant=x req=1"},
    ],
    ids=str,
)
def test_what_was_widened_or_prolonged_by_hand_is_put_right_at_once(
    people: Any, azure: Any, change: dict[str, Any]
) -> None:
    grant = opened(people)
    agreed = only(azure)
    put(azure, agreed, **change)
    compared()
    now_there = only(azure)
    assert {key: now_there[key] for key in change} == {key: agreed[key] for key in change}, "still wider"
    assert fresh(grant).state == "open"
    assert fresh(grant).expires_at == grant.expires_at
    (event,) = events("grant.repaired")
    assert event.data["rule"] == opening_of(grant).name
    compared()
    assert len(events("grant.repaired")) == 1, "it was put right once, and told once"
    with at(grant.expires_at):
        run()
    assert fresh(grant).state == "closed"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"access": "Deny"}, "Deny"),
        ({"description": "latch end=2020-01-01T00:00:00Z grant=x req=1"}, "already"),
    ],
    ids=str,
)
def test_what_was_narrowed_by_hand_counts_as_revoked(
    people: Any, azure: Any, change: dict[str, Any], words: str
) -> None:
    grant = opened(people)
    put(azure, only(azure), **change)
    compared()
    grant = fresh(grant)
    assert (grant.state, grant.ended_why) == ("closed", "removed_in_azure")
    assert words in grant.ended_note
    assert not ours(azure), "what was left of it is gone too"


def test_a_rule_deleted_by_hand_is_a_revocation_with_an_alert_and_is_never_made_again(
    people: Any, azure: Any
) -> None:
    grant = opened(people)
    written = writes(azure)
    azure.control("DELETE", f"rules/{WEB}/{opening_of(grant).name}")
    compared()
    ended = fresh(grant)
    assert (ended.state, ended.ended_why) == ("closed", "removed_in_azure")
    assert ended.expires_at == grant.expires_at, "the time that was left is still known"
    (event,) = events("grant.removed_in_azure")
    assert event.outcome == "failure"
    assert Message.objects.filter(key__startswith="removed:", recipient=grant.person).count() == 1
    compared()
    with later(40):
        run()
    assert writes(azure) == written
    assert not ours(azure)


def test_one_half_deleted_by_hand_closes_the_other_half(people: Any, azure: Any) -> None:
    grant = opened(people, key="prod-web-03-ssh")
    first, second = Opening.objects.filter(grant=grant).select_related("container").order_by("pk")
    azure.control("DELETE", f"rules/{first.container.name}/{first.name}")
    compared()
    run()
    assert fresh(grant).state == "closed"
    assert not ours(azure, second.container.name)


def test_a_higher_number_given_by_hand_is_taken_over(people: Any, azure: Any) -> None:
    grant = opened(people)
    put(azure, only(azure), priority=777)
    written = writes(azure)
    compared()
    assert fresh(grant).state == "open"
    assert opening_of(grant).priority == 777
    assert writes(azure) == written


def test_a_rule_recreated_after_its_grant_closed_is_removed(people: Any, azure: Any) -> None:
    grant = opened(people)
    kept = only(azure)
    with at(grant.expires_at):
        run()
        assert fresh(grant).state == "closed"
    with at(grant.expires_at + timedelta(hours=3)):
        run()
        put(azure, kept)
        compared()
        run()
        assert not ours(azure)
    assert len(events("grant.found_open")) == 1


def orphan(azure: Any, number: int = 1, *, ends_in: float = 3600, name: str = "", **more: Any) -> str:
    """A rule with our mark stands in the group that no row of the database knows."""
    name = name or f"{OURS}{KNOWN}-{number}"
    rule = {
        "name": name,
        "priority": 300 + number,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": "9.9.9.9",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "10.20.1.4",
        "destinationPortRange": "22",
        "description": describe(KNOWN, 7, now() + timedelta(seconds=ends_in)),
    }
    put(azure, rule, **more)
    return name


@pytest.mark.parametrize("more", [{}, {"ends_in": -60}, {"description": "lost"}], ids=str)
def test_a_rule_of_ours_that_no_grant_knows_is_removed_and_told_once(
    people: Any, azure: Any, more: dict[str, Any]
) -> None:
    opened(people)
    name = orphan(azure, **more)
    compared()
    assert name not in ours(azure)
    compared()
    assert [event.data["rule"] for event in events("rule.orphan_found")] == [name]
    assert [event.data["rule"] for event in events("rule.orphan_removed")] == [name]


def test_too_many_unknown_rules_stop_the_pass_and_alert_except_those_past_their_end(
    people: Any, azure: Any, settings: Any
) -> None:
    settings.ORPHAN_LIMIT = 2
    opened(people)
    kept = {orphan(azure, number) for number in range(1, 4)}
    over = orphan(azure, 4, ends_in=-1)
    compared()
    assert set(ours(azure)) > kept
    assert over not in ours(azure)
    assert len(events("rule.orphans_stopped")) == 1
    compared()
    assert len(events("rule.orphans_stopped")) == 1, "told once, for as long as it stays so"
    for name in kept:
        azure.control("DELETE", f"rules/{WEB}/{name}")
    compared()


@pytest.mark.parametrize(
    "name", [f"latch-prod-{KNOWN}-1", f"latch-test-{KNOWN}", "latch-test", "latch-test-2-0123456789ab-1"]
)
def test_what_another_portal_or_person_named_is_foreign(
    people: Any, azure: Any, watch: Any, name: str
) -> None:
    opened(people)
    orphan(azure, name=name, ends_in=-600)
    watch.accept()
    compared()
    assert name in azure.rules(WEB)


def test_a_close_only_portal_opens_nothing_and_believes_nothing_but_closes(people: Any, azure: Any) -> None:
    held, gone = opened(people), opened(people, key="prod-web-02-ssh")
    left, over = orphan(azure, 1), orphan(azure, 2, ends_in=-60)
    azure.control("DELETE", f"rules/{WEB}/{opening_of(gone).name}")
    Arming.objects.update(fingerprint="another database")
    compared()
    assert left in ours(azure), "the other database may know it"
    assert over not in ours(azure), "past its end it goes, whoever made it"
    assert fresh(gone).state == "open", "nothing is concluded from what is missing"
    with at(fresh(held).expires_at):
        run()
    assert fresh(held).state == fresh(gone).state == "closed"
    azure.control("DELETE", f"rules/{WEB}/{left}")


def test_a_close_only_portal_opens_nothing_that_waits(people: Any, azure: Any) -> None:
    grant = activated(people)
    Arming.objects.update(armed=False)
    run()
    assert fresh(grant).state == "opening"
    assert not ours(azure)
    Arming.objects.update(armed=True)
    with later(40):
        run()
        assert fresh(grant).state == "open"


def test_foreign_rules_in_the_way_are_told_once_and_never_touched(
    people: Any, azure: Any, watch: Any
) -> None:
    grant = opened(people)
    put(azure, only(azure), name="let-everyone-in", priority=190, sourceAddressPrefix="*", description="")
    watch.accept()
    compared()
    compared()
    (event,) = events("rule.foreign_found")
    assert "let-everyone-in" in event.why
    assert event.data["grant"] == str(grant.uid)
    (entry,) = ContainerSnapshot.objects.get(container__openings__grant=grant).foreign
    assert "let-everyone-in" in entry["sentence"]
    assert fresh(grant).state == "open"


def test_a_reading_older_than_what_is_known_concludes_nothing(people: Any, azure: Any) -> None:
    """A worker asked Azure before the rule was written, stood still, and goes on after another one opened it."""
    from requests_app.converge.observe import Reading, observe
    from requests_app.targets.base import ContainerState

    before = now()
    grant = opened(people)
    container = containers()[0]
    stale = Reading(ContainerState(container.azure_id, "westeurope", ()), before, now(), armed=True)
    observe(Opening.objects.filter(grant=grant).select_related("grant", "container"), stale)
    assert fresh(grant).state == "open"
    assert opening_of(grant).observed == "present"
