"""The state machine: random schedules, each held to the invariants. LATCH_SCHEDULES says how many, LATCH_SEED which."""

import os
from importlib import import_module
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from requests_app import pacing
from tests.chaos.machine import Schedule

# In the group of the long attack: xdist begins with the larger groups, and that one must not come last.
pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.xdist_group("chaos")]
SCHEDULES = int(os.environ.get("LATCH_SCHEDULES", "8"))
SEED = int(os.environ.get("LATCH_SEED", "1"))
EACH = 50
STEPS = 25


@pytest.mark.parametrize("batch", range(-(-SCHEDULES // EACH)))
def test_whatever_happens_in_whatever_order_the_invariants_hold(
    people: Any, policy: Any, azure: Any, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    # Schedules come faster than any budget; pacing has tests of its own.
    monkeypatch.setattr(pacing, "admit", lambda *_, **__: 0.0)
    Schedule.people, Schedule.azure, Schedule.broken = people, azure, []

    class Seeded(Schedule):
        """As Schedule, from this batch's seed."""

    seed(SEED * 100_000 + batch)(Seeded)
    run_state_machine_as_test(
        Seeded,
        settings=settings(
            max_examples=min(EACH, SCHEDULES - batch * EACH),
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


# A portal with this fault, and what a schedule has to hold to find it out.
MUTANTS = {
    "a rule deleted by hand is written again": ("observe", "_taken_away", lambda *_, **__: None, "delete"),
    "a rule widened by hand is left as it is": ("observe", "_put_right", lambda *_, **__: None, "widen"),
    "rules that no grant knows are left alone": ("look", "report", lambda *_, **__: [], "copy"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_invariants_catch_a_portal_in_which(
    people: Any, policy: Any, azure: Any, monkeypatch: pytest.MonkeyPatch, mutant: str
) -> None:
    module, name, instead, how = MUTANTS[mutant]
    monkeypatch.setattr(pacing, "admit", lambda *_, **__: 0.0)
    monkeypatch.setattr(import_module(f"requests_app.converge.{module}"), name, instead)
    Schedule.people, Schedule.azure, Schedule.broken = people, azure, []
    schedule = Schedule()
    schedule.begin()
    schedule.activates(who="ada", key="prod-web-01-ssh", minutes=30)
    schedule.works()
    schedule.changes_by_hand(number=0, how=how)
    with pytest.raises(AssertionError):
        schedule.teardown()
    assert Schedule.broken
