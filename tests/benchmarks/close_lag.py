"""How long after its end a right is really gone: from `expires_at` to Azure's own word, Azure's own time apart.

The workers, the broker, the schedule and the pretend Azure are real processes; only asking and approving is done here.
"""

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from tests.benchmarks import story
from tests.benchmarks.options import Result, percentile
from tests.benchmarks.setting import Setting

if TYPE_CHECKING:
    from requests_app.models import Attempt, Grant

# Who may have what, one network security group after another; the last two stand behind two groups each.
WISHES = (
    ("ada", "prod-web-01-ssh"),
    ("ben", "prod-app-01-ssh"),
    ("priya", "build-agent-01-ssh"),
    ("leila", "stg-web-01-ssh"),
    ("ada", "stg-app-01-ssh"),
    ("tomas", "stg-db-01-psql"),
    ("ben", "prod-bastion-01-ssh"),
    ("priya", "prod-metrics-01-grafana"),
    ("ada", "partner-api-01-admin"),
    ("leila", "prod-web-03-ssh"),
    ("tomas", "prod-db-01-psql"),
)
SHORTEST, LONGEST = 20.0, 80.0
PATIENCE_SECONDS = 240
LOOK_SECONDS = 1.0


def run(setting: Setting) -> Result:
    """Return the lag of every grant, and how much of it was Azure's."""
    grants = _open(setting)
    _await_closed([grant.pk for grant in grants])
    lags = [_lag(pk) for pk in sorted(grant.pk for grant in grants)]
    result = Result(data={"grants": lags, "count": len(lags)})
    whole = [lag["lag"] for lag in lags]
    _rows(result, f"close lag, {len(lags)} grants", whole, "from expires_at to read-back")
    _rows(result, "of it ours", [lag["ours"] for lag in lags], "writes of that group under way taken out")
    _rows(
        result, "until the removal was sent, none before it", _unhindered(lags), "groups not busy at the end"
    )
    own = [lag["removal"] for lag in lags]
    result.row(
        "Azure's removal and the polls for it",
        f"p50 {percentile(own, 50):.2f} s",
        f"the write itself takes {setting.options.write_seconds} s; the rest is polling",
    )
    result.data |= {
        "lag_p99": percentile(whole, 99),
        "ours_p99": percentile([lag["ours"] for lag in lags], 99),
    }
    return result


def _rows(result: Result, what: str, values: list[float], note: str) -> None:
    if values:
        told = (
            f"p50 {percentile(values, 50):.2f}, p99 {percentile(values, 99):.2f}, worst {max(values):.2f} s"
        )
        result.row(what, told, note)


def _unhindered(lags: list[dict[str, Any]]) -> list[float]:
    return [lag["until_sent"] for lag in lags if lag["until_sent"] is not None and not lag["waited"]]


def _open(setting: Setting) -> "list[Grant]":
    chance = Random(2214)
    ready = []
    for number in range(setting.options.grants):
        key, entitlement = WISHES[number % len(WISHES)]
        lasting = timedelta(seconds=round(chance.uniform(SHORTEST, LONGEST), 1))
        access_request = story.asked(setting, key, entitlement, lasting)
        story.approved(setting, access_request)
        ready.append(access_request)
    return [story.activated(setting, access_request) for access_request in ready]


def _await_closed(pks: list[int]) -> None:
    from requests_app.models import Grant

    end = time.monotonic() + PATIENCE_SECONDS
    while left := Grant.objects.filter(pk__in=pks).exclude(state=Grant.State.CLOSED).count():
        if time.monotonic() > end:
            raise TimeoutError(f"{left} of {len(pks)} grants were not closed within {PATIENCE_SECONDS} s")
        time.sleep(LOOK_SECONDS)


def _lag(pk: int) -> dict[str, Any]:
    """Return where the time went between a grant's end and its being closed, in seconds."""
    from requests_app.models import Attempt, Grant

    grant = Grant.objects.get(pk=pk)
    if grant.ended_why != Grant.Why.EXPIRED or not (grant.ending_at and grant.closed_at):
        raise ValueError(f"grant {pk} ended otherwise: {grant.ended_why} {grant.ended_note}")
    attempts = Attempt.objects.filter(finished_at__gt=grant.ending_at, started_at__lt=grant.closed_at)
    # Behind two groups, the one that was last decides; the other was gone by then.
    busiest, removal = max(
        (
            (
                list(attempts.filter(opening__container=opening.container)),
                opening.attempts.filter(kind=Attempt.Kind.REMOVE).latest("pk"),
            )
            for opening in grant.openings.all()
        ),
        key=lambda found: found[1].finished_at,
    )
    lag = (grant.closed_at - grant.ending_at).total_seconds()
    azure = _covered(busiest, grant.ending_at, grant.closed_at)
    others = [attempt for attempt in busiest if attempt.pk != removal.pk]
    return {
        "lag": round(lag, 3),
        "ours": round(lag - azure, 3),
        "removal": round(removal.seconds, 3),
        "waited": round(_covered(others, grant.ending_at, removal.started_at), 3),
        "until_sent": round((removal.started_at - grant.ending_at).total_seconds(), 3),
        "after_removal": round((grant.closed_at - removal.finished_at).total_seconds(), 3),
        "groups": grant.openings.count(),
    }


def _covered(attempts: "Iterable[Attempt]", start: datetime, end: datetime) -> float:
    """Return how many seconds between these instants some write of the group was under way."""
    total, reached = 0.0, start
    for attempt in sorted(attempts, key=lambda attempt: attempt.started_at):
        begun = max(attempt.started_at, reached)
        done = min(attempt.finished_at or end, end)
        if done > begun:
            total += (done - begun).total_seconds()
            reached = done
    return total
