"""What an approver is shown of a request: kept with their vote, and told apart from what it is now."""

from typing import Any

from django.db.models import prefetch_related_objects

from requests_app.history import History, histories
from requests_app.models import AccessRequest
from requests_app.seen import fingerprint


def shown(access_request: AccessRequest) -> dict[str, Any]:
    """Return what somebody who decides now has before them: the verdict's open points, the rule, the past."""
    prefetch_related_objects([access_request], "comments")
    items = list(access_request.items.select_related("entitlement__resource", "access_request"))
    past = histories(items)
    return {
        "seen": fingerprint(access_request),
        "duration_seconds": int(access_request.duration.total_seconds()),
        "source": access_request.source_address,
        "starts": [at.isoformat() for at in access_request.starts],
        "comments": len(access_request.comments.all()),
        **({"asked_by": access_request.asked_by.identity} if access_request.asked_by else {}),
        "items": [
            {
                "entitlement": item.entitlement.key,
                "outcome": item.verdict.get("outcome"),
                "notes": [check for check in item.verdict.get("checks", ()) if check["outcome"] != "pass"],
                "rules": item.rules,
                "history": past.get((access_request.requester_id, item.entitlement_id), History()).to_dict(),
            }
            for item in items
        ],
    }
