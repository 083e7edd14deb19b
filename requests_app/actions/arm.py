"""Arm the portal's database, or make it close-only again. What that means for opening is decided there."""

from django.db import transaction

from audit_app.clock import now
from audit_app.trail import About, Party, record
from requests_app import notify
from requests_app.actions.attempting import attempting
from requests_app.actions.refusals import require_reason
from requests_app.arming import fingerprint
from requests_app.errors import Refused
from requests_app.models import Arming, Person

_DATABASE = About(kind="portal", id="database", label="This portal's database")


def arm(*, by: Person, reason: str, armed: bool = True) -> Arming:
    """The portal opens again, or only closes from here on. Refused for anyone but an administrator."""
    reason = require_reason(reason)
    with attempting("portal.arm_refused", by=by.party, about=_DATABASE):
        if not by.is_administrator:
            raise Refused("Only an administrator can arm the portal.", check="administrator")
        return say(by=by.party, reason=reason, armed=armed)


def say(*, by: Party, reason: str, armed: bool) -> Arming:
    """It stands in the trail and in the table whether this very database may open; for commands, which ask nobody."""
    with transaction.atomic():
        here = fingerprint()
        record(
            "portal.armed" if armed else "portal.close_only",
            by=by,
            about=_DATABASE,
            why=reason,
            data={"fingerprint": here},
        )
        if not armed:
            notify.alert("portal.close_only", reason, _DATABASE)
        return Arming.objects.create(
            fingerprint=here, armed=armed, at=now(), by_label=by.label[:200], why=reason
        )
