"""What an approver may make of a request: shorter, from fewer addresses, less of it. Never longer, wider or more."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from audit_app.clock import now
from audit_app.trail import record
from requests_app.actions.leave_out import leave_out
from requests_app.errors import Invalid, Refused
from requests_app.models import AccessRequest, Person
from requests_app.policy.durations import in_words


@dataclass(frozen=True)
class Narrower:
    """What to agree to instead of what was asked; None leaves it as it is.

    `leave_out` says why, by the id of each item that is not agreed to.
    """

    duration: timedelta | None = None
    source: str | None = None
    leave_out: Mapping[str, str] = field(default_factory=dict)


def narrow(access_request: AccessRequest, to: Narrower, *, by: Person) -> dict[str, Any]:
    """The request asks for no more than this; returns what changed, from what to what. Its row is locked.

    Raises Invalid for what is no duration or no network, or is left out without a reason, Refused for a longer time or
    a wider source.
    """
    changed: dict[str, Any] = {}
    if to.duration is not None and to.duration != access_request.duration:
        _refuse_longer(access_request, to.duration)
        changed["duration_seconds"] = [_seconds(access_request.duration), _seconds(to.duration)]
        access_request.duration = to.duration
        _refuse_over(access_request)
    if to.source and to.source.strip() != access_request.source_address:
        source = _narrower(access_request.source_address, to.source.strip())
        changed["source"] = [access_request.source_address, source]
        access_request.source_address = source
    if changed:
        access_request.save(update_fields=["duration", "source_address"])
        record("request.narrowed", by=by.party, about=access_request.about(), data=changed)
    if to.leave_out:
        changed["left_out"] = leave_out(access_request, to.leave_out, by=by, moment=now())
    return changed


def _refuse_longer(access_request: AccessRequest, duration: timedelta) -> None:
    if duration <= timedelta(0):
        raise Invalid("The time has to be more than nothing.", fields={"duration": "More than nothing."})
    if duration > access_request.duration:
        raise Refused(
            f"{in_words(duration)} is longer than the {in_words(access_request.duration)} that were asked for.",
            check="never longer",
            way_on="An approver may only shorten. Whoever needs more asks for more.",
        )
    grant = access_request.extends
    if grant and grant.opened_at and grant.expires_at and grant.opened_at + duration <= grant.expires_at:
        raise Invalid(
            "That is no more time than they have already; deny it instead.",
            fields={"duration": "No more than they have already."},
        )


def _refuse_over(access_request: AccessRequest) -> None:
    if access_request.windows and not access_request.windows_left(now()):
        raise Invalid(
            "So short, it would be over already.",
            fields={"duration": "Longer, or deny it: its window has begun."},
        )


def _narrower(before: str, after: str) -> str:
    try:
        wide, small = ip_network(before), ip_network(after)
    except ValueError:
        raise Invalid(
            f"“{after[:50]}” is neither an address nor a network.",
            fields={"source": "Write an address, or a network like 203.0.113.0/28."},
        ) from None
    if not _inside(small, wide):
        raise Refused(
            f"{after} is not within {before}, which was asked for.",
            check="never wider",
            way_on="An approver may only narrow the source.",
        )
    return str(small.network_address) if small.prefixlen == small.max_prefixlen else str(small)


def _inside(small: IPv4Network | IPv6Network, wide: IPv4Network | IPv6Network) -> bool:
    if isinstance(small, IPv4Network) and isinstance(wide, IPv4Network):
        return small.subnet_of(wide)
    return isinstance(small, IPv6Network) and isinstance(wide, IPv6Network) and small.subnet_of(wide)


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
