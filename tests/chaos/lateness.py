"""How long after its end each rule was seen. Compares what the watcher saw with the ends people were told."""

from datetime import datetime
from typing import Any

LATE = 60.0
# A fault that is not over yet when it is written down.
FOREVER = 10.0**12


def lateness(seen: dict[str, dict[str, Any]], windows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how long after its end each rule was last seen; each rule with our mark counts, known or not.

    While PostgreSQL is away the end is the one written in Azure, for nobody else can know another. A rule over which
    a fault of Azure's own lay counts from the fault's end, and is told apart. `windows` are these times.
    """
    ends = _ends()
    own: list[tuple[float, str]] = []
    azure: list[tuple[float, str]] = []
    for name, kept in seen.items():
        written = _written(kept)
        end = ends.get(name, written)
        if end is None:
            # Nobody knows it and it says no end: it was never to be there.
            end = kept["first"]
        seconds, excused = _late(end, kept["last"], written, windows)
        (azure if excused else own).append((seconds, name))
    late = sorted(name for seconds, name in [*own, *azure] if seconds > LATE)
    values = [max(seconds, 0.0) for seconds, _ in own]
    return {
        "rules": len(seen),
        "late": late,
        "unknown": sorted(seen.keys() - ends.keys()),
        "worst_late_s": round(max(values, default=0.0), 2),
        "worst_late_after_azure_s": round(max((seconds for seconds, _ in azure), default=0.0), 2),
        "p99_late_s": round(_percentile(values, 99), 2),
        "p50_late_s": round(_percentile(values, 50), 2),
    }


def _ends() -> dict[str, float]:
    """Return the end of each rule by group and name: the earliest of those that anybody was told."""
    from requests_app.models import Opening

    found = {}
    for opening in Opening.objects.select_related("grant", "container"):
        grant = opening.grant
        due = [moment for moment in (grant.ending_at, grant.expires_at, grant.hard_end) if moment]
        if due:
            found[f"{opening.container.name}/{opening.name}"] = min(due).timestamp()
    return found


def _written(kept: dict[str, Any]) -> float | None:
    from requests_app.targets.mark import read_end

    end: datetime | None = read_end(kept["description"])
    return end.timestamp() if end else None


def _late(
    end: float, last: float, written: float | None, windows: list[dict[str, Any]]
) -> tuple[float, bool]:
    excused = False
    for window in sorted(windows, key=lambda one: float(one["from"])):
        if window["from"] > last or window["to"] < end:
            continue
        if window["what"] == "postgres":
            end = max(end, min(written or end, last))
        else:
            excused = True
            end = max(end, min(window["to"], last))
    return last - end, excused


def _percentile(values: list[float], of: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * of / 100))] if ordered else 0.0
