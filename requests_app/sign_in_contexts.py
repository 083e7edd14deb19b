"""Whether anything in Entra stands behind each authentication context that policy asks for, as a worker last read it.

Entra gives a context that no Conditional Access policy targets to anybody who asks: the demand is then void. Pages and
verdicts read the database alone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import structlog
from django.db import transaction

from audit_app.clock import now
from audit_app.trail import About, record, system
from requests_app.models import Heartbeat, PolicyVersion
from requests_app.policy.document import load
from requests_app.policy.sign_in import demands_of
from requests_app.targets.base import TargetError
from requests_app.targets.conditional_access import AccessPolicy, policies_in_force
from requests_app.targets.graph import GraphReader

log = structlog.get_logger("latch.contexts")
HEARTBEAT: Final = "sign_in_contexts"
# A reading older than this says nothing of today.
FRESH: Final = timedelta(minutes=15)
KEPT, PARTLY, VOID, UNCHECKED = "kept", "partly", "void", "unchecked"
_SET_ONE: Final = "In Entra, set a Conditional Access policy on {context}, for all users, and switch it on."
_LOOK: Final = (
    "Give the workers' identity Graph's permission Policy.Read.ConditionalAccess, and look in the log."
)


@dataclass(frozen=True)
class Standing:
    """What stands behind one context: `state` is one of the four above, the rest is for people."""

    context: str
    state: str
    sentence: str
    way_on: str = ""

    @property
    def tone(self) -> str:
        """Return the tone of its badge."""
        return {KEPT: "good", VOID: "bad"}.get(self.state, "wait")

    @property
    def word(self) -> str:
        """Return the word of its badge."""
        return {KEPT: "Kept", PARTLY: "For some people", VOID: "Void"}.get(self.state, "Not checked")


def demanded() -> tuple[str, ...]:
    """Return the contexts that the policy in force asks for anywhere."""
    active = PolicyVersion.objects.filter(active=True).values_list("hash", flat=True).first()
    return _named_in(active) if active else ()


@lru_cache(maxsize=2)
def _named_in(policy_hash: str) -> tuple[str, ...]:
    policy = load(PolicyVersion.objects.get(hash=policy_hash).documents)
    named = {demand.context for demand in demands_of((*policy.rules, *policy.emergency)) if demand.context}
    return tuple(sorted(named, key=lambda context: (len(context), context)))


def refresh(reader: GraphReader) -> dict[str, str]:
    """What stands behind each context asked for is known, and said in the trail where it became void or kept again.

    Returns the state of each. Where Graph can not be read they are unchecked; where none is asked for it is not read.
    """
    contexts, began = demanded(), now()
    try:
        policies = policies_in_force(reader) if contexts else []
    except TargetError as error:
        log.error("contexts.unreadable", kind=error.kind, error=error.message, contexts=list(contexts))
        _keep(began, {context: _unchecked() for context in contexts}, error=error.kind)
        return dict.fromkeys(contexts, UNCHECKED)
    found = {context: _judged(context, policies) for context in contexts}
    _keep(began, found)
    return {context: str(one["state"]) for context, one in found.items()}


def void(contexts: Collection[str]) -> Mapping[str, str]:
    """Return, of these contexts, those that prove nothing as far as is known, each with its sentence."""
    return {one.context: one.sentence for one in standings(contexts) if one.state == VOID}


def standings(contexts: Iterable[str] | None = None, at: datetime | None = None) -> list[Standing]:
    """Return what is known of these contexts, or of all that policy asks for."""
    asked = demanded() if contexts is None else tuple(contexts)
    beat = Heartbeat.objects.filter(name=HEARTBEAT).first() if asked else None
    read = beat is not None and (at or now()) - beat.at <= FRESH
    known: Mapping[str, Any] = beat.data.get("contexts", {}) if beat and read else {}
    return [_standing(context, known.get(context)) for context in asked]


def _standing(context: str, known: Mapping[str, Any] | None) -> Standing:
    state = str((known or {}).get("state", UNCHECKED))
    names = " and ".join(f"“{name}”" for name in (known or {}).get("policies", []))
    if state == VOID:
        words = f"No Conditional Access policy stands behind {context}: Entra gives it to everybody, so it proves nothing."
        return Standing(context, state, words, _SET_ONE.format(context=context))
    if state == PARTLY:
        words = f"Behind {context} stands {names}, but not for everybody: whom it leaves out is given it all the same."
        return Standing(context, state, words, _SET_ONE.format(context=context))
    if state == KEPT:
        return Standing(context, state, f"Behind {context} stands {names}.")
    return Standing(
        context, UNCHECKED, f"Whether anything stands behind {context} could not be read from Graph.", _LOOK
    )


def _judged(context: str, policies: list[AccessPolicy]) -> dict[str, Any]:
    about = [policy for policy in policies if context in policy.contexts]
    whole = [policy for policy in about if policy.everybody]
    state = KEPT if whole else PARTLY if about else VOID
    return {"state": state, "policies": [policy.name for policy in (whole or about)[:5]]}


def _unchecked() -> dict[str, Any]:
    return {"state": UNCHECKED, "policies": []}


def _keep(at: datetime, found: dict[str, dict[str, Any]], *, error: str = "") -> None:
    """The reading is kept and each change told, unless a later one was there first."""
    with transaction.atomic():
        beat, made = Heartbeat.objects.select_for_update().get_or_create(name=HEARTBEAT, defaults={"at": at})
        if not made and beat.at > at:
            return
        # Told once: a context stays told of while it is void, and while nobody could look.
        told = set(beat.data.get("told", []))
        for context, one in found.items():
            if one["state"] == VOID and context not in told:
                _tell("signin.context_void", context)
                told.add(context)
            elif one["state"] in (KEPT, PARTLY) and context in told:
                _tell("signin.context_kept", context)
                told.discard(context)
        beat.at, beat.data = at, {"contexts": found, "told": sorted(told & set(found)), "error": error}
        beat.save()


def _tell(kind: str, context: str) -> None:
    void_now = kind == "signin.context_void"
    words = (
        _standing(context, {"state": VOID}).sentence
        if void_now
        else "A Conditional Access policy stands behind it."
    )
    record(
        kind,
        by=system("directory"),
        about=About(kind="authentication_context", id=context, label=context),
        why=words,
    )
    if void_now:
        log.error("contexts.void", context=context, why=words)
