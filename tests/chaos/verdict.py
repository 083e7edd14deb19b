"""`python -m tests.chaos.verdict`: what database, trail, ledger and watcher say of a run, as one line of JSON.

A process of its own, with the environment of the stack. Nothing is repaired here. How late a rule was: lateness.py.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django

from tests.chaos.ledger import Ledger

# What the trail tells of a grant's end: exactly one of these, whoever died meanwhile.
_END = re.compile(r"grant\.(expired|ended|revoked|failed|removed_in_azure)")
# What was answered with success, and what the trail has to tell of it.
_PROVEN_BY = {
    "ended": {"grant.ended", "grant.revoked"},
    "shortened": {"grant.shortened"},
    "extending": {"grant.extending"},
    "activated": {"grant.activated"},
}


def main() -> None:
    """Print the verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("ledger", "seen", "windows"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    asked = parser.parse_args()
    django.setup()
    from tests.chaos.lateness import lateness

    missing, doubled = events()
    found = {
        **lateness(json.loads(asked.seen.read_text()), json.loads(asked.windows.read_text())),
        "lost": lost(Ledger(asked.ledger)),
        "events_missing": missing,
        "events_doubled": doubled,
        "unsettled": unsettled(),
        "answered": dict(Counter(line["kind"] for line in Ledger(asked.ledger).lines())),
    }
    print(json.dumps(found))


def events() -> tuple[list[str], list[str]]:
    """Return what the trail lacks of requests, votes and grants, and what it tells twice."""
    missing: list[str] = []
    doubled: list[str] = []
    for what, kind, wanted, told in [*_of_requests(), *_of_votes(), *_of_grants()]:
        if told < wanted:
            missing.append(f"{what} {kind}")
        elif told > wanted:
            doubled.append(f"{what} {kind}")
    return missing, doubled


# Of what, which event, how often it has to be told, and how often it is.
Count = tuple[str, str, int, int]


def _of_requests() -> Iterable[Count]:
    from requests_app.models import AccessRequest

    told = _told("access_request")
    for pk, state in AccessRequest.objects.values_list("pk", "state"):
        kinds = told.get(str(pk), Counter())
        yield f"request {pk}", "request.submitted", 1, kinds["request.submitted"]
        yield f"request {pk}", "request.approved", int(state == "approved"), kinds["request.approved"]


def _of_votes() -> Iterable[Count]:
    from requests_app.models import Decision

    told, votes = _told("stage"), Counter(Decision.objects.values_list("stage_id", "vote"))
    stages = {stage for stage, _ in votes} | {int(stage) for stage in told}
    for stage in stages:
        for vote, kind in (("approve", "decision.approved"), ("deny", "decision.denied")):
            yield f"stage {stage}", kind, votes[stage, vote], told.get(str(stage), Counter())[kind]


def _of_grants() -> Iterable[Count]:
    from requests_app.models import Grant

    told = _told("grant")
    for grant in Grant.objects.exclude(activated_at=None):
        kinds, closed = told.get(str(grant.uid), Counter()), grant.state == "closed"
        ends = sum(times for kind, times in kinds.items() if _END.fullmatch(kind))
        yield f"grant {grant.uid}", "grant.activated", 1, kinds["grant.activated"]
        yield f"grant {grant.uid}", "grant.opened", int(grant.opened_at is not None), kinds["grant.opened"]
        yield f"grant {grant.uid}", "grant.closed", int(closed), kinds["grant.closed"]
        yield f"grant {grant.uid}", "its end", int(grant.state in ("closing", "closed")), ends


def _told(about: str) -> dict[str, Counter[str]]:
    """Return how often each kind of event was told of each object of this kind."""
    from audit_app.models import Event

    told: dict[str, Counter[str]] = {}
    for of, kind in Event.objects.filter(object_kind=about).values_list("object_id", "kind"):
        told.setdefault(of, Counter())[kind] += 1
    return told


def lost(ledger: Ledger) -> list[str]:
    """Return what was answered with success and is not in the database, or not in its trail."""
    from requests_app.models import AccessRequest, Decision, Grant

    requests = set(AccessRequest.objects.values_list("pk", flat=True))
    votes = set(Decision.objects.values_list("stage_id", "person_id"))
    uids, told = dict(Grant.objects.values_list("pk", "uid")), _told("grant")

    def of_grant(line: dict[str, Any]) -> bool:
        return any(told.get(str(uids.get(line["pk"])), Counter())[kind] for kind in _PROVEN_BY[line["kind"]])

    kept: dict[str, Callable[[dict[str, Any]], bool]] = {
        "request": lambda line: line["pk"] in requests,
        "decision": lambda line: (line["stage"], line["person"]) in votes,
        **dict.fromkeys(_PROVEN_BY, of_grant),
    }
    return [
        f"{line['kind']} {line.get('pk', line.get('stage'))}, {datetime.fromtimestamp(line['at'], UTC)}"
        for line in ledger.lines()
        if not kept[line["kind"]](line)
    ]


def unsettled() -> list[str]:
    """Return the grants that are not over though all is quiet and no rule is left."""
    from requests_app.models import Grant

    alive = Grant.objects.filter(state__in=["opening", "open", "extending", "closing"])
    return [f"{grant.uid} {grant.state}" for grant in alive]


if __name__ == "__main__":
    main()
