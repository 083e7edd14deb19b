"""What stands beside the form of asking: for each thing asked for, and for all of them together. Read-only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from audit_app import origin
from audit_app.clock import now
from requests_app import bundles
from requests_app.bundles import Bundle
from requests_app.context import Ask
from requests_app.models import Entitlement, Person
from requests_app.policy.checks import Check
from requests_app.policy.sign_in import FreshSignIn
from requests_app.policy.verdict import Limits
from requests_app.preview import RulePreview, StagePreview
from requests_app.views.http import PortalRequest, sign_in_facts
from requests_app.views.new_for import ForWhom
from requests_app.views.new_form import NewForm
from requests_app.views.stages import usual_waits

NEEDED = "needed"
# A check whose field is still empty is not a refusal yet. A reason is measured while it is being typed.
_STILL_EMPTY = {"duration": "duration", "ticket": "ticket"}
_THEIRS_STILL_EMPTY = {"source_missing": "their_source"}
# What asking itself leads to is no refusal either.
_NEEDED_ALL_ALONG = ("reason", FreshSignIn.name)


@dataclass(frozen=True)
class Part:
    """One thing asked for: the most there is of it, what policy says of it alone, and the rules to be written."""

    entitlement: Entitlement
    limits: Limits
    outcome: str
    checks: tuple[Check, ...]
    policy_rules: tuple[str, ...]
    rules: tuple[RulePreview, ...]


def preview_words(
    request: PortalRequest,
    entitlements: Sequence[Entitlement],
    form: NewForm,
    whom: ForWhom,
    *,
    asking: bool = True,
) -> dict[str, Any]:
    """Return what stands beside the form. While asking, what is only missing yet is not called a failure."""
    if whom.check:
        return _closed(entitlements, whom, whom.check)
    seen = _look(request, [form.ask(entitlement) for entitlement in entitlements], whom.person)
    found = [
        [_soften(check, form) if asking else check for check in part.verdict.checks] for part in seen.parts
    ]
    # What holds of each alike is said once; the rest beside the thing it is about.
    alike = [check for check in found[0] if all(check in checks for checks in found)]
    own = [tuple(check for check in checks if check not in alike) for checks in found]
    every = [*seen.checks, *dict.fromkeys(check for checks in found for check in checks)]
    return {
        "now": now(),
        "entitlements": entitlements,
        "most": min(one.max_duration for one in whom.limits),
        "shown": seen,
        "parts": [
            Part(entitlement, most, _outcome(mine), _open(mine), part.verdict.rules, part.rules)
            for entitlement, most, part, mine in zip(entitlements, whom.limits, seen.parts, own, strict=True)
        ],
        "directory_age": seen.parts[0].directory_age,
        "open_checks": _open([*seen.checks, *alike, *_not_understood(form)]),
        "passed_checks": [check for check in every if check.outcome == "pass"],
        "prove": any(check.name == FreshSignIn.name and check.outcome in ("fail", NEEDED) for check in every),
        "outcome": _outcome([*every, *_not_understood(form)]),
        "stages": [_stage(stage) for stage in seen.stages],
        "usual": _usual(entitlements),
        "windows": form.windows,
        "observed": origin.current().source_address,
        "whom": whom,
    }


def _look(request: PortalRequest, asks: Sequence[Ask], other: Person | None) -> Bundle:
    """Return what asking would do: for oneself from where one is, or for somebody else from where they say they are."""
    here = None if other else origin.current().source_address
    if other:
        asks = [replace(ask, asked_by=request.user) for ask in asks]
    whom = other or request.user
    return bundles.look(whom, asks, observed=here, now=now(), sign_in=sign_in_facts(request))


def _closed(entitlements: Sequence[Entitlement], whom: ForWhom, check: Check) -> dict[str, Any]:
    """Return what stands there while nothing may be said of anybody: this check, and nothing that depends on a person."""
    outcome = _outcome([check])
    return {
        "now": now(),
        "entitlements": entitlements,
        "most": min(one.max_duration for one in whom.limits),
        "parts": [
            Part(entitlement, most, outcome, (), (), ())
            for entitlement, most in zip(entitlements, whom.limits, strict=True)
        ],
        "open_checks": (check,),
        "passed_checks": [],
        "outcome": outcome,
        "observed": origin.current().source_address,
        "whom": whom,
        "closed": True,
    }


def _not_understood(form: NewForm) -> list[Check]:
    """Return what is said of a beginning that can not be read: else it would look as if it were asked for now."""
    wrong = [str(words[0]) for name, words in form.errors.items() if name in ("begins_at", "every", "times")]
    title = "It begins at a time that is understood"
    return [Check("start", title, NEEDED, words) for words in wrong]  # type: ignore[arg-type]


def _open(checks: Iterable[Check]) -> tuple[Check, ...]:
    return tuple(check for check in checks if check.outcome != "pass")


def _outcome(checks: Iterable[Check]) -> str:
    every = list(checks)
    if any(check.refuses for check in every):
        return "refused"
    return "incomplete" if any(check.outcome == NEEDED for check in every) else "allowed"


def _usual(entitlements: Sequence[Entitlement]) -> timedelta | None:
    """Return how long the slowest of them usually takes; None where one of them is not known."""
    waits = usual_waits([entitlement.pk for entitlement in entitlements])
    return max(waits.values()) if len(waits) == len(entitlements) else None


def _stage(stage: StagePreview) -> dict[str, Any]:
    """Return one stage for the stepper: who is there to decide it, and who is away until when."""
    return {
        "title": stage.need.title,
        "note": _seats(stage),
        "people": [one.label for one in stage.people if one.away_until is None],
        "away": [(one.label, one.away_until) for one in stage.people if one.away_until],
    }


def _seats(stage: StagePreview) -> str:
    if stage.need.everyone:
        return "all of them have to agree"
    return f"{stage.need.quorum} of them have to agree" if stage.need.quorum > 1 else ""


def _soften(check: Check, form: NewForm) -> Check:
    still_empty = {**_STILL_EMPTY, **(_THEIRS_STILL_EMPTY if form.for_other else {})}
    field = still_empty.get(check.name)
    empty = field is not None and not str(form.data.get(field, "")).strip()
    if check.outcome == "fail" and (empty or check.name in _NEEDED_ALL_ALONG):
        return replace(check, outcome=NEEDED)  # type: ignore[arg-type]
    return check
