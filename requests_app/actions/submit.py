"""Ask for access, or take the asking back. Deciding is in decide.py."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from audit_app import origin
from audit_app.clock import now
from audit_app.lifecycle import move
from audit_app.trail import About, record
from requests_app import lifecycle, preview
from requests_app.actions import grants, stages
from requests_app.actions.attempting import attempting
from requests_app.actions.refusals import refuse_unless_allowed
from requests_app.context import Ask
from requests_app.errors import Refused
from requests_app.models import AccessRequest, Grant, Person, RequestItem, Stage
from requests_app.policy.facts import ACTIVATION, REQUEST
from requests_app.policy.verdict import Verdict, steps
from requests_app.preview import Preview


def submit(
    *,
    by: Person,
    ask: Ask,
    submission_key: UUID,
    sign_in: dict[str, Any] | None = None,
    extends: Grant | None = None,
) -> AccessRequest:
    """A request waits for its first stage, its approvers are told, and the verdict is kept with it.

    The same form sent twice is one request. Raises Refused, naming the check, when policy says no, SignInNeeded when
    only `sign_in` (what the session knows of its sign-in) is in the way. With `extends` it asks for more time for that
    grant, which extend.py has looked at.
    """
    earlier = AccessRequest.objects.filter(requester=by, submission_key=submission_key).first()
    if earlier:
        return earlier
    about = About(
        kind="entitlement",
        id=ask.entitlement.key,
        label=ask.entitlement.name,
        resource=ask.entitlement.resource.name,
        subject=by.party,
    )
    try:
        with attempting("request.refused", by=by.party, about=about):
            return _submit(by, ask, submission_key, sign_in or {}, extends)
    except IntegrityError:
        return AccessRequest.objects.get(requester=by, submission_key=submission_key)


def _submit(
    by: Person, ask: Ask, submission_key: UUID, sign_in: dict[str, Any], extends: Grant | None
) -> AccessRequest:
    moment = now()
    here = origin.current()
    # More time begins by itself once agreed to: what activating asks for is asked now, while the person is there.
    moments = (REQUEST, ACTIVATION) if extends else (REQUEST,)
    seen = preview.preview(
        by, ask, observed=here.source_address, now=moment, moments=moments, sign_in=sign_in
    )
    refuse_unless_allowed(seen.verdict, *moments)
    access_request = AccessRequest.objects.create(
        requester=by,
        reason=ask.reason.strip(),
        ticket=ask.ticket.strip(),
        duration=ask.duration,
        source_address=ask.source,
        observed_address=here.source_address,
        submitted_at=moment,
        activate_within=seen.verdict.activate_within,
        policy_hash=seen.verdict.policy_hash,
        correlation_id=here.correlation_id,
        sign_in=sign_in,
        submission_key=submission_key,
        extends=extends,
    )
    RequestItem.objects.create(
        access_request=access_request,
        entitlement=ask.entitlement,
        verdict=seen.verdict.to_dict(),
        rules=[rule.to_dict() for rule in seen.rules],
    )
    Stage.objects.bulk_create(_stages(access_request, seen))
    _record(access_request, seen.verdict)
    _start(access_request, moment)
    return access_request


def _record(access_request: AccessRequest, verdict: Verdict) -> None:
    record(
        "request.submitted",
        by=access_request.requester.party,
        about=access_request.about(),
        why=access_request.reason,
        data={
            "duration_seconds": int(access_request.duration.total_seconds()),
            "source": access_request.source_address,
            "ticket": access_request.ticket,
            "policy": verdict.policy_hash,
            "rules": list(verdict.rules),
            **({"extends": str(access_request.extends.uid)} if access_request.extends else {}),
        },
    )


def _stages(access_request: AccessRequest, seen: Preview) -> list[Stage]:
    rules = seen.verdict.stages
    return [
        stages.build(access_request, rule, position=position, step=step)
        for position, (rule, step) in enumerate(zip(rules, steps(rules), strict=True), start=1)
    ]


def _start(access_request: AccessRequest, moment: datetime) -> None:
    if not stages.start_next(access_request, moment):
        grants.approve(access_request, moment, why="Policy asks for no approval.")


def withdraw(*, by: Person, access_request_id: int, why: str = "") -> AccessRequest:
    """The request is withdrawn and nobody is waited for any more. Refused for anyone but the requester."""
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
    return access_request
