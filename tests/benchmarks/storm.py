"""A thousand rights that end in the same second, and a thousand that end over one minute, on a hundred groups."""

import time
from datetime import datetime, timedelta
from typing import Any

from tests.benchmarks import many
from tests.benchmarks.options import Result, percentile
from tests.benchmarks.setting import Setting

GRANTS, GROUPS = 1000, 100
READY_SECONDS = 8
PATIENCE_SECONDS = 420
# Azure counts writes by region: each storm has a whole budget of its own.
REGIONS = ("westeurope", "northeurope")


def run(setting: Setting) -> Result:
    """Return when the last was closed against what Azure's budgets allow, and each one's lag."""
    result = Result()
    for what, spread, region in zip(
        ("in one second", "over one minute"), (timedelta(0), timedelta(seconds=60)), REGIONS, strict=True
    ):
        _storm(setting, result, what, spread, region)
    return result


def _storm(setting: Setting, result: Result, what: str, spread: timedelta, region: str) -> None:
    from audit_app.clock import now

    entitlements = many.groups(setting, GROUPS, f"storm{int(time.time())}", region)
    first = now() + timedelta(seconds=READY_SECONDS + GRANTS * 0.02)
    ends = [first + spread * number / GRANTS for number in range(GRANTS)]
    grants = [grant.pk for grant in many.opened(setting, entitlements, ends, region)]
    late = (now() - first).total_seconds()
    if late > 0:
        result.row(f"{what}: not ready in time", f"{late:.1f} s", "the machine was slower than the plan")
    last = _await_closed(grants, ends[-1])
    lags, own = _lags(grants)
    took = (last - first).total_seconds()
    bound = _bound(setting, spread.total_seconds())
    result.row(
        f"{GRANTS} grants on {GROUPS} groups ending {what}: all closed after",
        f"{took:.1f} s",
        f"Azure's budgets allow {bound:.1f} s: {took / bound:.2f} × (aim 1.1)",
    )
    for title, values in (("close lag", lags), ("Azure's own time for a removal", own)):
        told = (
            f"p50 {percentile(values, 50):.2f}, p99 {percentile(values, 99):.2f}, worst {max(values):.2f} s"
        )
        result.row(f"{what}: {title}", told)
    result.data |= {what: {"took": took, "bound": bound, "lags": lags, "own": own}}


def _bound(setting: Setting, spread: float) -> float:
    """Return the soonest by which so many removals can be sent and done: the bucket's rate, one group's own writes."""
    from requests_app.pacing.bucket import AZURE, SECOND

    rate = (GRANTS - AZURE.burst) * AZURE.interval / SECOND
    one_group = GRANTS / GROUPS * setting.options.write_seconds
    return max(rate, one_group, spread) + setting.options.write_seconds


def _await_closed(grants: list[int], end: datetime) -> datetime:
    from audit_app.clock import now
    from requests_app.models import Grant

    limit = end + timedelta(seconds=PATIENCE_SECONDS)
    open_still = Grant.objects.filter(pk__in=grants).exclude(state="closed")
    while open_still.exists():
        if now() > limit:
            raise TimeoutError(f"{open_still.count()} of {len(grants)} were not closed in time")
        time.sleep(1)
    last = Grant.objects.filter(pk__in=grants).order_by("-closed_at").values_list("closed_at", flat=True)[0]
    assert last is not None
    return last


def _lags(grants: list[int]) -> tuple[list[float], list[float]]:
    from requests_app.models import Attempt, Grant

    rows: Any = Grant.objects.filter(pk__in=grants).values_list("closed_at", "ending_at")
    lags = [(closed - ending).total_seconds() for closed, ending in rows]
    own = Attempt.objects.filter(opening__grant__in=grants, kind="remove", seconds__isnull=False)
    return lags, [seconds for seconds in own.values_list("seconds", flat=True) if seconds is not None]
