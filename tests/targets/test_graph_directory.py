"""The directory reader against the pretend Graph with the demo's organisation."""

from __future__ import annotations

import pytest

from latchportal.devcloud import world
from requests_app.targets.base import TargetError
from requests_app.targets.graph import GraphReader
from tests.support.devcloud import WORLD
from tests.targets.pretend import Pretend


def test_everyone_is_read_though_graph_answers_in_pages(pretend: Pretend) -> None:
    expected = {
        (p.oid, p.name, p.upn, p.mail or "", p.enabled, p.guest, p.manager) for p in world.load(WORLD).people
    }
    found = {
        (p.oid, p.display_name, p.upn, p.mail, p.enabled, p.guest, p.manager_oid)
        for p in GraphReader(pretend.config()).people()
    }
    assert found == expected


def test_a_group_holds_the_members_of_the_groups_in_it(pretend: Pretend) -> None:
    told = world.load(WORLD)
    by_id = {group.id: group for group in told.groups}

    def everyone(oid: str) -> set[str]:
        group = by_id[oid]
        return set(group.members).union(*(everyone(inner) for inner in group.groups))

    found = {group.oid: group for group in GraphReader(pretend.config()).groups(by_id)}
    assert {oid: set(group.member_oids) for oid, group in found.items()} == {
        oid: everyone(oid) for oid in by_id
    }
    assert {oid: group.name for oid, group in found.items()} == {
        oid: group.name for oid, group in by_id.items()
    }


def test_a_throttled_directory_is_read_in_the_end(pretend: Pretend) -> None:
    pretend.graph_fault(status=429, times=1, retry_after=1)
    assert any(GraphReader(pretend.config()).people())


@pytest.mark.parametrize(("status", "kind"), [(403, "forbidden"), (500, "unknown"), (503, "unreachable")])
def test_a_directory_that_cannot_be_read_is_an_error(pretend: Pretend, status: int, kind: str) -> None:
    pretend.graph_fault(status=status, times=9, retry_after=60)
    with pytest.raises(TargetError) as caught:
        list(GraphReader(pretend.config(), deadline_seconds=5).people())
    assert caught.value.kind == kind
