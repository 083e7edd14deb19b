"""No request is ever stuck: somebody can decide it, a timer will move it, or it says why it can not move.

Random organisations, stages, absences, delegations, departures and clocks. LATCH_SCHEDULES says how many stories,
LATCH_SEED which; the long form is part of `make chaos`.
"""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.journeys.waiting_machine import Waiting

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.xdist_group("stuck")]
STORIES = int(os.environ.get("LATCH_SCHEDULES", "6"))
SEED = int(os.environ.get("LATCH_SEED", "1"))
EACH = 100
STEPS = 30


@pytest.mark.parametrize("batch", range(-(-STORIES // EACH)))
def test_whatever_happens_no_request_is_stuck(people: Any, policy: Any, batch: int) -> None:
    Waiting.people = people

    class Seeded(Waiting):
        """As Waiting, from this batch's seed."""

    seed(SEED * 100_000 + batch)(Seeded)
    run_state_machine_as_test(
        Seeded,
        settings=settings(
            max_examples=min(EACH, STORIES - batch * EACH),
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
