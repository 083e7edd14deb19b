"""Whether every stage can be decided by the people there are."""

import pytest

from requests_app.policy.evaluate import evaluate
from requests_app.policy.facts import Approver
from tests.policy.makers import POLICY, REQUESTER, STAGES, STRICT, attempt, policy, refused_by


def test_the_requester_never_counts_as_their_own_approver() -> None:
    own = {"manager": (Approver(REQUESTER, "Ada"),), "security": (Approver("sol", "Sol"),)}
    assert refused_by(evaluate(POLICY, attempt(approvers=own))) == ["stage_manager"]


def test_one_person_cannot_carry_two_stages() -> None:
    same = {"manager": (Approver("mo", "Mo"),), "security": (Approver("mo", "Mo"),)}
    verdict = evaluate(POLICY, attempt(approvers=same))
    assert refused_by(verdict) == ["stage_security"]
    assert "Nobody may decide two stages" in verdict.failed[0].reason


def test_people_are_spread_over_stages_so_that_all_can_be_decided() -> None:
    spread = {"manager": (Approver("mo", "Mo"),), "security": (Approver("mo", "Mo"), Approver("sol", "Sol"))}
    assert evaluate(POLICY, attempt(approvers=spread)).allowed


def test_a_quorum_needs_as_many_people() -> None:
    two = policy(stages=STAGES.replace("quorum: 1", "quorum: 2"))
    assert evaluate(two, attempt()).allowed
    one = {**attempt().approvers, "security": (Approver("sol", "Sol"), Approver("sol", "Sol again"))}
    verdict = evaluate(two, attempt(approvers=one))
    assert refused_by(verdict) == ["stage_security"]
    assert "needs 2 of the group security, and only 1 person" in verdict.failed[0].reason


@pytest.mark.parametrize(("stage", "words"), [("manager", "no manager"), ("owner", "no owner")])
def test_who_is_missing_is_said_in_words(stage: str, words: str) -> None:
    verdict = evaluate(STRICT, attempt(ticket="INC-2214", approvers={**attempt().approvers, stage: ()}))
    assert words in verdict.failed[0].reason


def test_a_stage_that_goes_short_does_not_drag_the_next_one_down() -> None:
    mo = (Approver("mo", "Mo"),)
    verdict = evaluate(
        STRICT, attempt(ticket="INC-2214", approvers={**attempt().approvers, "manager": mo, "owner": mo})
    )
    assert refused_by(verdict) == ["stage_owner"]
