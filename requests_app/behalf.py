"""Whom somebody may ask for, beside themself: by policy and our copy of the directory. Reads only.

Policy decides at the request; this finds the people by name, and says on which pages the question stands at all.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Q, QuerySet

from requests_app import context, directory
from requests_app.models import Entitlement, Person
from requests_app.policy.evaluate import most
from requests_app.policy.facts import EntitlementFacts, PersonFacts
from requests_app.policy.model import PolicySet, Rule
from requests_app.policy.on_behalf import check_asker
from requests_app.policy.verdict import Limits

# So many people are offered by name; whoever is not among them can be written all the same.
MOST_NAMES = 200


def allowing(policy: PolicySet, asker: PersonFacts, about: EntitlementFacts) -> list[Rule]:
    """Return the rules about this entitlement that let this person ask for those they are for."""
    found = policy.rules_about(about) if about.active and asker.enabled is True else ()
    return [rule for rule in found if rule.on_behalf is not None and rule.on_behalf.matches(asker)]


def for_others(policy: PolicySet, asker: PersonFacts, entitlement: Entitlement) -> Limits | None:
    """Return the most this person could ask of it for somebody else; None when they cannot for anybody."""
    rules = allowing(policy, asker, context.entitlement_facts(entitlement))
    return most(policy, tuple(rules)) if rules else None


def find(asker: Person, named: str) -> Person | None:
    """Return the one person of the asker's tenant with this sign-in name, mail address or full name; None otherwise."""
    name = named.strip()
    here = Person.objects.filter(tid=asker.tid)
    ways = ("user_principal_name__iexact", "mail__iexact", "display_name__iexact") if name else ()
    for way in ways:
        found = list(here.filter(**{way: name})[:2])
        if found:
            return found[0] if len(found) == 1 else None
    return None


def terms(asker: Person, whom: Person, wanted: Iterable[Entitlement], now: datetime) -> list[Limits] | None:
    """Return the most there is of each for that person, where policy lets this one ask for all of them; else None.

    What else policy says of it, the request is told.
    """
    policy = context.active_policy()
    own, facts = directory.person_facts(asker, now), directory.person_facts(whom, now)
    about = [context.entitlement_facts(one) for one in wanted]
    rules = [tuple(rule for rule in policy.rules_about(one) if rule.who.matches(facts)) for one in about]
    if asker.pk == whom.pk or any(check_asker(own, some).refuses for some in rules):
        return None
    return [most(policy, some) for some in rules]


def names(asker: Person, wanted: Sequence[Entitlement], now: datetime) -> QuerySet[Person]:
    """Return people to offer by name: whom some rule is for that lets this person ask, as far as is known now."""
    policy, facts = context.active_policy(), directory.person_facts(asker, now)
    rules = [rule for one in wanted for rule in allowing(policy, facts, context.entitlement_facts(one))]
    oids = frozenset[str]().union(*(rule.who.people for rule in rules))
    groups = frozenset[str]().union(*(rule.who.group_oids for rule in rules))
    meant = Q(oid__in=oids) | Q(groups_read__oid__in=groups, groups_read__read_at__gte=directory.oldest(now))
    known = Person.objects.filter(tid=asker.tid, enabled=True).exclude(pk=asker.pk)
    found = known if any(rule.who.anyone for rule in rules) else known.filter(meant).distinct()
    return found.order_by("display_name", "pk")[:MOST_NAMES]
