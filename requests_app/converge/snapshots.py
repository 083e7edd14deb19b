"""What the pages show of each container, and which containers are looked at each minute. No grants are moved here."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from audit_app.clock import now
from requests_app.models import Container, ContainerSnapshot, Entitlement, Grant
from requests_app.targets.base import ContainerState

# Each container in use is compared with the database this often.
EACH = timedelta(seconds=60)
# New ones get their first look soon, and all of them never at once.
_APART = timedelta(seconds=0.1)


def keep(container: Container, state: ContainerState, moment: datetime, **more: Any) -> None:
    """The pages can show this reading, and the container's next one is a minute away."""
    ContainerSnapshot.objects.update_or_create(
        container=container,
        defaults={"read_at": moment, "tried_at": moment, "body": state.to_dict(), "error": "", **more},
    )
    container.region = state.location or container.region
    Container.objects.filter(pk=container.pk).update(region=container.region, compared_at=moment)
    again(container, moment)


def failed(container: Container, error: str, moment: datetime) -> None:
    """The pages can say that the last reading failed; what was read before stays."""
    found = ContainerSnapshot.objects.filter(container=container)
    if not found.update(error=error, tried_at=moment):
        ContainerSnapshot.objects.create(
            container=container, read_at=moment, tried_at=moment, body={}, error=error
        )
    again(container, moment)


def again(container: Container, moment: datetime) -> None:
    """The container, if it is in use, is compared again a minute from now."""
    Container.objects.filter(pk=container.pk, compare_at__isnull=False).update(compare_at=moment + EACH)


def watch() -> int:
    """Each container in use, and no other, is compared every minute; returns how many are new to that.

    In use is what an active entitlement names, or where something of ours is or may be open.
    """
    offered = {
        (Container.one_spelling(nsg), entitlement.kind)
        for entitlement in Entitlement.objects.filter(active=True, resource__active=True)
        for nsg in entitlement.nsgs
    }
    known = set(Container.objects.values_list("azure_id", flat=True))
    Container.objects.bulk_create(
        [
            Container(azure_id=azure_id, kind=kind)
            for azure_id, kind in sorted(offered)
            if azure_id not in known
        ],
        ignore_conflicts=True,
    )
    open_there = ~Q(openings__grant__state=Grant.State.CLOSED) & Q(openings__isnull=False)
    in_use = Q(azure_id__in=[azure_id for azure_id, _ in offered]) | Q(
        pk__in=Container.objects.filter(open_there).values("pk")
    )
    Container.objects.filter(compare_at__isnull=False).exclude(in_use).update(compare_at=None)
    new = list(Container.objects.filter(in_use, compare_at__isnull=True).order_by("pk"))
    moment = now()
    for number, container in enumerate(new):
        container.compare_at = moment + min(_APART * number, EACH)
    Container.objects.bulk_update(new, ["compare_at"], batch_size=500)
    return len(new)
