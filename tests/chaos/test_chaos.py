"""The short form of the chaos: real processes, real signals, and the same verdict as the long form's."""

from pathlib import Path

import pytest

from tests.chaos.attack import COPIES, SETTINGS, Attack, broken
from tests.chaos.loss import lose_database
from tests.support.stacks import running_stack

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.xdist_group("chaos")]
KILLS, SEED = 8, 20261123
RULES = 10


def test_processes_die_at_any_moment_and_then_the_database_for_good_and_every_promise_holds(
    tmp_path: Path,
) -> None:
    extra = {**SETTINGS, "OPENING_BUDGET_SECONDS": "5"}
    with running_stack(from_nothing=True, copies=COPIES, durable=True, extra=extra) as stack:
        attack = Attack(
            stack, tmp_path / "seen", SEED, KILLS, lasting=(4.0, 12.0), between=(0.5, 3.0), longest_away=5.0
        )
        verdict = attack.run()
        assert not broken(verdict), verdict
        assert verdict["kills"] == KILLS
        assert verdict["rules"] >= 3, "nothing was open while it was attacked"
        told = lose_database(stack, tmp_path / "lost", rules=RULES, lasting=25.0)
    assert told["open_when_lost"] >= RULES / 2, told
    assert not told["left_open"], told
    assert not told["late"], told
    assert not told["foreign_changed"], told
