"""Who could have asked for what, with policy's own verdict and the people who may decide. Reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from requests_app import context, sign_in_contexts
from requests_app.directory import person_facts
from requests_app.models import Entitlement, Person
from requests_app.policy.evaluate import eligible, evaluate
from requests_app.policy.verdict import Verdict

# Long enough for every rule of the demo's policy, and of the ticket's form.
REASON, TICKET = "Looking into the alarm of this morning", "INC-2214"
SHORT = timedelta(minutes=30)


@dataclass(frozen=True)
class Chance:
    """One person who may ask for one entitlement, and per stage those who may decide it."""

    person: Person
    entitlement: Entitlement
    verdict: Verdict
    approvers: tuple[tuple[Person, ...], ...]
    address: str


def chances(now: datetime) -> list[Chance]:
    """Return every pair policy allows today. Raises Refused when no policy is loaded."""
    policy = context.active_policy()
    people = {str(person.oid): person for person in Person.objects.select_related("manager").order_by("pk")}
    offered = Entitlement.objects.filter(active=True, resource__active=True).select_related("resource")
    # Those of the past had proved whatever policy asks for.
    proved = {"auth_time": now.isoformat(), "acrs": list(sign_in_contexts.demanded())}
    found = []
    for person in people.values():
        address, facts = usual_address(person), person_facts(person, now)
        for entitlement in offered:
            # Most pairs no rule speaks of; who would decide is the dear part of a verdict.
            if eligible(policy, facts, context.entitlement_facts(entitlement)) is None:
                continue
            ask = context.Ask(entitlement, SHORT, REASON, TICKET, address)
            attempt = context.attempt(policy, person, ask, observed=address, now=now, sign_in=proved)
            verdict = evaluate(policy, attempt)
            if verdict.allowed:
                stages = tuple(
                    tuple(people[approver.oid] for approver in attempt.approvers[need.name])
                    for need in verdict.stages
                )
                found.append(Chance(person, entitlement, verdict, stages, address))
    return found


def usual_address(person: Person) -> str:
    """Return a public address that is always the same for this person."""
    chosen = Random(str(person.oid))  # noqa: S311 - believable, not secret
    network = chosen.choice(("81.2.69", "89.160.20", "77.111.240", "46.255.231"))
    return f"{network}.{chosen.randint(2, 250)}"
