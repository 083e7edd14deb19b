"""What people asked of entitlements before: for whoever decides about the next time. Read-only."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q

from requests_app.models import AccessRequest, RequestItem


@dataclass(frozen=True)
class History:
    """What one person asked of one entitlement before."""

    asked: int = 0
    approved: int = 0
    denied: int = 0
    last: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self), "last": self.last.isoformat() if self.last else None}


def histories(items: Iterable[RequestItem]) -> dict[tuple[int, int], History]:
    """Return, by requester and entitlement, what each asked before these requests; in one grouped query."""
    found = list(items)
    state = AccessRequest.State
    rows = (
        RequestItem.objects.filter(
            access_request__requester__in={item.access_request.requester_id for item in found},
            entitlement__in={item.entitlement_id for item in found},
        )
        .exclude(access_request__in={item.access_request_id for item in found})
        .order_by()
        .values_list("access_request__requester", "entitlement")
        .annotate(
            asked=Count("pk"),
            approved=Count("pk", filter=Q(access_request__state=state.APPROVED, left_out_at=None)),
            denied=Count("pk", filter=Q(access_request__state=state.DENIED) | Q(left_out_at__isnull=False)),
            last=Max("access_request__submitted_at"),
        )
    )
    return {(requester, entitlement): History(*counts) for requester, entitlement, *counts in rows}
