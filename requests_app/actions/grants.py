"""Grants come into being here, when the last stage has agreed. Opening and ending them is next door."""

from datetime import datetime

from audit_app.lifecycle import move
from audit_app.trail import record
from requests_app import notify
from requests_app.actions.extending import begin
from requests_app.actions.stages import WORKFLOW
from requests_app.errors import Refused
from requests_app.models import AccessRequest, Grant, RequestItem


def approve(access_request: AccessRequest, moment: datetime, *, by: str = "", why: str = "") -> None:
    """The request is approved and what nobody left out has its grant each, to be activated within the time policy gave.

    Where it was asked for later, one for each window that is still to come; Refused when none is.

    A request for more time has no grant of its own: the one it extends is extending.

    The caller holds the request's row. No code is made here: an approver's answer must not carry one.
    """
    move(access_request, "approve", by=WORKFLOW, why=why, decided_at=moment, lapses_at=None)
    if access_request.extends_id:
        begin(access_request, moment)
        notify.decided(access_request, by=by, why=why)
        return
    for times in _times(access_request, moment):
        for item in access_request.kept:
            _issue(item, moment, times)
    notify.decided(access_request, by=by, why=why)


def _times(access_request: AccessRequest, moment: datetime) -> list[dict[str, datetime]]:
    """Return when what is agreed to may be activated: from now on, or in each window that is not over."""
    if not access_request.windows:
        return [{"activate_by": moment + access_request.activate_within}]
    to_come = access_request.windows_left(moment)
    if not to_come:
        raise Refused(
            "The time it was asked for is over, so there is nothing left to agree to.",
            check="window",
            way_on="Deny it; it can be asked for again at another time.",
        )
    return [
        {"activate_from": one.starts_at, "activate_by": one.last_chance, "closes_by": one.ends_at}
        for one in to_come
    ]


def _issue(item: RequestItem, moment: datetime, times: dict[str, datetime]) -> None:
    access_request = item.access_request
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
        **times,
    )
    data = {name: at.isoformat() for name, at in times.items()}
    record("grant.issued", by=WORKFLOW, about=grant.about(), data=data)
