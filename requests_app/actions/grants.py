"""Grants come into being here, when the last stage has agreed. Opening and ending them is next door."""

from datetime import datetime

from audit_app.lifecycle import move
from audit_app.trail import record
from requests_app import notify
from requests_app.actions.extending import begin
from requests_app.actions.stages import WORKFLOW
from requests_app.models import AccessRequest, Grant


def approve(access_request: AccessRequest, moment: datetime, *, by: str = "", why: str = "") -> None:
    """The request is approved and what nobody left out has its grant each, to be activated within the time policy gave.

    A request for more time has no grant of its own: the one it extends is extending.

    The caller holds the request's row. No code is made here: an approver's answer must not carry one.
    """
    move(access_request, "approve", by=WORKFLOW, why=why, decided_at=moment, lapses_at=None)
    if access_request.extends_id:
        begin(access_request, moment)
        notify.decided(access_request, by=by, why=why)
        return
    for item in access_request.kept:
        grant = Grant.objects.create(
            item=item,
            access_request=access_request,
            person=access_request.requester,
            entitlement=item.entitlement,
            source_address=access_request.source_address,
            duration=access_request.duration,
            policy_hash=access_request.policy_hash,
            break_glass=access_request.break_glass,
            issued_at=moment,
            activate_by=moment + access_request.activate_within,
        )
        record(
            "grant.issued",
            by=WORKFLOW,
            about=grant.about(),
            data={"activate_by": grant.activate_by.isoformat()},
        )
    notify.decided(access_request, by=by, why=why)
