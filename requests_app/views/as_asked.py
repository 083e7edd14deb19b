"""What was asked for before approvers made less of it, for the request's page. What holds is on the request."""

from dataclasses import dataclass
from datetime import timedelta

from requests_app.models import AccessRequest


@dataclass(frozen=True)
class AsAsked:
    """The time and the address as they were asked for, and who made less of each, in the order in which they did."""

    duration: timedelta
    source: str
    shortened_by: tuple[str, ...]
    narrowed_by: tuple[str, ...]


def as_asked(access_request: AccessRequest) -> AsAsked:
    """Return what was asked for. Its decisions are prefetched, with their people."""
    votes = sorted(access_request.decisions.all(), key=lambda vote: (vote.decided_at, vote.pk))
    shortened = [vote for vote in votes if "duration_seconds" in vote.changed]
    narrowed = [vote for vote in votes if "source" in vote.changed]
    seconds = shortened[0].changed["duration_seconds"][0] if shortened else None
    return AsAsked(
        duration=access_request.duration if seconds is None else timedelta(seconds=seconds),
        source=narrowed[0].changed["source"][0] if narrowed else access_request.source_address,
        shortened_by=tuple(dict.fromkeys(str(vote.person) for vote in shortened)),
        narrowed_by=tuple(dict.fromkeys(str(vote.person) for vote in narrowed)),
    )
