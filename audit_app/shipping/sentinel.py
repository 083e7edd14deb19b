"""Microsoft Sentinel as a destination: rows of ASIM AuditEvent, by Azure's Logs Ingestion API.

The trail's floor knows neither Azure's SDK nor the portal's identity: the floor above hands the way down.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from django.conf import settings

from audit_app import words
from audit_app.models import Event
from audit_app.shipping import asim
from audit_app.shipping.destination import Limits, Unavailable

# Azure takes 1 MB a call, packed and unpacked. Below it by a margin, so that one batch is one call.
_LIMITS: Final = Limits(events=500, size=900_000)


class Upload(Protocol):
    """The way to Azure that is handed down."""

    def __call__(self, body: bytes) -> None:
        """This JSON array was taken. Raises Refused or Unavailable."""
        ...


_handed: dict[str, Upload] = {}


def hand_down(upload: Upload) -> None:
    """From now on this is the way to Azure."""
    _handed["upload"] = upload


@dataclass(frozen=True)
class Sentinel:
    """The data collection rule of this installation; the settings say which."""

    name: str = "sentinel"
    title: str = "Microsoft Sentinel"
    limits: Limits = _LIMITS

    def encode(self, event: Event) -> bytes:
        """Return the event as one row."""
        row = asim.row(
            event,
            sentence=words.sentence(event),
            instance=settings.LATCH_INSTANCE,
            version=settings.LATCH_VERSION,
        )
        # ASCII, so that what was counted is what is sent.
        return json.dumps(row, separators=(",", ":")).encode()

    def send(self, encoded: Sequence[bytes]) -> None:
        """One call took all of these rows. Raises Refused or Unavailable."""
        upload = _handed.get("upload")
        if upload is None:
            raise Unavailable("nobody handed down the way to Azure")
        upload(b"[" + b",".join(encoded) + b"]")
