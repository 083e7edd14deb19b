"""Which destinations this installation ships to, by its settings. None is the usual case, and costs nothing."""

from pathlib import Path

from django.conf import settings

from audit_app.shipping.destination import Destination
from audit_app.shipping.folder import Folder
from audit_app.shipping.sentinel import Sentinel
from audit_app.shipping.syslog import Syslog


def destinations() -> list[Destination]:
    """Return the destinations that are switched on."""
    found: list[Destination] = []
    if settings.SENTINEL_ENDPOINT:
        found.append(Sentinel())
    if settings.SYSLOG_URL:
        found.append(Syslog(settings.SYSLOG_URL, settings.SYSLOG_CA_FILE))
    if settings.OCSF_DIR:
        found.append(Folder(Path(settings.OCSF_DIR)))
    return found
