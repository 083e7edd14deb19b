"""Ask for access, or take the asking back. Deciding is in decide.py."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from audit_app import origin
from audit_app.clock import now
from audit_app.lifecycle import move
from audit_app.trail import About, record
from requests_app import bundles, lifecycle
from requests_app.actions import grants, stages
from requests_app.actions.attempting import attempting
from requests_app.actions.refusals import refuse_unless_all_allowed
from requests_app.bundles import Bundle
from requests_app.context import Ask
from requests_app.errors import Invalid, Refused
from requests_app.models import AccessRequest, Grant, Person, RequestItem, Stage
from requests_app.notices import behalf
from requests_app.policy.facts import ACTIVATION, REQUEST
from requests_app.policy.verdict import steps


def submit(
    *,
    by: Person,
    ask: Ask | None = None,
    asks: Sequence[Ask] = (),
    submission_key: UUID,
    sign_in: dict[str, Any] | None = None,
    extends: Grant | None = None,
    whom: Person | None = None,
) -> AccessRequest:
    """A request for one entitlement, or for several, waits for its first stage; verdicts are kept and approvers told.

    The same form sent twice is one request. Raises Refused, naming the check (and of several the one it is about), when
    policy says no, SignInNeeded when only `sign_in` (what the session knows of its sign-in) is in the way; Invalid for
    none, too many, or what does not ask the same of each. With `extends` it asks for more time for that grant, which
    extend.py has looked at. With `whom` it is asked for that person, who would get the access and is told of it; the
    sign-in is then that of who asks.
    """
    whom = whom or by
    asked_by = by if whom.pk != by.pk else None
    wanted = _one_bundle([replace(one, asked_by=asked_by) for one in asks or ([ask] if ask else [])], extends)
    sent = AccessRequest.objects.filter(requester=whom, asked_by=asked_by, submission_key=submission_key)
    earlier = sent.first()
    if earlier:
        return earlier
    try:
        with attempting("request.refused", by=by.party, about=_about(whom, wanted)):
            return _submit(whom, wanted, submission_key, sign_in or {}, extends)
    except IntegrityError:
        earlier = sent.first()
        if earlier is None:
            raise Invalid(
                "This form was used already.", way_on="Open the form anew, and ask again."
            ) from None
        return earlier


def _one_bundle(asks: Sequence[Ask], extends: Grant | None) -> tuple[Ask, ...]:
    """Return these asks, each entitlement once."""
    wanted = tuple({ask.entitlement.pk: ask for ask in asks}.values())
    if not wanted:
        raise Invalid(
            "Choose at least one thing to ask for.", way_on="The catalogue shows all that you can ask for."
        )
    most = 1 if extends else bundles.MOST
    if len(wanted) > most:
        raise Invalid(f"At most {most} can be asked for at once; these are {len(wanted)}.")
    if any(replace(ask, entitlement=wanted[0].entitlement) != wanted[0] for ask in wanted):
        raise Invalid(
            "What is asked for together is asked for the same time, from one address, for one reason."
        )
    return wanted


def _about(whom: Person, asks: Sequence[Ask]) -> About:
    wanted = [ask.entitlement for ask in asks]
    return About(
        kind="entitlement",
        id=",".join(one.key for one in wanted)[:80],
        label=", ".join(one.name for one in wanted),
        resource=", ".join(sorted({one.resource.name for one in wanted})),
        subject=whom.party,
    )


def _submit(
    whom: Person, asks: tuple[Ask, ...], submission_key: UUID, sign_in: dict[str, Any], extends: Grant | None
) -> AccessRequest:
    moment = now()
    here = origin.current()
    ask = asks[0]
    # Who asks for somebody else is not where they are.
    observed = None if ask.asked_by else here.source_address
    # More time begins by itself once agreed to: what activating asks for is asked now, while the person is there.
    moments = (REQUEST, ACTIVATION) if extends else (REQUEST,)
    seen = bundles.look(whom, asks, observed=observed, now=moment, moments=moments, sign_in=sign_in)
    refuse_unless_all_allowed(seen.verdicts, *moments, together=seen.checks)
    access_request = AccessRequest.objects.create(
        requester=whom,
        asked_by=ask.asked_by,
        reason=ask.reason.strip(),
        ticket=ask.ticket.strip(),
        duration=ask.duration,
        **_later(ask),
        source_address=ask.source,
        observed_address=observed,
        submitted_at=moment,
        activate_within=seen.activate_within,
        policy_hash=seen.parts[0].verdict.policy_hash,
        correlation_id=here.correlation_id,
        sign_in=sign_in,
        submission_key=submission_key,
        extends=extends,
    )
    RequestItem.objects.bulk_create(_items(access_request, seen))
    Stage.objects.bulk_create(_stages(access_request, seen))
    _record(access_request, seen)
    if access_request.asked_by:
        behalf.asked_for_you(access_request)
    _start(access_request, moment)
    return access_request


def _later(ask: Ask) -> dict[str, Any]:
    plan = ask.plan
    return {"starts": list(plan.starts), "time_zone": plan.zone, "every": plan.every} if plan else {}


def _items(access_request: AccessRequest, seen: Bundle) -> list[RequestItem]:
    return [
        RequestItem(
            access_request=access_request,
            entitlement=ask.entitlement,
            verdict=part.verdict.to_dict(),
            rules=[rule.to_dict() for rule in part.rules],
        )
        for ask, part in zip(seen.asks, seen.parts, strict=True)
    ]


def _record(access_request: AccessRequest, seen: Bundle) -> None:
    record(
        "request.submitted",
        by=(access_request.asked_by or access_request.requester).party,
        about=access_request.about(),
        why=access_request.reason,
        data={
            "duration_seconds": int(access_request.duration.total_seconds()),
            "source": access_request.source_address,
            "ticket": access_request.ticket,
            "policy": access_request.policy_hash,
            "rules": seen.rules,
            **({"starts": [at.isoformat() for at in access_request.starts]} if access_request.starts else {}),
            **({"entitlements": [ask.entitlement.key for ask in seen.asks]} if len(seen.asks) > 1 else {}),
            **({"extends": str(access_request.extends.uid)} if access_request.extends else {}),
        },
    )


def _stages(access_request: AccessRequest, seen: Bundle) -> list[Stage]:
    rules = tuple(stage.need for stage in seen.stages)
    return [
        stages.build(access_request, rule, position=position, step=step)
        for position, (rule, step) in enumerate(zip(rules, steps(rules), strict=True), start=1)
    ]


def _start(access_request: AccessRequest, moment: datetime) -> None:
    if not stages.start_next(access_request, moment):
        grants.approve(access_request, moment, why="Policy asks for no approval.")


def withdraw(*, by: Person, access_request_id: int, why: str = "") -> AccessRequest:
    """The request is withdrawn and nobody is waited for any more. Refused for who did not ask, nor is asked for."""
    about = AccessRequest.objects.get(pk=access_request_id).about()
    with attempting("request.withdraw_refused", by=by.party, about=about):
        access_request = (
            AccessRequest.objects.select_for_update(of=("self",))
            .select_related("requester")
            .get(pk=access_request_id)
        )
        if not lifecycle.allows(access_request, "withdraw", by):
            raise Refused("Only the person who asked can withdraw the request.", check="requester")
        moment = now()
        move(access_request, "withdraw", by=by.party, why=why, decided_at=moment, lapses_at=None)
        stages.cancel_rest(access_request, by.party)
        behalf.withdrawn(access_request, by=by)
    return access_request
