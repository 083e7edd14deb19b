"""Moving a request from stage to stage. Votes are in decide.py; time running out is in lapse.py."""

from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef

from audit_app.lifecycle import move
from audit_app.trail import Party, system
from requests_app import directory, notify
from requests_app.actions.extending import latest
from requests_app.models import AccessRequest, Decision, Person, RequestItem, Stage

WORKFLOW = system("workflow")


def start_next(access_request: AccessRequest, moment: datetime) -> bool:
    """The next waiting stage is active and its approvers are told; False when no stage is left.

    The caller holds the request's row.
    """
    stage = access_request.stages.filter(state=Stage.State.WAITING).order_by("position").first()
    if stage is None:
        return False
    stage.access_request = access_request
    move(stage, "start", by=WORKFLOW, activated_at=moment)
    access_request.lapses_at = _lapses(access_request, moment + stage.lapse_after)
    access_request.save(update_fields=["lapses_at"])
    notify.approval_needed(stage, approvers(stage, moment))
    return True


def _lapses(access_request: AccessRequest, by_policy: datetime) -> datetime:
    """Return when nobody needs to decide any more: more time is of no use once what it extends is nearly over."""
    last = latest(access_request.extends) if access_request.extends else None
    return min(by_policy, last) if last else by_policy


def approvers(stage: Stage, moment: datetime) -> list[Person]:
    """Return who may decide this stage now, without those who voted on the request already."""
    access_request = stage.access_request
    found = directory.approvers(
        kind=stage.approver_kind,
        group=stage.approver_group,
        requester=access_request.requester,
        owner_oid=owner_oid(access_request) if stage.approver_kind == "owner" else None,
        now=moment,
    )
    voted = Decision.objects.filter(access_request=access_request, person=OuterRef("pk"))
    return list(found.exclude(Exists(voted)))


def owner_oid(access_request: AccessRequest) -> UUID | None:
    """Return the owner of the first item's resource; bundles whose owners differ are not made yet."""
    item = (
        RequestItem.objects.filter(access_request=access_request)
        .select_related("entitlement__resource")
        .first()
    )
    return item.entitlement.resource.owner_oid if item else None


def cancel_rest(access_request: AccessRequest, by: Party) -> None:
    """No stage of this request waits any more."""
    rest = access_request.stages.filter(state__in=[Stage.State.WAITING, Stage.State.ACTIVE])
    for stage in rest.order_by("position"):
        stage.access_request = access_request
        waited = stage.state == Stage.State.ACTIVE
        move(stage, "cancel", by=by)
        if waited:
            notify.settled(stage)
