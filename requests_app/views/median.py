"""Percentiles, worked out by PostgreSQL. One aggregate; what is measured is said where it is used."""

from typing import Any

from django.db.models import Aggregate, DurationField, ExpressionWrapper, F


class Percentile(Aggregate):
    """The time from `start` to `end` that this fraction of the rows stayed within; None without rows."""

    function = "PERCENTILE_CONT"
    name = "Percentile"
    output_field = DurationField()
    allow_distinct = False
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"

    def __init__(self, end: str, start: str, *, fraction: float, **extra: Any) -> None:
        lasted = ExpressionWrapper(F(end) - F(start), output_field=DurationField())
        super().__init__(lasted, fraction=float(fraction), **extra)
