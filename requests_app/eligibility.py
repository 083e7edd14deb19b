"""Who may ask for what, now; and keeping its past, so that it can be told as of any date since. Decides nothing itself."""

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
from requests_app.policy.verdict import Limits

log = structlog.get_logger("latch.eligibility")
# One worker at a time writes the spans: the number names this lock among the database's.
_LOCK = 0x6C61746368_01


@dataclass(frozen=True)
class Right:
    """One person may ask for one entitlement, at most so long and past these stages."""

    person: Person
    entitlement: Entitlement
    limits: Limits


def rights(
    people: QuerySet[Person], entitlements: QuerySet[Entitlement], moment: datetime
) -> Iterator[tuple[Person, list[Right]]]:
    """Return for each of these people what they may ask for of these; raises Refused where no policy is loaded."""
    policy = context.active_policy()
    offered = [(one, context.entitlement_facts(one)) for one in entitlements.select_related("resource")]
    for person in people.select_related("manager"):
        facts = person_facts(person, moment)
        limits = [(one, eligible(policy, facts, about)) for one, about in offered]
        yield person, [Right(person, one, most) for one, most in limits if most is not None]


def directory_is_fresh(moment: datetime) -> bool:
    """Return whether our copy of every group was read recently enough to say who is in it."""
    return is_fresh(DirectoryGroup.objects.aggregate(oldest=Min("read_at"))["oldest"], moment)


def refresh() -> int:
    """What people may ask for now stands in the spans; returns how many began or ended.

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
        held = {(one.person_id, one.right_key): one for one in EligibilitySpan.objects.filter(until=None)}
        new = []
        for person, found in rights(everybody, offered, moment):
            for right in found:
                if held.pop((person.identity, right.entitlement.key), None) is None:
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
        right_label=right.entitlement.name,
        resource_label=right.entitlement.resource.name,
        environment=right.entitlement.resource.environment,
        stages=", ".join(right.limits.stage_titles)[:300],
        max_minutes=int(right.limits.max_duration.total_seconds() // 60),
        policy_hash=version,
        since=moment,
    )
