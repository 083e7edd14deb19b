"""Columns of exports that the database works out: moments as text, decisions in one line. Reading only."""

from typing import Any, Final

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import Case, F, FloatField, Func, OuterRef, Subquery, TextField, Value, When
from django.db.models.functions import Cast, Concat, Extract, RTrim

from requests_app.models import Decision, RequestItem

_MOMENTS: Final = """(
    SELECT coalesce(string_agg(to_char(one AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '; ' ORDER BY one), '')
    FROM unnest(%(expressions)s) one
)"""


class _Utc(Func):
    """A moment as text: UTC, ISO 8601, to the second."""

    template = "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    output_field = TextField()


def decisions(request_column: str) -> Subquery:
    """Every decision of a request in one line, in the order they fell."""
    place = Case(
        When(in_place_of__isnull=False, then=Concat(Value(" for "), "in_place_of__display_name")),
        default=Value(""),
        output_field=TextField(),
    )
    told = Concat(
        _Utc("decided_at"),
        Value(" "),
        "person__display_name",
        place,
        Value(" "),
        "vote",
        Value(" ("),
        "stage__title",
        Value(") "),
        "reason",
        output_field=TextField(),
    )
    found = Decision.objects.filter(access_request=OuterRef(request_column)).order_by()
    return Subquery(
        found.values("access_request")
        .annotate(told=StringAgg(RTrim(told), delimiter="; ", order_by="decided_at"))
        .values("told")
    )


def joined(column: str) -> Subquery:
    """One text of all that a request asks for."""
    found = RequestItem.objects.filter(access_request=OuterRef("pk")).order_by()
    return Subquery(
        found.values("access_request")
        .annotate(all=StringAgg(column, delimiter=", ", distinct=True))
        .values("all")
    )


def minutes(column: str) -> Any:
    """A duration in minutes."""
    # PostgreSQL's own numeric would be written with sixteen zeros behind the point.
    return Cast(Extract(column, "epoch") / Value(60.0, output_field=FloatField()), FloatField())


def moments(column: str) -> Any:
    """A list of moments in one line, in order; empty for none."""
    return Func(F(column), template=_MOMENTS, output_field=TextField())


def yes(column: str) -> Any:
    """A flag as text, as JSON writes it."""
    return Cast(column, TextField())
