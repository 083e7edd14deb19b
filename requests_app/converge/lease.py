"""A container's lease: one worker at a time writes to one NSG. A lease is a row with an end, and needs a fence.

The fence is not here: every write is an attempt row with a deadline, and an absence is final only past it.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import structlog
from django.db import DatabaseError, connection
from django.db.models import Q

from audit_app.clock import now
from requests_app.models import Container

log = structlog.get_logger("latch.lease")
# How long a container stays closed to others after its worker was killed. So a closing is late by this at most.
LASTS = timedelta(seconds=20)
# One call to Azure may take longer than a lease lasts; meanwhile a thread renews it this often …
_RENEWED_EVERY = 5.0
# … but not for ever: a call that outlives its own deadline twice over hangs, and must not hold up closings.
_WITHOUT_A_SIGN = 100.0


@dataclass
class Lease:
    """One worker's hold on one container; `owner` is unique to this hold."""

    container_id: int
    owner: str
    sign_of_life: float = field(default_factory=time.monotonic)

    def renew(self) -> bool:
        """The hold lasts a full term from now; False when it was lost, and then nothing may be written any more."""
        self.sign_of_life = time.monotonic()
        return self._extend()

    def _extend(self) -> bool:
        moment = now()
        held = Container.objects.filter(pk=self.container_id, lease_owner=self.owner, lease_until__gt=moment)
        return bool(held.update(lease_until=moment + LASTS))

    def release(self) -> None:
        """Somebody else may take the container, if the hold was still ours."""
        Container.objects.filter(pk=self.container_id, lease_owner=self.owner).update(
            lease_owner="", lease_until=None, woken_until=None
        )

    @contextmanager
    def kept(self) -> Iterator[None]:
        """The hold is renewed for as long as this process lives and is inside, and given up afterwards.

        A process that is killed or stands still renews nothing, so others wait for it `LASTS` at most.
        """
        done = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(done,), name="lease-keeper", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()
            self.release()

    def _keep(self, done: threading.Event) -> None:
        try:
            while not done.wait(_RENEWED_EVERY):
                if time.monotonic() - self.sign_of_life > _WITHOUT_A_SIGN:
                    log.error("lease.given_up", container=self.container_id, owner=self.owner)
                    return
                if not self._extend():
                    log.warning("lease.lost", container=self.container_id)
                    return
        except DatabaseError as error:
            log.error("lease.not_renewed", container=self.container_id, error=str(error))
        finally:
            # Threads have connections of their own; this one is ours to close, if it was ever opened.
            connection.close()


def take(container_id: int) -> Lease | None:
    """Return a hold on this container, or None while somebody else holds it."""
    moment = now()
    owner = f"{os.getpid()}-{threading.get_ident()}-{uuid4().hex[:12]}"
    free = Container.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=moment), pk=container_id)
    if not free.update(lease_owner=owner, lease_until=moment + LASTS):
        return None
    return Lease(container_id, owner)
