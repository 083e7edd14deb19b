"""Verifiers: made with a secret that is shown once, changed, disabled, and told apart from whoever says they are one."""

import hashlib
import hmac
import secrets
from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import Q

from audit_app.clock import now
from audit_app.models import Event
from audit_app.trail import record
from requests_app.models import Person, Verifier

log = structlog.get_logger("latch.verifiers")
# Scanners that look for secrets in places where they should not be know ours by this.
PREFIX = "latchv_"
# A verifier that asks many times a second is no reason to write many times a second.
NOTED_EVERY = timedelta(minutes=1)
_NOBODY = "0" * 64


def make(verifier: Verifier, *, by: Person) -> str:
    """The verifier is there and the trail says who made it. Returns its secret, which is kept nowhere.

    The secret is 256 random bits, so nobody guesses it however fast they can hash: plain SHA-256 is enough, and a
    password hasher's slowness would be paid at each question a jump host asks.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    verifier.digest = _digest(secret)
    verifier.made_at, verifier.made_by_label = now(), str(by)[:200]
    with transaction.atomic():
        verifier.save(force_insert=True)
        record("verifier.made", by=by.party, about=verifier.about(), data={"after": verifier.said()})
    return secret


def change(verifier: Verifier, *, by: Person, enabled: bool) -> None:
    """The verifier is as it is handed in, and enabled or not; the trail says what it was before, if anything changed."""
    with transaction.atomic():
        old = Verifier.objects.select_for_update().get(pk=verifier.pk)
        verifier.disabled_at = None if enabled else old.disabled_at or now()
        before, after = old.said(), verifier.said()
        if before == after:
            return
        verifier.save(
            update_fields=["name", "may_introspect", "may_revoke", "resources", "tags", "disabled_at"]
        )
        record(
            _kind(before["enabled"], enabled),
            by=by.party,
            about=verifier.about(),
            data={"before": before, "after": after},
        )


def recognised(key: str, secret: str) -> Verifier | None:
    """Return the enabled verifier that signs in with this id and secret, and note that it was here; None otherwise."""
    found = Verifier.objects.filter(key=key).first()
    right = hmac.compare_digest(found.digest if found else _NOBODY, _digest(secret))
    if found is None:
        log.warning("verifier.unknown", client=key[:80])
        return None
    if not right or found.disabled_at:
        _refused(found, "It is disabled." if right else "Its secret is wrong.")
        return None
    _noted(found)
    return found


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _kind(was: bool, enabled: bool) -> str:
    if was == enabled:
        return "verifier.changed"
    return "verifier.enabled" if enabled else "verifier.disabled"


def _noted(verifier: Verifier) -> None:
    moment = now()
    if not verifier.used_lately(moment, NOTED_EVERY):
        Verifier.objects.filter(pk=verifier.pk).update(last_used_at=moment)


def _refused(verifier: Verifier, why: str) -> None:
    """The trail says so, at most once a minute for each verifier: anybody can knock as often as they like."""
    log.warning("verifier.refused", client=verifier.key, why=why)
    moment = now()
    quiet = Q(refused_at=None) | Q(refused_at__lt=moment - NOTED_EVERY)
    with transaction.atomic():
        if Verifier.objects.filter(quiet, pk=verifier.pk).update(refused_at=moment):
            record(
                "verifier.refused",
                by=verifier.party,
                about=verifier.about(),
                outcome=Event.Outcome.REFUSED,
                why=why,
            )
