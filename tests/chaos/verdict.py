"""`python -m tests.chaos.verdict`: what database, trail, ledger and watcher say of a run, as one line of JSON.

A process of its own, with the environment of the stack. Nothing is repaired here.
"""

import argparse
import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django

from tests.chaos.ledger import Ledger

LATE = 60.0
# What the trail tells of a grant's beginning and end: each exactly once, whoever died meanwhile.
_END = re.compile(r"grant\.(expired|ended|revoked|failed|removed_in_azure)")


def main() -> None:
    """Print the verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("ledger", "seen", "windows"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    asked = parser.parse_args()
    django.setup()
    missing, doubled = events()
    found = {
        **lateness(json.loads(asked.seen.read_text()), json.loads(asked.windows.read_text())),
        "lost": lost(Ledger(asked.ledger)),
        "events_missing": missing,
        "events_doubled": doubled,
        "unsettled": unsettled(),
    }
    print(json.dumps(found))


def lateness(seen: dict[str, dict[str, Any]], windows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how long after its end each rule was last seen, faults with a bound of their own taken out.

    While Azure itself fails the minute counts from the fault's end; while PostgreSQL is away the end is the one
    written in Azure, for nobody else can know another.
    """
    from requests_app.models import Opening
    from requests_app.targets.mark import read_end

    rows = Opening.objects.filter(grant__ending_at__isnull=False).select_related("grant", "container")
    late: list[tuple[float, str]] = []
    for opening in rows:
        kept = seen.get(f"{opening.container.name}/{opening.name}")
        if kept is None:
            continue
        due = [moment for moment in (opening.grant.ending_at, opening.grant.hard_end) if moment]
        end, last = min(due).timestamp(), kept["last"]
        written = read_end(kept["description"])
        for window in windows:
            if window["from"] <= last and window["to"] >= end:
                own = written.timestamp() if window["what"] == "postgres" and written else window["to"]
                end = max(end, min(own, last))
        late.append((last - end, f"{opening.container.name}/{opening.name}"))
    worst = max(late, default=(0.0, ""))
    return {
        "rules": len(late),
        "late": sorted(name for seconds, name in late if seconds > LATE),
        "worst_late_s": round(max(worst[0], 0.0), 2),
        "p99_late_s": round(_percentile([max(seconds, 0.0) for seconds, _ in late], 99), 2),
        "p50_late_s": round(_percentile([max(seconds, 0.0) for seconds, _ in late], 50), 2),
    }


def events() -> tuple[list[str], list[str]]:
    """Return what the trail lacks of the grants' lives, and what it tells twice."""
    from audit_app.models import Event
    from requests_app.models import Grant

    missing, doubled = [], []
    told: dict[str, list[str]] = {}
    for uid, kind in (
        Event.objects.filter(object_kind="grant").order_by("id").values_list("object_id", "kind")
    ):
        told.setdefault(uid, []).append(kind)
    for grant in Grant.objects.filter(state="closed"):
        kinds = Counter(told.get(str(grant.uid), []))
        ends = [kind for kind in kinds.elements() if _END.fullmatch(kind)]
        wanted = {"grant.activated": bool(grant.activated_at), "grant.opened": bool(grant.opened_at)}
        wanted |= {"grant.closed": bool(grant.activated_at)}
        missing += [f"{grant.uid} {kind}" for kind, due in wanted.items() if due and not kinds[kind]]
        doubled += [f"{grant.uid} {kind}" for kind in wanted if kinds[kind] > 1]
        if grant.activated_at and len(ends) != 1:
            (missing if not ends else doubled).append(f"{grant.uid} {ends or 'no end'}")
    return missing, doubled


def lost(ledger: Ledger) -> list[str]:
    """Return what was answered with success and is not in the database."""
    from requests_app.models import AccessRequest, Decision, Grant

    gone = []
    grants = dict(Grant.objects.values_list("pk", "state"))
    requests = set(AccessRequest.objects.values_list("pk", flat=True))
    decided = set(Decision.objects.values_list("stage_id", flat=True))
    for line in ledger.lines():
        kept = {
            "request": lambda one: one["pk"] in requests,
            "decision": lambda one: one["stage"] in decided,
            "activated": lambda one: grants.get(one["pk"], "issued") != "issued",
            "ended": lambda one: grants.get(one["pk"]) in ("closing", "closed"),
        }.get(line["kind"], lambda one: one["pk"] in grants)
        if not kept(line):
            gone.append(
                f"{line['kind']} {line.get('pk', line.get('stage'))}, {datetime.fromtimestamp(line['at'], UTC)}"
            )
    return gone


def unsettled() -> list[str]:
    """Return the grants that are still on their way though all is quiet."""
    from requests_app.models import Grant

    moving = Grant.objects.filter(state__in=["opening", "extending", "closing"])
    return [f"{grant.uid} {grant.state}" for grant in moving]


def _percentile(values: list[float], of: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * of / 100))] if ordered else 0.0


if __name__ == "__main__":
    main()
