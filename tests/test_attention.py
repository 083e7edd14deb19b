"""What waits for somebody is exactly what they may decide: the inbox and the guard ask one question."""

from datetime import timedelta

import pytest

from audit_app.clock import now
from requests_app import attention, deciders
from requests_app.actions import decide
from requests_app.models import DirectoryGroup, Entitlement, Grant, Person, Resource, Stage
from tests.support.azure import activated, active_stage, asked

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(people, policy):
    """Requests of several people, in every kind of stage: manager, group and owner."""
    asked(people["requester"])
    second = asked(people["requester"], key="prod-web-02-ssh")
    decide.decide(by=people["manager"], stage_id=active_stage(second).pk, vote="approve")
    asked(people["requester"], key="stg-web-01-ssh")
    asked(people["security"], key="prod-logs-01-search", reason="Looking into the incident of last night")
    return Stage.objects.filter(state="active")


def _as_it_is():
    pass


def _everybody_grows_old():
    Person.objects.update(directory_read_at=now() - timedelta(seconds=301))


def _approvers_grow_old():
    Person.objects.exclude(access_requests__isnull=False).update(
        directory_read_at=now() - timedelta(seconds=301)
    )


def _requesters_grow_old():
    Person.objects.filter(access_requests__isnull=False).update(
        directory_read_at=now() - timedelta(seconds=301)
    )


def _groups_grow_old():
    DirectoryGroup.objects.update(read_at=now() - timedelta(seconds=301))


def _groups_were_never_read():
    DirectoryGroup.objects.update(read_at=None)


def _approvers_are_disabled():
    Person.objects.exclude(access_requests__isnull=False).update(enabled=False)


def _nobody_is_known():
    Person.objects.update(enabled=None)


def _owners_are_gone():
    Resource.objects.update(owner_oid=None)


def _another_tenant():
    Person.objects.exclude(access_requests__isnull=False).update(tid="99999999-0000-4000-8000-000000000000")


CHANGES = [
    _as_it_is,
    _everybody_grows_old,
    _approvers_grow_old,
    _requesters_grow_old,
    _groups_grow_old,
    _groups_were_never_read,
    _approvers_are_disabled,
    _nobody_is_known,
    _owners_are_gone,
    _another_tenant,
]


@pytest.mark.parametrize("change", CHANGES, ids=[change.__name__.strip("_") for change in CHANGES])
def test_the_inbox_holds_exactly_what_each_person_may_decide(waiting, change):
    assert {stage.approver_kind for stage in waiting} == {"manager", "group", "owner"}
    change()
    moment, found = now(), 0
    for person in Person.objects.all():
        may = {
            stage.pk
            for stage in waiting.select_related("access_request__requester")
            if any(one.person == person for one in deciders.of_stage(stage, stage.access_request, moment))
        }
        inbox = set(attention.inbox(person).values_list("pk", flat=True))
        assert inbox == may, f"{person}: the inbox says {inbox}, the guard {may}"
        assert attention.waiting(person)["inbox"] == len(may)
        found += len(may)
    assert found or change is not _as_it_is, "the organisation had nobody to decide anything"


def test_a_bundle_of_two_owners_is_in_nobodys_inbox(waiting, people):
    stage = waiting.get(approver_kind="owner")
    other = Entitlement.objects.filter(resource__environment="build").first()
    stage.access_request.items.create(entitlement=other, verdict={})
    for person in Person.objects.all():
        assert stage not in attention.inbox(person)
        assert deciders.standing(person, stage, stage.access_request, now()) is None


@pytest.mark.parametrize(
    ("state", "fields", "late"),
    [
        ("closing", {"ending_at": 59, "ended_why": "expired"}, False),
        ("closing", {"ending_at": 61, "ended_why": "expired"}, True),
        ("open", {"expires_at": 61, "hard_end": 30, "opened_at": 100}, True),
        ("open", {"expires_at": 59, "hard_end": 30, "opened_at": 100}, False),
        ("closed", {"ending_at": 600, "closed_at": 5, "ended_why": "expired"}, False),
    ],
)
def test_a_closing_is_overdue_after_a_minute(people, policy, state, fields, late):
    grant = activated(people)
    times = {
        name: value if isinstance(value, str) else now() - timedelta(seconds=value)
        for name, value in fields.items()
    }
    Grant.objects.filter(pk=grant.pk).update(state=state, **times)
    assert (attention.overdue_count() == 1) is late


def test_a_grant_that_hangs_in_opening_past_its_hard_end_is_overdue(people, policy):
    grant = activated(people)
    Grant.objects.filter(pk=grant.pk).update(hard_end=now() - timedelta(seconds=61))
    assert list(attention.overdue()) == [grant]


def test_each_stage_finds_its_request_by_key_and_not_among_all_that_waits(people):
    # Measured with 2,000 that wait among 100,000: with this condition the index of all that is undecided was gone through
    # for each stage anew, which took a second instead of ten milliseconds. A small database plans otherwise.
    assert '"requests_app_accessrequest"."state" = ' not in str(attention.inbox(people["manager"]).query)
