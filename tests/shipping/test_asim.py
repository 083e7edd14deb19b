"""ASIM AuditEvent: each kind of event in Microsoft's words, and every row within what the stream declares."""

from typing import Any

import pytest

from audit_app.shipping import asim
from audit_app.words import known_kinds
from latchportal.devcloud import streams
from tests.shipping.makers import ADA, TENANT, event


def row(kind: str = "grant.opened", **changes: Any) -> dict[str, Any]:
    return asim.row(event(kind, **changes), sentence="Opened it", instance="harbour", version="0.1.0")


@pytest.mark.parametrize(
    ("kind", "event_type", "object_type", "sub_type"),
    [
        ("grant.opened", "Create", "Policy Rule", "opened"),
        ("grant.closed", "Delete", "Policy Rule", "closed"),
        ("grant.activated", "Enable", "Policy Rule", "activated"),
        ("grant.revoked", "Disable", "Policy Rule", "revoked"),
        ("grant.expired", "Disable", "Policy Rule", "expired"),
        ("grant.extended", "Set", "Policy Rule", "extended"),
        ("grants.revoked_all", "Disable", "Policy Rule", "revoked_all"),
        ("rule.orphan_removed", "Delete", "Policy Rule", "orphan_removed"),
        ("request.submitted", "Create", "Other", "submitted"),
        ("request.approved", "Set", "Other", "approved"),
        ("request.withdrawn", "Delete", "Other", "withdrawn"),
        ("decision.denied", "Set", "Other", "denied"),
        ("stage.started", "Set", "Other", "started"),
        ("review_item.removed", "Set", "Other", "removed"),
        ("code.spent", "Execute", "Other", "spent"),
        ("policy.loaded", "Set", "Configuration Atom", "loaded"),
        ("portal.armed", "Enable", "Configuration Atom", "armed"),
        ("portal.close_only", "Disable", "Configuration Atom", "close_only"),
        ("directory.changed", "Set", "Directory Service Object", "changed"),
        ("export.started", "Read", "Event Log", "started"),
        ("something.new", "Other", "Other", "new"),
    ],
)
def test_each_kind_has_its_type_in_microsofts_words(
    kind: str, event_type: str, object_type: str, sub_type: str
) -> None:
    found = row(kind)
    assert (found["EventType"], found["ObjectType"], found["EventSubType"]) == (
        event_type,
        object_type,
        sub_type,
    )
    assert found["Operation"] == kind


@pytest.mark.parametrize(
    ("outcome", "result", "details", "severity"),
    [
        ("success", "Success", None, "Informational"),
        ("refused", "Failure", "Refused", "Low"),
        ("failure", "Failure", "Failed", "Medium"),
    ],
)
def test_each_outcome_has_its_result(outcome: str, result: str, details: str | None, severity: str) -> None:
    found = row(outcome=outcome)
    assert (found["EventResult"], found.get("EventResultDetails"), found["EventSeverity"]) == (
        result,
        details,
        severity,
    )


@pytest.mark.parametrize(("outcome", "result"), [("success", "Success"), ("failure", "Failure")])
def test_an_alert_is_of_weight_whatever_came_of_what_it_saw(outcome: str, result: str) -> None:
    found = row("alert.raised", outcome=outcome)
    assert (found["EventResult"], found["EventSeverity"]) == (result, "Medium")


def test_a_person_is_told_by_object_id_tenant_and_name() -> None:
    found = row()
    assert found["ActorUserId"] == ADA
    assert found["ActorUserIdType"] == "AADID"
    assert found["ActorScopeId"] == TENANT
    assert (found["ActorUsername"], found["ActorUsernameType"]) == ("Ada Lindqvist", "Simple")
    assert found["ActorUserType"] == "Regular"


def test_a_part_of_the_portal_is_no_person() -> None:
    found = row(actor_id="system:convergence", actor_label="latchportal convergence")
    assert found["ActorUserId"] == "system:convergence"
    assert found["ActorUserType"] == "Application"
    assert "ActorScopeId" not in found
    assert "ActorUserIdType" not in found


def test_what_asim_has_no_column_for_stands_beside_it() -> None:
    assert row()["AdditionalFields"] == {
        "Number": 7,
        "CorrelationId": "c-1",
        "Resource": "prod-web-01",
        "Request": "request-1",
        "SubjectId": "33333333-3333-3333-3333-333333333333",
        "SubjectScopeId": TENANT,
        "Subject": "Mo Adeyemi",
        "Why": "Disk is full",
        "Data": {"minutes": 30},
    }


def test_times_and_ids_are_the_events_own() -> None:
    found = row()
    assert found["EventUid"] == "44444444-4444-4444-8444-444444444444"
    for name in ("TimeGenerated", "EventStartTime", "EventEndTime"):
        assert found[name] == "2026-11-26T08:00:00.123456Z"
    assert (found["EventSchema"], found["Dvc"], found["SrcIpAddr"]) == (
        "AuditEvent",
        "harbour",
        "81.2.69.142",
    )


def test_an_event_about_nothing_still_names_an_object() -> None:
    found = row("session.ended", object_kind="", object_id="", object_label="", resource_label="")
    assert found["Object"] == "session"
    assert "ObjectId" not in found


def test_what_is_too_long_is_cut_and_says_so() -> None:
    found = row(why="ü" * 100_000, data={"long": "x" * 2_000_000})
    more = found["AdditionalFields"]
    assert more["Cut"] == ["Why", "Data"]
    assert "Data" not in more
    assert len(more["Why"].encode()) <= 8 * 1024


@pytest.mark.parametrize("changes", [{}, {"why": "ü" * 100_000, "data": {"long": "x" * 2_000_000}}])
def test_every_kind_fits_the_declared_stream_unharmed(changes: dict[str, Any]) -> None:
    for kind in (*known_kinds(), "something.new"):
        for outcome in ("success", "refused", "failure"):
            made = row(kind, outcome=outcome, **changes)
            assert streams.fitting("Custom-LatchAudit", [made]) == [made]
