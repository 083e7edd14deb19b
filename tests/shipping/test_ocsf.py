"""OCSF: rights are User Access Management, all else is Entity Management, and every object has what its class requires."""

from typing import Any

import pytest

from audit_app.shipping import ocsf
from audit_app.words import known_kinds
from tests.shipping.makers import ADA, MO, TENANT, event

# What 1.5 requires of every event, and of each class.
REQUIRED = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
OF_CLASS = {3004: {"entity"}, 3005: {"user"}}


def told(kind: str = "grant.opened", **changes: Any) -> dict[str, Any]:
    return ocsf.told(event(kind, **changes), sentence="Opened it", instance="harbour", version="0.1.0")


@pytest.mark.parametrize(
    ("kind", "class_uid", "activity_id", "activity_name"),
    [
        ("grant.opened", 3005, 1, "Assign Privileges"),
        ("grant.closed", 3005, 2, "Revoke Privileges"),
        ("grant.issued", 3005, 99, "issued"),
        ("grant.revoked", 3005, 99, "revoked"),
        ("grants.revoked_all", 3005, 99, "revoked_all"),
        ("code.minted", 3005, 99, "minted"),
        ("request.submitted", 3004, 1, "Create"),
        ("request.approved", 3004, 3, "Update"),
        ("request.withdrawn", 3004, 4, "Delete"),
        ("decision.denied", 3004, 3, "Update"),
        ("review_item.kept", 3004, 3, "Update"),
        ("export.started", 3004, 2, "Read"),
        ("signin.refused", 3004, 99, "refused"),
    ],
)
def test_each_kind_has_its_class_and_activity(
    kind: str, class_uid: int, activity_id: int, activity_name: str
) -> None:
    found = told(kind)
    assert (found["class_uid"], found["activity_id"]) == (class_uid, activity_id)
    assert found["activity_name"] == activity_name
    assert found["type_uid"] == class_uid * 100 + activity_id


def test_every_kind_has_what_its_class_requires() -> None:
    for kind in (*known_kinds(), "something.new"):
        found = told(kind, object_label="", object_kind="", object_id="", resource_label="", subject_id="")
        assert found.keys() >= REQUIRED | OF_CLASS[found["class_uid"]], kind
        if found["class_uid"] == 3004:
            assert found["entity"]["name"]
        else:
            assert found["user"]["uid"] == ADA, "without a subject it is the actor's own right"


def test_a_grant_names_whose_it_is_and_what_it_opens() -> None:
    found = told()
    assert found["user"] == {"uid": MO, "name": "Mo Adeyemi", "org": {"uid": TENANT}}
    assert found["privileges"] == ["SSH to prod-web-01"]
    assert found["resources"] == [{"name": "prod-web-01"}]
    assert found["actor"]["user"]["uid"] == ADA
    assert found["src_endpoint"] == {"ip": "81.2.69.142"}


def test_a_repetition_is_known_by_the_events_own_id() -> None:
    found = told()["metadata"]
    assert found["uid"] == "44444444-4444-4444-8444-444444444444"
    assert (found["correlation_uid"], found["version"]) == ("c-1", "1.5.0")


def test_time_is_in_milliseconds_and_a_refusal_is_a_failure() -> None:
    found = told(outcome="refused", why="Not yours")
    assert found["time"] == 1795680000123
    assert (found["status_id"], found["status_detail"]) == (2, "Not yours")


@pytest.mark.parametrize(("outcome", "status"), [("success", 1), ("failure", 2)])
def test_an_alert_is_of_weight_whatever_came_of_what_it_saw(outcome: str, status: int) -> None:
    found = told("alert.raised", outcome=outcome)
    assert (found["status_id"], found["severity_id"]) == (status, 3)


def test_a_part_of_the_portal_is_an_app() -> None:
    found = told(actor_id="system:convergence", actor_label="latchportal convergence")
    assert found["actor"] == {"app_name": "latchportal convergence", "app_uid": "system:convergence"}
