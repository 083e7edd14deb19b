"""How a latch code stands now: unspent by its own times, spent by what came of it. Reads only.

Whoever shows the code's text may be told this; nobody is asked here who they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from audit_app.clock import now
from requests_app import keyring
from requests_app.actions.held import LIVE
from requests_app.codes.claims import Claims
from requests_app.codes.token import TYPE, CodeRefused, digest, read
from requests_app.models import Grant, LatchCode, Verifier

INACTIVE: dict[str, Any] = {"active": False}


@dataclass(frozen=True)
class Standing:
    """A code of ours: what it says, its row, and all the grants of its request and window."""

    claims: Claims
    code: LatchCode
    grants: tuple[Grant, ...]

    def seen_by(self, verifier: Verifier) -> tuple[Grant, ...]:
        """Return the grants this verifier may know of."""
        return tuple(grant for grant in self.grants if verifier.sees(grant.entitlement))

    def good(self, grants: Iterable[Grant], moment: datetime) -> dict[Grant, datetime]:
        """Return those of these grants the code is still good for, each with its end. Empty: it is good for nothing.

        Before it is spent it ends where it must be activated; afterwards where the grant does, extended or not.
        """
        if self.code.revoked_at:
            return {}
        if self.code.spent_at:
            ends = {grant: grant.expires_at or grant.hard_end for grant in grants if grant.state in LIVE}
        else:
            waiting = moment >= self.claims.nbf
            ends = {
                grant: self.claims.exp for grant in grants if waiting and grant.state == Grant.State.ISSUED
            }
        return {grant: end for grant, end in ends.items() if end is not None and moment < end}


def find(text: str) -> Standing | None:
    """Return how the code with this text stands; None for anything that is no code of ours."""
    try:
        claims = read(keyring.keys(), text, issuer=settings.BASE_URL, audience=settings.LATCH_CODE_AUDIENCE)
    except CodeRefused:
        return None
    codes = LatchCode.objects.select_related("access_request__requester")
    code = codes.filter(jti=claims.jti, digest=digest(text)).first()
    if code is None:
        return None
    # Of several windows each has a code of its own.
    grants = Grant.objects.filter(access_request=code.access_request_id, activate_from=code.activate_from)
    return Standing(claims, code, tuple(grants.select_related("entitlement__resource").order_by("pk")))


def introspected(text: str, verifier: Verifier) -> dict[str, Any]:
    """Return what RFC 7662 answers this verifier about this text; about what is not good, that alone."""
    standing = find(text)
    if standing is None:
        return INACTIVE
    good = standing.good(standing.seen_by(verifier), now())
    if not good:
        return INACTIVE
    claims, requester = standing.claims, standing.code.access_request.requester
    return {
        "active": True,
        "token_type": TYPE,
        "sub": claims.sub,
        "username": requester.user_principal_name,
        "iss": claims.iss,
        "aud": claims.aud,
        "iat": _seconds(claims.iat),
        "nbf": _seconds(claims.nbf),
        "exp": _seconds(max(good.values())),
        "jti": claims.jti,
        "request": claims.request,
        "grants": [_said(grant, end) for grant, end in good.items()],
    }


def _said(grant: Grant, end: datetime) -> dict[str, Any]:
    entitlement = grant.entitlement
    return {
        "grant": str(grant.uid),
        "state": grant.state,
        "exp": _seconds(end),
        "entitlement": entitlement.key,
        "resource": entitlement.resource.key,
        "source": grant.source_address,
        "destination": entitlement.destination,
        "ports": [str(port) for port in entitlement.ports],
        "protocol": entitlement.protocol,
    }


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
