"""docs/faults.md holds: each fault of Azure, for opening and for closing, does what its row says. The table is the test."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audit_app.models import Event
from latchportal.devcloud.faults import KINDS
from requests_app.actions import end
from requests_app.models import Attempt, Grant
from requests_app.targets import credential
from tests.support.azure import activated, opened
from tests.support.convergence import at, fresh, hurried, later, ours, run
from tests.support.environment import ROOT

pytestmark = pytest.mark.django_db
TABLE = ROOT / "docs" / "faults.md"
POLLED = {"lost_poll", "poll_forbidden"}
SLOW = {"hang": 0.6, "apply_late": 0.6, "slow": 0.2, "slow_operation": 0.2}


def rows(path: Path = TABLE) -> list[list[str]]:
    """Return the cells of every row of the table that begins with a fault's name."""
    lines = path.read_text(encoding="utf-8").splitlines()
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")
    ]
    return [[cell.replace("`", "") for cell in row] for row in cells]


def seen(grant: Grant, azure: Any) -> str:
    """Say what the grant shows and what Azure holds, in the table's words."""
    there = ours(azure)
    rule = "no rule" if not there else "the rule"
    why = f" ({grant.get_ended_why_display().lower()})" if grant.state == "closed" else ""
    return f"{grant.get_state_display().lower()}{why}, {rule}"


def told(grant: Grant) -> str:
    """Say what the trail tells of the grant after its activation."""
    kinds = Event.objects.filter(object_id=str(grant.uid), outcome__in=["success", "failure"]).order_by("id")
    names = [kind.removeprefix("grant.") for kind in kinds.values_list("kind", flat=True)]
    return " ".join(name for name in names if name not in ("issued", "activated"))


def first_outcome(grant: Grant, kind: str) -> str:
    return Attempt.objects.filter(opening__grant=grant, kind=kind).order_by("pk")[0].get_outcome_display()


def meet(azure: Any, fault: str, applied: bool, method: str) -> None:
    options: dict[str, Any] = {"applied": True} if applied else {}
    if fault in SLOW:
        options["seconds"] = SLOW[fault]
    times = None if fault in ("forbidden", "token_revoked", "locked", "policy_denied") else 1
    azure.fault(fault, match={"method": "POLL" if fault in POLLED else method}, times=times, **options)


@pytest.mark.parametrize("row", rows(), ids=lambda row: "-".join(row[:2]))
def test_each_fault_does_what_its_row_says(
    people: Any, policy: Any, azure: Any, monkeypatch: pytest.MonkeyPatch, row: list[str]
) -> None:
    name, when, _, outcome, at_first, in_the_end, trail = row
    monkeypatch.setattr(credential, "_NEW_SECONDS", 0.0)  # the worker got its token a while ago
    fault, _, variant = name.partition(" ")
    grant = activated(people) if when == "opening" else opened(people)
    if when == "closing":
        end.end_now(by=grant.person, grant_id=grant.pk)
    meet(azure, fault, variant == "(applied)", "PUT" if when == "opening" else "DELETE")
    with hurried(monkeypatch, read_timeout=0.4, deadline=3.0):
        run()
        grant = fresh(grant)
        found = [first_outcome(grant, "write" if when == "opening" else "remove"), seen(grant, azure)]
        azure.control("DELETE", "faults")
        for seconds in (40, 130):
            with later(seconds):
                run()
    grant = fresh(grant)
    found += [seen(grant, azure), told(grant)]
    assert found == [outcome, at_first, in_the_end, trail], f"{name}, {when}: {found}"
    if grant.state == "open" and grant.expires_at:
        with at(grant.expires_at + timedelta(seconds=1)):
            run()
            with later(100):  # a write nobody had an answer to may land until then
                run()
        assert fresh(grant).state == "closed"
    assert not ours(azure)


def test_every_fault_the_pretend_azure_knows_has_its_rows() -> None:
    named = {(row[0].partition(" ")[0], row[1]) for row in rows()}
    writes = set(KINDS)
    missing = {(fault, when) for fault in writes for when in ("opening", "closing")} - named
    # A policy of Azure's denies writing alone.
    assert missing == {("policy_denied", "closing")}, missing
