"""refresh(): our copy of who is on call says what the rotas of the policy in force say. Deciding by it is `directory`.

A rota that can not be read keeps what was read last, and grows old: then nobody is on call.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Lower

from audit_app.clock import now
from requests_app import calendars, context
from requests_app.models import Person, Shift
from requests_app.models import Rota as RotaRow
from requests_app.policy.model import Rota

log = structlog.get_logger("latch.rotas")
# So far ahead shifts are kept; a calendar is read again long before.
AHEAD = timedelta(days=2)


def refresh() -> int:
    """Every rota was read; returns how many could be. Raises Refused where no policy is loaded."""
    rotas = context.active_policy().rotas
    RotaRow.objects.exclude(name__in=[rota.name for rota in rotas]).delete()
    return sum(_refresh(rota) for rota in rotas)


def _refresh(rota: Rota) -> bool:
    moment = now()
    row, _ = RotaRow.objects.get_or_create(name=rota.name)
    try:
        shifts = list(_by_calendar(row, rota, moment) if rota.calendar else _by_list(row, rota))
    except calendars.Unreadable as error:
        row.error = str(error)
        row.save(update_fields=["error"])
        log.warning("rota.unreadable", rota=rota.name, error=row.error, read_at=str(row.read_at))
        return False
    with transaction.atomic():
        row.shifts.all().delete()
        Shift.objects.bulk_create(shifts)
        row.read_at, row.error = moment, ""
        row.save(update_fields=["read_at", "error"])
    return True


def _by_list(row: RotaRow, rota: Rota) -> Iterable[Shift]:
    people = Person.objects.filter(tid=_tenant(), oid__in=[UUID(oid) for oid in rota.people])
    return (Shift(rota=row, person=person) for person in people)


def _by_calendar(row: RotaRow, rota: Rota, moment: datetime) -> Iterable[Shift]:
    entries = calendars.read(rota.calendar, since=moment - timedelta(hours=1), until=moment + AHEAD)
    found = _signing_in_as({entry.who for entry in entries})
    for entry in entries:
        person = found.get(entry.who)
        if person is None:
            log.info("rota.unknown_person", rota=rota.name, who=entry.who)
            continue
        yield Shift(rota=row, person=person, starts_at=entry.starts_at, ends_at=entry.ends_at)


def _signing_in_as(names: set[str]) -> dict[str, Person]:
    """Return people by the name they sign in with, which is one person's in a tenant; mail may be set by its owner."""
    lower = Person.objects.filter(tid=_tenant()).annotate(signs_in_as=Lower("user_principal_name"))
    people = lower.filter(signs_in_as__in=names)
    found: dict[str, Person] = {}
    for person in people:
        name = person.user_principal_name.lower()
        if name in found:
            # Two rows of one name: one of them is out of date, and nobody can say which.
            names.discard(name)
        found[name] = person
    return {name: person for name, person in found.items() if name in names}


def _tenant() -> UUID:
    return UUID(settings.ENTRA_TENANT_ID)
