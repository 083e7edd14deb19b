"""Spend a latch code: from here on the right counts down towards its end, and convergence opens the door."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from audit_app import origin
from audit_app.clock import now
from audit_app.lifecycle import Stale, move
from audit_app.models import Event
from audit_app.trail import NOTHING, record
from requests_app import context, keyring, wake
from requests_app.actions.attempting import attempting
from requests_app.actions.codes import lock_issued, mint
from requests_app.actions.refusals import refuse_unless_allowed, require_armed
from requests_app.codes.token import CodeRefused, digest, verify
from requests_app.errors import Gone, Refused, SignInNeeded
from requests_app.models import AccessRequest, Container, Grant, LatchCode, Opening, Person
from requests_app.policy.facts import ACTIVATION, BREAK_GLASS
from requests_app.policy.source import inside
from requests_app.policy.verdict import Verdict
from requests_app.targets.mark import describe, rule_name


@dataclass(frozen=True)
class Activated:
    """What came of it: the request, and what of it policy refuses by now, each with its refusal; the rest is opening."""

    access_request: AccessRequest
    refused: tuple[tuple[Grant, Refused], ...] = ()


def activate_with_code(
    *, by: Person, text: str, from_elsewhere: bool = False, sign_in: dict[str, Any] | None = None
) -> Activated:
    """The code is spent and its grants are opening. Refused for anyone but its subject.

    Of several, one that policy refuses by now keeps none of the others shut; it stays ready to be activated.

    Refuses what is not a code of ours, Gone when revoked, spent or over, and an address other than the one asked
    from unless `from_elsewhere` says that this is meant (the rule lets in the address asked for all the same).
    SignInNeeded when policy asks for more than `sign_in` shows; the code is then not spent.
    """
    code = _find(by, text)
    access_request = AccessRequest.objects.select_related("requester").get(pk=code.access_request_id)
    jti = {"jti": str(code.jti)}
    with attempting("code.refused", by=by.party, about=access_request.about(), data=jti):
        # The request's row first, as everywhere; then the code, so that one used twice is refused as such and told.
        AccessRequest.objects.select_for_update().get(pk=access_request.pk)
        _spend(code, by, access_request)
        grants = lock_issued(access_request.pk, by)
        return _open(by, access_request, grants, from_elsewhere, sign_in)


def activate(
    *, by: Person, access_request_id: int, from_elsewhere: bool = False, sign_in: dict[str, Any] | None = None
) -> Activated:
    """As with a code, which is made and spent here in one step and never shown."""
    access_request = AccessRequest.objects.select_related("requester").get(pk=access_request_id)
    with attempting("code.refused", by=by.party, about=access_request.about()):
        grants = lock_issued(access_request_id, by)
        _, code = mint(access_request, grants, by)
        _spend(code, by, access_request)
        return _open(by, access_request, grants, from_elsewhere, sign_in)


def _find(by: Person, text: str) -> LatchCode:
    """Return the row of this code; refusals are recorded with whoever handed it in."""
    try:
        claims = verify(
            keyring.keys(),
            text.strip(),
            issuer=settings.BASE_URL,
            audience=settings.LATCH_CODE_AUDIENCE,
            now=now(),
        )
    except CodeRefused as refused:
        with attempting("code.refused", by=by.party, about=NOTHING):
            raise Refused(refused.reason, check=refused.check, way_on=refused.way_on) from refused
    codes = LatchCode.objects.select_related("access_request__requester")
    code = codes.filter(jti=claims.jti, digest=digest(text.strip())).first()
    about = code.access_request.about() if code else NOTHING
    with attempting("code.refused", by=by.party, about=about, data={"jti": claims.jti}):
        if claims.sub != by.identity:
            raise Refused("This latch code belongs to somebody else.", check="subject")
        if code is None:
            raise Refused("This portal knows no such latch code.", check="code")
    return code


def _spend(code: LatchCode, by: Person, access_request: AccessRequest) -> None:
    live = LatchCode.objects.filter(pk=code.pk, spent_at__isnull=True, revoked_at__isnull=True)
    if not live.update(spent_at=now()):
        code.refresh_from_db()
        if code.revoked_at:
            raise Gone(f"This latch code was revoked: {code.revoked_why.lower()}.", check="code revoked")
        raise Gone("This latch code was used already; it works once.", check="code used")
    record("code.spent", by=by.party, about=access_request.about(), data={"jti": str(code.jti)})


def _open(
    by: Person,
    access_request: AccessRequest,
    grants: list[Grant],
    from_elsewhere: bool,
    sign_in: dict[str, Any] | None,
) -> Activated:
    require_armed()
    moment = now()
    refused: list[tuple[Grant, Refused]] = []
    for grant in grants:
        end = _hard_end(grant, moment)
        try:
            open_grant(by, access_request, grant, moment, end, from_elsewhere=from_elsewhere, sign_in=sign_in)
        except SignInNeeded:
            raise
        except Refused as error:
            refused.append((grant, error))
    if len(refused) == len(grants):
        raise refused[0][1]
    for grant, refusal in refused:
        _record_refusal(by, grant, refusal)
    return Activated(access_request, tuple(refused))


def _record_refusal(by: Person, grant: Grant, error: Refused) -> None:
    record(
        "grant.activate_refused",
        by=by.party,
        about=grant.about(),
        outcome=Event.Outcome.REFUSED,
        why=error.reason,
        data={"check": error.check},
    )


def _hard_end(grant: Grant, moment: datetime) -> datetime:
    """Return the end for Azure of what is activated now: never later than its window's."""
    end = moment + timedelta(seconds=settings.OPENING_BUDGET_SECONDS) + grant.duration
    return min(end, grant.closes_by) if grant.closes_by else end


def open_grant(
    by: Person,
    access_request: AccessRequest,
    grant: Grant,
    moment: datetime,
    hard_end: datetime,
    *,
    from_elsewhere: bool,
    sign_in: dict[str, Any] | None = None,
) -> None:
    """The grant is opening, and ends at `hard_end` at the latest. The caller holds its request's row and its own.

    Refused, with nothing written, when policy or the directory says no by now, and from another address unless
    `from_elsewhere`; SignInNeeded when policy asks for more than `sign_in` shows.
    """
    observed = origin.current().source_address
    _same_address(grant, observed, from_elsewhere)
    of = grant.entitlement.name if len(access_request.wanted) > 1 else ""
    at = BREAK_GLASS if access_request.break_glass else ACTIVATION
    refuse_unless_allowed(_verdict(by, access_request, grant, moment, at, sign_in), at, of=of)
    move(
        grant,
        "activate",
        by=by.party,
        activated_at=moment,
        hard_end=hard_end,
        data={"observed": observed, "source": grant.source_address, "hard_end": hard_end.isoformat()},
    )
    _want_open(grant, moment)


def _same_address(grant: Grant, observed: str | None, from_elsewhere: bool) -> None:
    if from_elsewhere or (observed and inside(observed, (grant.source_address,))):
        return
    there, way = f"You asked from {grant.source_address} and are", "Go back to where you asked from"
    if grant.access_request.asked_by_id:
        there, way = f"It was asked for from {grant.source_address} and you are", "Go there"
    raise Refused(
        f"{there} now at {observed or 'an address that can not be told'}. "
        f"The rule would still let in {grant.source_address} only.",
        check="source address",
        way_on=f"{way}, ask again from here, or confirm that you mean the address you asked for.",
        title="You are somewhere else now",
    )


def _verdict(
    by: Person,
    access_request: AccessRequest,
    grant: Grant,
    moment: datetime,
    at: str,
    sign_in: dict[str, Any] | None,
) -> Verdict:
    ask = context.Ask(
        entitlement=grant.entitlement,
        duration=grant.duration,
        reason=access_request.reason,
        ticket=access_request.ticket,
        source=grant.source_address,
    )
    return context.verdict_at_activation(by, ask, now=moment, moments=(at,), sign_in=sign_in)


def _want_open(grant: Grant, moment: datetime) -> None:
    assert grant.hard_end is not None  # noqa: S101 - set by the move just before
    entitlement = grant.entitlement
    for number, azure_id in enumerate(dict.fromkeys(map(Container.one_spelling, entitlement.nsgs)), start=1):
        container, _ = Container.objects.get_or_create(azure_id=azure_id, defaults={"kind": entitlement.kind})
        name = rule_name(settings.LATCH_INSTANCE, grant.uid, number)
        Opening.objects.create(
            grant=grant,
            container=container,
            name=name,
            desired=Opening.Desired.PRESENT,
            desired_spec={
                "name": name,
                "source": grant.source_address,
                "destination": entitlement.destination,
                "protocol": entitlement.protocol,
                "ports": [str(port) for port in entitlement.ports],
                "description": describe(grant.uid.hex[:12], grant.access_request_id, grant.hard_end),
            },
            due_at=moment,
        )
        wake.wake(wake.CONVERGE, container.pk)
    if not entitlement.nsgs:
        raise Stale("This entitlement names no network security group any more. Nothing was changed.")
