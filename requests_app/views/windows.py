"""What was asked for later, as the pages show it: each window, and what became of it. Read-only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from requests_app.models import AccessRequest, Grant
from requests_app.policy.windows import Window
from requests_app.views.doors import Door


@dataclass(frozen=True)
class Line:
    """One window of a request: the state of what is had in it, and a word for the badge where that is not the usual one."""

    window: Window
    state: str
    word: str


def lines(access_request: AccessRequest, grants: Iterable[Grant], moment: datetime) -> list[Line]:
    """Return each window of this request with what became of it; none where it was asked for now."""
    by_start: dict[datetime | None, list[Grant]] = {}
    for grant in grants:
        by_start.setdefault(grant.activate_from, []).append(grant)
    return [
        _line(access_request, window, by_start.get(window.starts_at, []), moment)
        for window in access_request.windows
    ]


def _line(access_request: AccessRequest, window: Window, grants: Sequence[Grant], moment: datetime) -> Line:
    if not grants:
        over = moment >= window.last_chance
        return Line(
            window,
            "cancelled" if over else access_request.state,
            "Over before it was decided" if over else "",
        )
    # Opened again after a hand in Azure took it away: the later one is what counts.
    latest = max(grants, key=lambda grant: (grant.state != Grant.State.CLOSED, grant.pk))
    if latest.state == Grant.State.ISSUED:
        return Line(
            window, "issued" if latest.begun(moment) else "waiting", "" if latest.begun(moment) else "To come"
        )
    if latest.activated_at is None:
        return Line(window, "cancelled", latest.get_ended_why_display())
    return Line(window, latest.state, "")


def next_ready(held: Iterable[Door]) -> list[Door]:
    """Return what waits to be activated first: of several windows, those of the next."""
    issued = [door for door in held if door.grant.state == Grant.State.ISSUED]
    first = min((door.grant.activate_by for door in issued), default=None)
    return [door for door in issued if door.grant.activate_by == first]


def worth_a_card(held: Iterable[Door]) -> list[Door]:
    """Return those that the page of their request shows whole: of several windows not each that went by unused."""
    return [
        door
        for door in held
        if door.grant.activate_from is None
        or door.grant.state != Grant.State.CLOSED
        or door.grant.activated_at is not None
    ]
