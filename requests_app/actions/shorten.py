"""Bring the end of an open grant nearer: by its holder, by whoever agreed to it or was told of it, by an administrator."""

from datetime import datetime

from audit_app.clock import now
from audit_app.lifecycle import Stale, move
from requests_app import lifecycle, notify
from requests_app.actions.attempting import attempting
from requests_app.actions.held import lock, rewrite
from requests_app.actions.refusals import require_reason
from requests_app.errors import Invalid, Refused
from requests_app.models import Grant, Person


def shorten(*, by: Person, grant_id: int, end: datetime, reason: str) -> Grant:
    """The grant ends then, and its rules in Azure are being told so.

    Refused for anyone who neither holds it, agreed to it, was told that the glass was broken for it, nor administers;
    Invalid for an end that is not between now and the present one; Stale when it is not open.
    """
    reason = require_reason(reason)
    grant = Grant.objects.select_related("entitlement__resource", "person").get(pk=grant_id)
    with attempting("grant.shorten_refused", by=by.party, about=grant.about()):
        grant = lock(grant_id)
        if not lifecycle.allows(grant, "shorten", by):
            raise Refused(
                "Only its holder, somebody who approved it, or an administrator can shorten this.",
                check="holder or approver",
            )
        moment = now()
        before = _present_end(grant)
        _refuse(end, moment, before)
        move(
            grant,
            "shorten",
            by=by.party,
            why=reason,
            expires_at=end,
            hard_end=end,
            told_end=notify.said(end, moment),
            data={"from": before.isoformat(), "to": end.isoformat()},
        )
        rewrite(grant, end, moment)
        notify.shortened(grant, by=str(by), why=reason)
    return grant


def _present_end(grant: Grant) -> datetime:
    if grant.state != Grant.State.OPEN or grant.expires_at is None:
        raise Stale(f"This grant is {grant.get_state_display().lower()}; it can not be shortened now.")
    return grant.expires_at


def _refuse(end: datetime, moment: datetime, before: datetime) -> None:
    words = ""
    if end <= moment:
        words = "The new end has to be in the future. To close it at once, end it now."
    elif end >= before:
        words = f"The new end has to be before {before:%H:%M:%S} UTC. For more time, extend it."
    if words:
        raise Invalid(words, fields={"end": words})
