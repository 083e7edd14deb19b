"""What the schema refuses by itself, whoever writes: every CHECK and every unique constraint, a row each."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from audit_app.clock import now
from audit_app.lifecycle import Machine, Stale, move
from audit_app.models import Event
from requests_app.actions.stages import WORKFLOW
from requests_app.models import (
    AccessRequest,
    Decision,
    Grant,
    LatchCode,
    Opening,
    PolicyVersion,
    RequestItem,
    Stage,
)
from tests.support.azure import activated, approved, asked

pytestmark = pytest.mark.django_db


@pytest.fixture
def grant(people, policy):
    """A grant that is opening, with everything that led to it."""
    return activated(people)


def _again(row, **changed):
    """Return the row as a second one."""
    row.pk, row._state.adding = None, True
    for name, value in changed.items():
        setattr(row, name, value)
    row.save()


CHECKS = [
    ("request_state_known|request_decided_has_time", AccessRequest, {"state": "maybe"}),
    ("request_decided_has_time", AccessRequest, {"decided_at": None}),
    ("request_has_reason", AccessRequest, {"reason": ""}),
    ("stage_quorum_positive", Stage, {"quorum": 0}),
    ("stage_state_known", Stage, {"state": "maybe"}),
    ("stage_approvers_known", Stage, {"approver_kind": "group", "approver_group": None}),
    ("denial_says_why", Decision, {"vote": "deny", "reason": ""}),
    ("decision_vote_known", Decision, {"vote": "maybe"}),
    ("grant_state_known|grant_end_says_why", Grant, {"state": "ajar"}),
    ("grant_open_has_times", Grant, {"state": "open"}),
    ("grant_opening_has_end", Grant, {"hard_end": None}),
    ("grant_end_says_why", Grant, {"state": "closing", "ended_why": "expired"}),
    ("grant_end_says_why", Grant, {"ended_why": "expired"}),
    ("grant_closed_has_time", Grant, {"state": "closed", "ended_why": "expired", "ending_at": now()}),
    ("grant_closed_has_time", Grant, {"closed_at": now()}),
    ("grant_never_past_hard_end", Grant, {"expires_at": now() + timedelta(days=1)}),
    ("opening_desired_known", Opening, {"desired": "ajar"}),
    ("opening_observed_known", Opening, {"observed": "ajar"}),
    ("code_spent_or_revoked", LatchCode, {"revoked_at": now()}),
]


@pytest.mark.parametrize(
    ("name", "model", "values"), CHECKS, ids=[f"{r[0]}-{'-'.join(r[2])}" for r in CHECKS]
)
def test_the_schema_refuses_a_row_that_breaks(grant, name, model, values):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        model.objects.filter(pk=model.objects.first().pk).update(**values)


TWICE = [
    ("request_form_once", AccessRequest, {}),
    ("item_once", RequestItem, {}),
    ("stage_position_once", Stage, {}),
    ("decision_once_per_person", Decision, {}),
    ("grant_one_per_item", Grant, {"uid": uuid4()}),
    ("opening_once", Opening, {"name": "another"}),
    ("code_one_live_per_request", LatchCode, {"jti": uuid4(), "digest": "another"}),
    ("policy_one_active", PolicyVersion, {"hash": "another"}),
]


@pytest.mark.parametrize(("name", "model", "changed"), TWICE, ids=[row[0] for row in TWICE])
def test_the_schema_refuses_a_second(grant, name, model, changed):
    if model is LatchCode:
        LatchCode.objects.update(spent_at=None)
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        _again(model.objects.first(), **changed)


def test_a_move_from_a_wrong_state_changes_nothing_and_says_nothing(people, policy):
    grant = Grant.objects.get(access_request=approved(people))
    for event, transition in Machine.of(grant).transitions.items():
        if grant.state in transition.sources:
            continue
        before = Event.objects.count()
        with pytest.raises(Stale, match="Nothing was changed"):
            move(grant, event, by=WORKFLOW, ended_why="expired")
        grant.refresh_from_db()
        assert (grant.state, grant.ended_why) == ("issued", "")
        assert Event.objects.count() == before


@pytest.mark.parametrize("model", [AccessRequest, Stage, Grant])
def test_every_arrow_starts_and_ends_in_a_state_of_its_model(model):
    known = set(model.State.values)
    for transition in Machine.registry[model._meta.label].transitions.values():
        assert {*transition.sources, transition.target} <= known, transition.event


def test_a_move_is_told_once_with_who_did_it(people, policy):
    access_request = asked(people["requester"])
    move(access_request, "withdraw", by=people["requester"].party, decided_at=now(), lapses_at=None)
    event = Event.objects.get(kind="request.withdrawn")
    assert event.actor_id == people["requester"].identity
    assert event.story == access_request.story
