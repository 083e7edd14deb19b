"""Whether the session that acts signed in as lately, and as strongly, as policy asks of what it does."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from requests_app import context
from requests_app.errors import Refused, SignInNeeded
from requests_app.models import AccessRequest, Entitlement, Person
from requests_app.policy.facts import APPROVAL
from requests_app.policy.sign_in import WAY_ON, FreshSignIn, Need, read_facts, strictest


def require_at_approval(
    access_request: AccessRequest, sign_in: Mapping[str, Any] | None, now: datetime
) -> None:
    """Nothing, when the approver's sign-in will do; raises SignInNeeded when it does not show what is asked for.

    Asked for is what policy said when this was requested, which is what everybody was shown, and what it says by now:
    whichever is stricter. So neither a looser policy nor an older verdict makes it easier.
    """
    items = access_request.wanted
    promised = [FreshSignIn.from_dict(demand) for item in items for demand in item.verdict.get("sign_in", ())]
    wanted = [item.entitlement for item in items]
    by_now = context.sign_in_demands(access_request.requester, wanted, APPROVAL, now)
    require(strictest([*promised, *by_now], APPROVAL), sign_in, now)


def require_at(
    moment: str,
    *,
    by: Person,
    entitlements: Iterable[Entitlement],
    sign_in: Mapping[str, Any] | None,
    now: datetime,
) -> None:
    """Nothing, when this person's sign-in will do for these entitlements at this moment ("break_glass" and the others).

    Raises SignInNeeded by the policy in force. For actions that ask no whole verdict.
    """
    require(strictest(context.sign_in_demands(by, entitlements, moment, now), moment), sign_in, now)


def require(need: Need | None, sign_in: Mapping[str, Any] | None, now: datetime) -> None:
    """Nothing, when this sign-in shows what is needed; raises SignInNeeded otherwise. A session unknown shows nothing."""
    if need is None:
        return
    if lacking := need.lacking(read_facts(sign_in), now):
        raise needed(need, lacking)


def needed(need: Need, lacking: str, *, check: str = FreshSignIn.title) -> Refused:
    """Return the refusal that a fresh sign-in would lift."""
    return SignInNeeded(lacking, check=check, way_on=WAY_ON, contexts=need.contexts, within=need.within)
