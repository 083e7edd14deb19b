"""The pretend Kusto: what it answers to the queries it knows, and what it says to all others."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from latchportal.devcloud import kql

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
COLUMNS = {"At": "datetime", "Name": "string", "Id": "string", "More": "dynamic"}
ROWS = [
    {"At": NOON, "Name": "WRITE/RULE", "Id": "Aa", "More": {"entity": "/x/Rules/One"}},
    {"At": NOON + timedelta(1), "Name": "delete/rule", "Id": "bb", "More": {"entity": "/x/Rules/Two"}},
    {"At": NOON - timedelta(1), "Name": "WRITE/GROUP", "Id": "cc", "More": {}},
]


def ids(query: str) -> list[Any]:
    """The Ids the query leaves, in its order."""
    found = kql.run(query, {"Log": (COLUMNS, ROWS)})
    place = [name for name, _ in found.columns].index("Id")
    return [row[place] for row in found.rows]


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("Log", ["Aa", "bb", "cc"]),
        ('Log | where Name == "WRITE/RULE"', ["Aa"]),
        ('Log | where Name startswith "write/"', ["Aa", "cc"]),
        ('Log | where Id in ("aa", "bb")', ["bb"]),
        ('Log | where Id in~ ("aa", "bb")', ["Aa", "bb"]),
        ('Log | where Id == "cc" or Name startswith "DELETE" and Id == "bb"', ["bb", "cc"]),
        ('Log | where (Id == "cc" or Id == "Aa") and Name startswith "WRITE/G"', ["cc"]),
        ('Log | extend E = tolower(tostring(More.entity)) | where E == "/x/rules/two"', ["bb"]),
        ('Log | extend R = tostring(split(tostring(More.entity), "/")[-1]) | where R == "One"', ["Aa"]),
        ('Log | extend E = coalesce(tostring(More.entity), Name) | where E startswith "write"', ["cc"]),
        ("Log | order by At asc", ["cc", "Aa", "bb"]),
        ("Log | order by At desc | take 2", ["bb", "Aa"]),
        ('Log\n| where Id in~ (\n  "cc"\n)\n', ["cc"]),
    ],
)
def test_what_it_knows_it_answers(query: str, left: list[str]) -> None:
    assert ids(query) == left


def test_project_leaves_these_columns_in_this_order() -> None:
    found = kql.run(
        "Log | extend E = tostring(More.entity) | project E, At | take 1", {"Log": (COLUMNS, ROWS)}
    )
    assert found.columns == (("E", "string"), ("At", "datetime"))
    assert found.rows == [["/x/Rules/One", NOON]]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "Log |",
        "Log | where",
        "Log | where Id",
        "Log | where Id == bb",
        'Log | where Id != "bb"',
        "Log | where Id in ()",
        'Log | where Id in ("a" "b")',
        'Log | where Id == "a\\"b"',
        'Log | where Id == "a',
        "Log | where Id == 'a'",
        'Log | where (Id == "a"',
        "Log | take many",
        "Log | take -1",
        "Log | order by At",
        "Log | order by At upwards",
        "Log | summarize count()",
        "Log | extend X",
        "Log; Log",
        'Log | where Id == "a" // a remark',
        "let x = 1; Log",
    ],
)
def test_any_other_text_is_no_query(query: str) -> None:
    with pytest.raises(kql.SyntaxProblem):
        ids(query)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("Other | take 1", "Other"),
        ('Log | where Nothing == "a"', "Nothing"),
        ("Log | project Id, Nothing", "Nothing"),
        ("Log | project Id | order by At asc", "At"),
        ("Log | extend X = tostring(Nothing)", "Nothing"),
        ("Log | extend X = toupper(Id)", "toupper"),
        ("Log | extend X = tostring(Name.part)", "Name"),
    ],
)
def test_what_there_is_not_is_named(query: str, named: str) -> None:
    with pytest.raises(kql.SemanticProblem, match=named):
        ids(query)
