"""The latest doors of the last day, held against counting one by one: opened today, closed today, not closed at all."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from audit_app.pictures import doors
from audit_app.pictures.figures import PERIOD
from tests.audit_app.test_overview import HOUR, NOW, opened

pytestmark = pytest.mark.django_db
DAYS = timedelta(days=1)


def shown() -> list[tuple[str, Any]]:
    return [(door.grant, door.closed_at) for door in doors.doors(NOW - PERIOD, NOW)]


def test_a_door_is_shown_that_was_open_at_any_time_of_the_last_day() -> None:
    opened(NOW - 20 * DAYS, None, grant="never closed")
    opened(NOW - 5 * DAYS, 5 * DAYS - HOUR, grant="closed today")
    opened(NOW - 5 * DAYS, HOUR, grant="long over")
    opened(NOW - 40 * DAYS, None, grant="before the period")
    opened(NOW - HOUR, None, grant="opened today")
    opened(NOW - 3 * HOUR, HOUR, grant="opened and closed today")
    assert shown() == [
        ("opened today", None),
        ("opened and closed today", NOW - 2 * HOUR),
        ("closed today", NOW - HOUR),
        ("never closed", None),
    ]


def test_a_grant_opened_twice_is_two_doors_each_with_its_own_closing() -> None:
    opened(NOW - 5 * DAYS, HOUR)
    opened(NOW - 2 * HOUR, HOUR)
    assert shown() == [("g", NOW - HOUR)]


@pytest.mark.parametrize("most", [1, 5, 40])
def test_the_latest_are_those_of_counting_one_by_one(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "MOST_DOORS", most)
    chance, wanted = Random(most), []
    for number in range(60):
        begin = NOW - timedelta(seconds=chance.randrange(4 * 86_400))
        lasting = None if number % 12 == 0 else timedelta(seconds=chance.randrange(2 * 86_400))
        end = begin + lasting if lasting is not None else None
        if end is not None and end > NOW:
            lasting, end = None, None
        opened(begin, lasting, grant=f"g{number}", story=f"request-{number}")
        if end is None or end > NOW - doors.DAY:
            wanted.append((begin, f"g{number}", end))
    wanted.sort(reverse=True)
    assert shown() == [(grant, end) for _, grant, end in wanted[:most]]
