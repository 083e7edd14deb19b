"""When a campaign begins again, and when others are asked as well: by the calendar, month ends included."""

from datetime import UTC, datetime, timedelta

import pytest

from audit_app.recurring import escalates_at, next_start

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "recurrence", "then"),
    [
        (START, "never", None),
        (START, "daily", datetime(2026, 2, 1, 9, 30, tzinfo=UTC)),
        (START, "weekly", datetime(2026, 2, 7, 9, 30, tzinfo=UTC)),
        (START, "monthly", datetime(2026, 2, 28, 9, 30, tzinfo=UTC)),
        (datetime(2028, 1, 31, tzinfo=UTC), "monthly", datetime(2028, 2, 29, tzinfo=UTC)),
        (START, "quarterly", datetime(2026, 4, 30, 9, 30, tzinfo=UTC)),
        (START, "half_yearly", datetime(2026, 7, 31, 9, 30, tzinfo=UTC)),
        (datetime(2026, 11, 15, tzinfo=UTC), "quarterly", datetime(2027, 2, 15, tzinfo=UTC)),
        (datetime(2026, 12, 1, tzinfo=UTC), "monthly", datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2028, 2, 29, tzinfo=UTC), "yearly", datetime(2029, 2, 28, tzinfo=UTC)),
    ],
)
def test_the_next_campaign_begins_on_the_same_day_or_the_months_last(start, recurrence, then):
    assert next_start(start, recurrence) == then


@pytest.mark.parametrize(
    ("lasts", "before"),
    [
        (timedelta(days=14), timedelta(days=1)),
        (timedelta(days=4), timedelta(days=1)),
        (timedelta(days=2), timedelta(hours=12)),
        (timedelta(hours=1), timedelta(minutes=15)),
    ],
)
def test_others_are_asked_in_the_last_quarter_and_at_most_the_last_day(lasts, before):
    assert escalates_at(START, START + lasts) == START + lasts - before
