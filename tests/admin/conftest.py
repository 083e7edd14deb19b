"""One row of every table the admin shows, so that every page has something to draw."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from audit_app import exports
from audit_app.clock import now
from audit_app.trail import record
from requests_app import models as rows


@pytest.fixture
def full_site(policy: Any, requester: Any, manager: Any, administrator: Any) -> Any:
    """A site where everything happened once. Returns the grant."""
    at = now()
    entitlement = rows.Entitlement.objects.select_related("resource").order_by("pk")[0]
    asked = rows.AccessRequest.objects.create(
        requester=requester,
        state="approved",
        reason="Disk is full",
        duration=timedelta(minutes=30),
        source_address="81.2.69.142",
        submitted_at=at,
        decided_at=at,
        activate_within=timedelta(hours=1),
        policy_hash="p",
        correlation_id="c",
        submission_key=uuid4(),
    )
    item = rows.RequestItem.objects.create(access_request=asked, entitlement=entitlement, verdict={})
    stage = rows.Stage.objects.create(
        access_request=asked,
        position=0,
        step=0,
        name="manager",
        title="Manager",
        approver_kind="manager",
        lapse_after=timedelta(hours=1),
        state="approved",
    )
    rows.Decision.objects.create(
        access_request=asked, stage=stage, person=manager, vote="approve", decided_at=at
    )
    grant = rows.Grant.objects.create(
        item=item,
        access_request=asked,
        person=requester,
        entitlement=entitlement,
        source_address="81.2.69.142",
        duration=timedelta(minutes=30),
        policy_hash="p",
        issued_at=at,
        activate_by=at,
    )
    rows.LatchCode.objects.create(
        access_request=asked, jti=uuid4(), digest="d", kid="k", issued_at=at, expires_at=at
    )
    rows.Verifier.objects.create(key="jump-host-1", name="Jump host 1", digest="d", made_at=at)
    container = rows.Container.objects.create(azure_id="/subscriptions/x/nsg-1")
    rows.ContainerSnapshot.objects.create(container=container, read_at=at, body={"rules": []}, tried_at=at)
    opening = rows.Opening.objects.create(grant=grant, container=container, name="latch-1", desired="absent")
    rows.Attempt.objects.create(
        opening=opening, kind="write", started_at=at, deadline=at, correlation_id="c", outcome="done"
    )
    rows.Message.objects.create(key="k", kind="decided", recipient=requester, created_at=at)
    rows.SignIn.objects.create(person=requester, at=at)
    _waiting(asked, requester, manager)
    with transaction.atomic():
        record("request.submitted", by=requester.party, about=asked.about())
    exports.start(by=administrator.party, of=exports.dataset("events"), filters={})
    return grant


def _waiting(asked: Any, requester: Any, manager: Any) -> None:
    """Somebody is away, somebody stands in, somebody is on call, and something was said."""
    at = now()
    span = {"starts_at": at, "ends_at": at + timedelta(days=1)}
    rows.Absence.objects.create(person=manager, made_at=at, **span)
    rows.Delegation.objects.create(giver=manager, receiver=requester, made_at=at, **span)
    rota = rows.Rota.objects.create(name="night", read_at=at)
    rows.Shift.objects.create(rota=rota, person=manager, **span)
    rows.Comment.objects.create(access_request=asked, person=manager, text="Why now?", said_at=at)
