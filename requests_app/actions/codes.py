"""Latch codes: made for the signed-in requester, shown once, cancelled. Spending one is in activate.py."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction

from audit_app.clock import now
from audit_app.lifecycle import Stale, move
from audit_app.trail import Party, record
from requests_app import keyring, lifecycle
from requests_app.actions import status_lists
from requests_app.actions.attempting import attempting
from requests_app.codes.claims import Claims, GrantClaim
from requests_app.codes.token import digest, sign
from requests_app.errors import Gone, Refused
from requests_app.models import AccessRequest, Grant, LatchCode, Person

_TRIES = 3


def get_code(*, by: Person, access_request_id: int) -> str:
    """Return a fresh latch code for this approved request; the one before is revoked. It is not kept as text.

    It is for the window that is open or comes next, and good from when that begins. Refused for anyone but the
    requester; Stale when nothing is left to activate; Gone past the activation time.
    """
    access_request = AccessRequest.objects.select_related("requester").get(pk=access_request_id)
    with attempting("code.refused", by=by.party, about=access_request.about()):
        grants = lock_issued(access_request_id, by, ahead=True)
        text, _ = mint(access_request, grants, by)
    return text


def lock_issued(access_request_id: int, by: Person, *, ahead: bool = False) -> list[Grant]:
    """Return the request's grants that wait for activation, of one window if it has some; request and grants are locked.

    Refused for anyone but the requester, and before the window has begun unless it is looked `ahead`; Stale when none
    waits; Gone when their time to activate is over.
    """
    access_request = AccessRequest.objects.select_for_update().get(pk=access_request_id)
    if by.pk != access_request.requester_id:
        raise Refused("A latch code is for the person who asked, and for nobody else.", check="requester")
    grants = list(
        Grant.objects.select_for_update(of=("self",))
        .filter(access_request=access_request, state=Grant.State.ISSUED)
        .select_related("entitlement__resource", "person", "access_request")
        .order_by("pk")
    )
    if not grants:
        raise Stale("Nothing of this request waits for activation. Nothing was changed.")
    return _of_one_window(grants, now(), ahead=ahead)


def _of_one_window(grants: list[Grant], moment: datetime, *, ahead: bool) -> list[Grant]:
    usable = [grant for grant in grants if moment < grant.activate_by]
    if not usable:
        raise Gone(
            "The time to activate this request is over.",
            check="activate by",
            way_on="Ask again; it takes a minute.",
        )
    first = min(usable, key=lambda grant: grant.activate_by)
    if not ahead and first.activate_from and not first.begun(moment):
        raise Refused(
            f"It was agreed to from {first.activate_from:%a %-d %b, %H:%M} UTC on, and not before.",
            check="window",
            way_on="Come back then; you are told when it begins.",
        )
    return [grant for grant in usable if grant.activate_from == first.activate_from]


def mint(access_request: AccessRequest, grants: list[Grant], by: Person) -> tuple[str, LatchCode]:
    """Return a new code for these grants, and its row. Any code before it is revoked. The caller holds the rows."""
    moment = now()
    revoke_live(access_request, moment, "Replaced by a new code", by.party)
    text, code = _made(access_request, grants, moment)
    record(
        "code.minted", by=by.party, about=access_request.about(), data={"jti": str(code.jti), "kid": code.kid}
    )
    return text, code


def _made(access_request: AccessRequest, grants: list[Grant], moment: datetime) -> tuple[str, LatchCode]:
    for _ in range(_TRIES):
        # Somebody else may have drawn the same place of the status list a moment before: then another is drawn.
        with suppress(IntegrityError), transaction.atomic():
            return _kept(access_request, grants, moment)
    return _kept(access_request, grants, moment)


def _kept(access_request: AccessRequest, grants: list[Grant], moment: datetime) -> tuple[str, LatchCode]:
    ring = keyring.keys()
    number, place = status_lists.draw()
    claims = replace(_claims(access_request, grants, moment), status=status_lists.claim(number, place))
    text = sign(ring, claims)
    code = LatchCode.objects.create(
        access_request=access_request,
        jti=claims.jti,
        digest=digest(text),
        kid=ring.signing.kid,
        issued_at=moment,
        expires_at=claims.exp,
        activate_from=grants[0].activate_from,
        status_list=number,
        status_index=place,
    )
    return text, code


def cancel(*, by: Person, access_request_id: int, why: str = "") -> AccessRequest:
    """The unused right is given back: code revoked, grants closed. Refused for anyone but the requester."""
    about = AccessRequest.objects.get(pk=access_request_id).about()
    with attempting("grant.cancel_refused", by=by.party, about=about):
        access_request = AccessRequest.objects.select_for_update().get(pk=access_request_id)
        grants = access_request.grants.select_for_update(of=("self",)).filter(state=Grant.State.ISSUED)
        found = list(grants.select_related("entitlement__resource", "person"))
        if not found:
            raise Stale("Nothing of this request waits for activation. Nothing was changed.")
        moment = now()
        for grant in found:
            if not lifecycle.allows(grant, "cancel", by):
                raise Refused("Only the person who asked can give the right back.", check="requester")
            move(
                grant,
                "cancel",
                by=by.party,
                why=why,
                ending_at=moment,
                closed_at=moment,
                ended_why=Grant.Why.CANCELLED,
                ended_note=why,
            )
        revoke_live(access_request, moment, "Cancelled", by.party)
    return access_request


def revoke_live(
    access_request: AccessRequest, moment: datetime, why: str, by: Party, **only: datetime | None
) -> None:
    """No code of this request works any more, and the trail says why. The caller holds the request's row.

    `only` narrows it to codes with these columns.
    """
    live = access_request.codes.filter(spent_at__isnull=True, revoked_at__isnull=True, **only)
    for code in live:
        live.filter(pk=code.pk).update(revoked_at=moment, revoked_why=why)
        record("code.revoked", by=by, about=access_request.about(), why=why, data={"jti": str(code.jti)})


def _claims(access_request: AccessRequest, grants: list[Grant], moment: datetime) -> Claims:
    requester = access_request.requester
    return Claims(
        iss=settings.BASE_URL,
        aud=settings.LATCH_CODE_AUDIENCE,
        sub=requester.identity,
        tid=str(requester.tid),
        jti=str(uuid4()),
        iat=moment,
        nbf=max(moment, grants[0].activate_from or moment),
        exp=min(grant.activate_by for grant in grants),
        request=str(access_request.pk),
        grants=tuple(
            GrantClaim(
                grant=str(grant.uid),
                entitlement=grant.entitlement.key,
                resource=grant.entitlement.resource.key,
                source=grant.source_address,
                ports=tuple(str(port) for port in grant.entitlement.ports),
                protocol=grant.entitlement.protocol,
                duration=int(grant.duration.total_seconds()),
            )
            for grant in grants
        ),
        policy=access_request.policy_hash,
    )
