"""Two browsers of one new person at the same instant."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from django.db import connection

from audit_app.models import Event
from latchportal.entra.admission import admit
from latchportal.entra.claims import Identity
from requests_app.models import Person, SignIn
from tests.support.environment import TENANT

NIA = Identity(
    tid=UUID(TENANT),
    oid=UUID("c9f0c0de-0000-4000-8000-0000000000aa"),
    name="Nia Newcomer",
    upn="nia@northwind-harbour.example",
    guest=False,
    roles=frozenset({"Latch.Auditor"}),
    acrs=(),
    auth_time=None,
    sid="",
)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_first_sign_ins_at_once_make_one_person() -> None:
    together = Barrier(4, timeout=10)

    def come_in(_: int) -> int:
        try:
            connection.ensure_connection()
            together.wait()
            return admit(NIA).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(come_in, range(4)))
    nia = Person.objects.get()
    assert set(found) == {nia.pk}
    assert nia.role_names == {"Latch.Auditor"}
    assert SignIn.objects.filter(person=nia).count() == 4
    assert Event.objects.filter(kind="signin.succeeded").count() == 4
