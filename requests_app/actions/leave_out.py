"""An approver leaves some of what was asked for out, each with a reason; nothing is ever added."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from audit_app.trail import record
from requests_app.actions import stages
from requests_app.errors import Invalid
from requests_app.models import AccessRequest, Person, Stage


def leave_out(
    access_request: AccessRequest, whys: Mapping[str, str], *, by: Person, moment: datetime
) -> dict[str, Any]:
    """These items get no grant, whoever agrees later; returns what was left out and why. The request's row is locked.

    `whys` is by the item's id. Raises Invalid without a reason, and for what is not, or no longer, among those asked for.
    """
    items = {str(item.pk): item for item in access_request.kept}
    if not whys.keys() <= items.keys():
        raise Invalid(
            "That is not, or no longer, among what was asked for. Please look at the request again."
        )
    for pk, why in whys.items():
        item = items[pk]
        if not why.strip():
            raise Invalid(
                f"Please say why {item.entitlement.name} is left out.", fields={f"why-{pk}": "Say why."}
            )
        item.left_out_at, item.left_out_by, item.left_out_why = moment, by, why.strip()
        item.save(update_fields=["left_out_at", "left_out_by", "left_out_why"])
        about = replace(
            access_request.about(), label=item.entitlement.name, resource=item.entitlement.resource.name
        )
        record(
            "request.item_left_out",
            by=by.party,
            about=about,
            why=item.left_out_why,
            data={"entitlement": item.entitlement.key},
        )
    return {items[pk].entitlement.key: why.strip() for pk, why in whys.items()}


def spare_owners(access_request: AccessRequest, *, but: Stage) -> None:
    """No owner is waited for any more of whose things nothing is left. The request's row is locked.

    Only where owners differ has each a stage of their own; `but` is the one that is being decided.
    """
    left = {item.entitlement.resource.owner_oid for item in access_request.kept}
    owners = access_request.stages.filter(
        state__in=[Stage.State.WAITING, Stage.State.ACTIVE], approver_person__isnull=False, added_by=None
    )
    for stage in owners.exclude(pk=but.pk).select_related("approver_person"):
        if stage.approver_person and stage.approver_person.oid not in left:
            stage.access_request = access_request
            stages.cancel(stage, why="All of theirs was left out.")
