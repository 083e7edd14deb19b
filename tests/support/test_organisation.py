"""The fixtures stand on the demo organisation."""

import pytest

from tests.support.organisation import ROLES, Organisation


def test_everybody_with_a_role_in_tests_is_there(people: Organisation) -> None:
    assert {key: people[key].user_principal_name.split("@")[0] for key in ROLES} == ROLES


def test_roles_have_the_rights_their_name_promises(people: Organisation) -> None:
    assert people["requester"].manager == people["manager"]
    assert people["auditor"].is_auditor
    assert not people["auditor"].is_administrator
    assert people["administrator"].is_administrator
    assert people["disabled"].enabled is False
    assert people["guest"].guest


@pytest.mark.parametrize("key", ["security", "security2"])
def test_security_is_in_the_security_group(people: Organisation, key: str) -> None:
    assert set(people[key].groups_read.values_list("name", flat=True)) == {"security", "all-staff"}
