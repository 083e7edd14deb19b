"""A container's lease: one worker at a time writes to one NSG. A lease is a row with an end, and needs a fence."""

import os
import threading
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from django.db.models import Q

from audit_app.clock import now
from requests_app.models import Container

# Longer than any one write may take (targets' deadline), so that a lease renewed before a write outlives it.
LASTS = timedelta(seconds=90)


@dataclass(frozen=True)
class Lease:
    """One worker's hold on one container; `owner` is unique to this hold."""

    container_id: int
    owner: str

    def renew(self) -> bool:
        """The hold lasts a full term from now; False when it was lost, and then nothing may be written any more."""
        moment = now()
        held = Container.objects.filter(pk=self.container_id, lease_owner=self.owner, lease_until__gt=moment)
        return bool(held.update(lease_until=moment + LASTS))

    def release(self) -> None:
        """Somebody else may take the container, if the hold was still ours."""
        Container.objects.filter(pk=self.container_id, lease_owner=self.owner).update(
            lease_owner="", lease_until=None, woken_until=None
        )


def take(container_id: int) -> Lease | None:
    """Return a hold on this container, or None while somebody else holds it."""
    moment = now()
    owner = f"{os.getpid()}-{threading.get_ident()}-{uuid4().hex[:12]}"
    free = Container.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=moment), pk=container_id)
    if not free.update(lease_owner=owner, lease_until=moment + LASTS):
        return None
    return Lease(container_id, owner)
