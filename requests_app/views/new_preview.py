"""What stands beside the form of asking: for each thing asked for, and for all of them together. Read-only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from audit_app import origin
from audit_app.clock import now
from requests_app import bundles
from requests_app.models import Entitlement
from requests_app.policy.checks import Check
from requests_app.policy.sign_in import FreshSignIn
from requests_app.policy.verdict import Limits
from requests_app.preview import RulePreview, StagePreview
from requests_app.views.http import PortalRequest, sign_in_facts
from requests_app.views.new_form import NewForm
from requests_app.views.stages import usual_waits

NEEDED = "needed"
# A check whose field is still empty is not a refusal yet. A reason is measured while it is being typed.
_STILL_EMPTY = {"duration": "duration", "ticket": "ticket"}
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
    limits: Sequence[Limits],
    *,
    asking: bool = True,
) -> dict[str, Any]:
    """Return what stands beside the form. While asking, what is only missing yet is not called a failure."""
    here, moment = origin.current().source_address, now()
    asks = [form.ask(entitlement) for entitlement in entitlements]
    seen = bundles.look(request.user, asks, observed=here, now=moment, sign_in=sign_in_facts(request))
    found = [
        [_soften(check, form) if asking else check for check in part.verdict.checks] for part in seen.parts
    ]
    # What holds of each alike is said once; the rest beside the thing it is about.
    alike = [check for check in found[0] if all(check in checks for checks in found)]
    own = [tuple(check for check in checks if check not in alike) for checks in found]
    every = [*seen.checks, *dict.fromkeys(check for checks in found for check in checks)]
    return {
        "now": moment,
        "entitlements": entitlements,
        "most": min(one.max_duration for one in limits),
        "shown": seen,
        "parts": [
            Part(entitlement, most, _outcome(mine), _open(mine), part.verdict.rules, part.rules)
            for entitlement, most, part, checks, mine in zip(
                entitlements, limits, seen.parts, found, own, strict=True
            )
        ],
        "directory_age": seen.parts[0].directory_age,
        "open_checks": _open([*seen.checks, *alike, *_not_understood(form)]),
        "passed_checks": [check for check in every if check.outcome == "pass"],
        "prove": any(check.name == FreshSignIn.name and check.outcome in ("fail", NEEDED) for check in every),
        "outcome": _outcome([*every, *_not_understood(form)]),
        "stages": [_stage(stage) for stage in seen.stages],
        "usual": _usual(entitlements),
        "windows": form.windows,
        "observed": here,
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
    field = _STILL_EMPTY.get(check.name)
    empty = field is not None and not str(form.data.get(field, "")).strip()
    if check.outcome == "fail" and (empty or check.name in _NEEDED_ALL_ALONG):
        return replace(check, outcome=NEEDED)  # type: ignore[arg-type]
    return check
