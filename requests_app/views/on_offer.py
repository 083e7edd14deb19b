"""Whether what somebody wants to ask for is on offer to them; and where a review took it away, who did and why."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from audit_app.clock import now
from requests_app import context, directory
from requests_app.errors import LatchError, Missing, Refused
from requests_app.models import Entitlement, Person
from requests_app.policy.evaluate import eligible, taken_away
from requests_app.policy.verdict import Limits


def limits_of(
    person: Person, wanted: Sequence[Entitlement], *, otherwise: LatchError | None = None
) -> list[Limits]:
    """Return the most this person could get of each; raises `otherwise` where one is not on offer.

    Without it, raises Refused where all that is missing was taken away from them, else Missing, which tells nothing.
    """
    facts, policy = directory.person_facts(person, now()), context.active_policy()
    found = {one: eligible(policy, facts, context.entitlement_facts(one)) for one in wanted}
    limits = [most for most in found.values() if most is not None]
    if len(limits) < len(found):
        raise otherwise or not_offered(person, [one for one, most in found.items() if most is None])
    return limits


def not_offered(person: Person, entitlements: Iterable[Entitlement]) -> LatchError:
    """Return what to say of these, none of which is on offer: that they were taken away, but for that were on offer.

    Who could not ask for one of them in any case learns nothing of any.
    """
    facts, policy = directory.person_facts(person, now()), context.active_policy()
    as_before, said = replace(facts, taken_away={}), []
    for one in entitlements:
        known = context.entitlement_facts(one)
        checks = list(taken_away(facts, known))
        if not checks or eligible(policy, as_before, known) is None:
            return no_such()
        said.append((one, checks[0]))
    if not said:
        return no_such()
    check = said[0][1]
    reason = " ".join(f"{one.name}: {told.reason}" for one, told in said)
    return Refused(reason, check=check.title, way_on=check.way_on, title="Taken away from you")


def no_such() -> Missing:
    """Return the error that does not say whether there is such an entitlement at all."""
    return Missing(
        "There is no such entitlement, or none that you may ask for.",
        way_on="The catalogue shows all that you can ask for.",
    )
