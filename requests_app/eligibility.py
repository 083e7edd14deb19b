"""Who may have what and how, now; and keeping its past, to be told as of any date since. Decides nothing itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import connection, transaction
from django.db.models import Min, QuerySet

from audit_app.clock import now
from requests_app import context
from requests_app.directory import is_fresh, person_facts
from requests_app.models import DirectoryGroup, EligibilitySpan, Entitlement, Person
from requests_app.policy.evaluate import eligible
from requests_app.policy.facts import BREAK_GLASS
from requests_app.policy.verdict import Limits

log = structlog.get_logger("latch.eligibility")
# One worker at a time writes the spans: the number names this lock among the database's.
_LOCK = 0x6C61746368_01


@dataclass(frozen=True)
class Right:
    """One person may have one entitlement in this way, at most so long and past these stages."""

    person: Person
    entitlement: Entitlement
    way: EligibilitySpan.Way
    limits: Limits


def rights(
    people: QuerySet[Person], entitlements: QuerySet[Entitlement], moment: datetime
) -> Iterator[tuple[Person, list[Right]]]:
    """Return for each of these people what they may ask for of these, and for what they may break the glass.

    Raises Refused where no policy is loaded.
    """
    ways = (
        (EligibilitySpan.Way.ASK, context.policy_at()),
        (EligibilitySpan.Way.BREAK_GLASS, context.policy_at(BREAK_GLASS)),
    )
    offered = [(one, context.entitlement_facts(one)) for one in entitlements.select_related("resource")]
    for person in people.select_related("manager"):
        facts = person_facts(person, moment)
        yield (
            person,
            [
                Right(person, one, way, most)
                for one, about in offered
                for way, policy in ways
                if (most := eligible(policy, facts, about)) is not None
            ],
        )


def directory_is_fresh(moment: datetime) -> bool:
    """Return whether our copy of every group was read recently enough to say who is in it."""
    return is_fresh(DirectoryGroup.objects.aggregate(oldest=Min("read_at"))["oldest"], moment)


def refresh() -> int:
    """What people may have now stands in the spans; returns how many began or ended.

    While the directory copy is old nothing is concluded: the spans go on as they are.
    """
    moment = now()
    if not directory_is_fresh(moment):
        log.warning("eligibility.directory_old")
        return 0
    version = context.active_policy().hash
    everybody = Person.objects.exclude(enabled=False).order_by("pk")
    offered = Entitlement.objects.filter(active=True, resource__active=True)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        going_on = EligibilitySpan.objects.filter(until=None)
        held = {(one.person_id, one.right_key, one.way): one for one in going_on}
        new = []
        for person, found in rights(everybody, offered, moment):
            for right in found:
                if held.pop((person.identity, right.entitlement.key, right.way.value), None) is None:
                    new.append(_span(right, version, moment))
        ended = EligibilitySpan.objects.filter(pk__in=[span.pk for span in held.values()], since__lt=moment)
        ended.update(until=moment)
        EligibilitySpan.objects.bulk_create(new, batch_size=1000)
    return len(new) + len(held)


def _span(right: Right, version: str, moment: datetime) -> EligibilitySpan:
    return EligibilitySpan(
        person_id=right.person.identity,
        person_label=str(right.person)[:200],
        right_key=right.entitlement.key,
        way=right.way,
        right_label=right.entitlement.name,
        resource_label=right.entitlement.resource.name,
        environment=right.entitlement.resource.environment,
        stages=", ".join(right.limits.stage_titles)[:300],
        max_minutes=int(right.limits.max_duration.total_seconds() // 60),
        policy_hash=version,
        since=moment,
    )
