"""Asking again for what was asked for before: the form as it was then, for policy to look at afresh."""

from collections.abc import Sequence

from django.contrib import messages
from django.db.models import Q

from audit_app.clock import now
from requests_app import context, directory
from requests_app.behalf import for_others
from requests_app.errors import Missing, Refused
from requests_app.models import AccessRequest, Entitlement, Grant, Person
from requests_app.policy.durations import write_duration
from requests_app.policy.evaluate import eligible
from requests_app.views.http import PortalRequest
from requests_app.views.on_offer import not_offered

_OVER = frozenset({AccessRequest.State.DENIED, AccessRequest.State.WITHDRAWN, AccessRequest.State.LAPSED})


def over(access_request: AccessRequest, grants: Sequence[Grant]) -> bool:
    """Return whether nothing can come of this request any more, so that it may be asked again."""
    if access_request.state == AccessRequest.State.APPROVED:
        return all(grant.state == Grant.State.CLOSED for grant in grants)
    return access_request.state in _OVER


def again(request: PortalRequest, pk: str) -> tuple[list[Entitlement], dict[str, str]]:
    """Return what this request of one's own asked for, as far as it is still on offer, and what its form said.

    What one asked for somebody else is asked for them again; who was asked for asks for themself.
    Raises Missing for anybody else's, and where nothing of it is on offer; says what is not. Raises Refused, with who and
    why, where all of it was taken away.
    """
    found = _of_ones_own(request.user, pk)
    if found is None:
        raise Missing("There is no such request of yours.", way_on="Your requests are on “My access”.")
    facts, policy = directory.person_facts(request.user, now()), context.active_policy()
    theirs = found.asked_by_id == request.user.pk
    limits = {
        item.entitlement: for_others(policy, facts, item.entitlement)
        if theirs
        else eligible(policy, facts, context.entitlement_facts(item.entitlement))
        for item in found.wanted
    }
    offered = [one for one, most in limits.items() if most]
    gone = [one.name for one, most in limits.items() if not most]
    if not offered:
        why_not = not_offered(request.user, limits)
        if isinstance(why_not, Refused):
            raise why_not
        raise Missing(
            "What you asked for then is not on offer to you any more.",
            way_on="The catalogue shows all that you can ask for.",
        )
    if gone:
        messages.warning(request, f"Not on offer to you any more, so left off: {', '.join(gone)}.")
    shortest = min(most.max_duration for most in limits.values() if most)
    return offered, {
        "duration": write_duration(min(found.duration, shortest)),
        "reason": found.reason,
        "ticket": found.ticket,
        **({"person": _name(found.requester), "their_source": found.source_address} if theirs else {}),
    }


def _of_ones_own(person: Person, pk: str) -> AccessRequest | None:
    mine = AccessRequest.objects.filter(Q(requester=person) | Q(asked_by=person)).select_related("requester")
    return mine.filter(pk=int(pk)).first() if pk.isdecimal() and len(pk) < 19 else None


def _name(person: Person) -> str:
    return person.user_principal_name or person.mail or str(person)
