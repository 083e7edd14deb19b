"""What each kind of event of asking, deciding, opening and closing is called in the trail. Words only."""

from collections.abc import Callable
from datetime import datetime, timedelta

from audit_app.models import Event
from audit_app.words import register
from requests_app.policy.durations import in_words


def register_all() -> None:
    """Every kind this project records has its sentence."""
    _requests()
    _stages()
    _codes()
    _grants()
    _portal()
    _people()
    _rights()


def _requests() -> None:
    register("request.submitted", _for_whom("Asked for {object}"), icon="inbox", tone="accent")
    register("request.refused", _for_whom("Was refused asking for {object}"), icon="ban", tone="wait")
    register("request.approved", "Request approved: {object}", icon="check-circle", tone="good")
    register("request.denied", "Request denied: {object}", icon="cross-circle", tone="bad")
    register("request.withdrawn", "Withdrew the request for {object}", icon="undo")
    register("request.lapsed", "Request lapsed undecided: {object}", icon="clock")
    register("request.returned", "Asked a question about {object}", icon="hourglass", tone="wait")
    register("request.answered", "Answered the question about {object}", icon="check", tone="accent")
    register("request.resumed", "Took the question about {object} back", icon="undo")
    register("request.answer_refused", "Was refused an answer about {object}", icon="ban", tone="wait")
    register("request.commented", "Said something about {object}", icon="inbox")
    register("request.comment_refused", "Was refused a comment on {object}", icon="ban", tone="wait")
    register("request.item_left_out", "Left {object} out", icon="cross", tone="wait")
    register("request.narrowed", _narrowed, icon="clock", tone="accent")


def _stages() -> None:
    register("request.withdraw_refused", "Was refused withdrawing {object}", icon="ban", tone="wait")
    register("stage.started", _stage("Now with “{stage}”: {what}"), icon="hourglass", tone="wait")
    register("stage.approved", _stage("“{stage}” approved {what}"), icon="check-circle", tone="good")
    register("stage.denied", _stage("“{stage}” denied {what}"), icon="cross-circle", tone="bad")
    register("stage.added", _stage("Asked “{stage}” as well about {what}"), icon="people", tone="accent")
    register("stage.escalated", _stage("Others may decide “{stage}” too: {what}"), icon="people", tone="wait")
    register("stage.nobody_there", _stage("Nobody is there for “{stage}”: {what}"), icon="alert", tone="bad")
    register("stage.lapsed", _stage("“{stage}” did not decide in time: {what}"), icon="clock")
    register("stage.cancelled", _stage("“{stage}” is not needed any more: {what}"), icon="ban")
    register(
        "decision.approved", _stage("Approved {what} for {whom}, as “{stage}”"), icon="check", tone="good"
    )
    register("decision.denied", _stage("Denied {what} for {whom}, as “{stage}”"), icon="cross", tone="bad")
    register("decision.refused", "Was refused a decision on {object}", icon="ban", tone="wait")


def _codes() -> None:
    register("code.minted", "Got a latch code for {object}", icon="key", tone="accent")
    register("code.spent", "Used the latch code for {object}", icon="key")
    register("code.revoked", "Latch code revoked: {object}", icon="ban")
    for verb, words in {
        "made": "Made",
        "changed": "Changed",
        "enabled": "Enabled",
        "disabled": "Disabled",
    }.items():
        register(f"verifier.{verb}", f"{words} the verifier {{object}}", icon="key", tone="accent")
    register("verifier.revoked", "Took back the latch code for {object}", icon="ban", tone="bad")
    register("verifier.revoke_refused", "Was refused revoking the latch code for {object}", icon="ban")
    register("verifier.refused", "Was refused as a verifier", icon="ban", tone="wait")
    register("key.rotated", "Made a new signing key: {object}", icon="key", tone="accent")
    register("key.retired", "Retired the signing key {object}", icon="key")
    for verb, words in {
        "rotate": "making a signing key",
        "retire": "retiring the signing key {object}",
    }.items():
        register(f"key.{verb}_refused", f"Was refused {words}", icon="ban", tone="wait")
    register("code.refused", "Was refused a latch code or its use: {object}", icon="ban", tone="wait")


def _grants() -> None:
    register("grant.issued", _issued, icon="key", tone="accent")
    register("grant.activated", "Activated {object}", icon="turning", tone="accent")
    register("grant.opened", _opened, icon="unlock", tone="good")
    register("grant.expired", "Time was up, closing: {object}", icon="clock")
    register("grant.failed", "Could not be opened: {object}", icon="error", tone="bad")
    register("grant.ended", "Ended early: {object}", icon="lock")
    register("grant.revoked", "Revoked {object}, held by {subject}", icon="ban", tone="bad")
    register("grant.cancelled", "Cancelled before use: {object}", icon="ban")
    register("grant.voided", "Revoked before use: {object}, of {subject}", icon="ban", tone="bad")
    register("grant.unused", "Never activated: {object}", icon="clock")
    register("grant.closed", _closed, icon="lock")
    register(
        "grant.found_open", "Found open after closing, being removed: {object}", icon="error", tone="bad"
    )
    register("grant.extending", "Is being extended: {object}", icon="clock", tone="wait")
    register("grant.extended", "Extended, read back from Azure: {object}", icon="clock", tone="good")
    register("grant.extension_failed", "Could not be extended: {object}", icon="error", tone="bad")
    register("grant.shortened", "Made shorter: {object}", icon="clock")
    register("grant.removed_in_azure", "Taken away by hand in Azure: {object}", icon="error", tone="bad")
    register(
        "grant.repaired", "Put right after a change by hand in Azure: {object}", icon="shield", tone="wait"
    )
    register("grant.opened_again", "Opens again for the time left: {object}", icon="undo")
    register(
        "grant.break_glass", "Broke the glass: {object} opens with nobody asked", icon="alert", tone="bad"
    )
    register("glass.refused", "Was refused breaking the glass for {object}", icon="ban", tone="wait")
    register("grant.overdue", "Closing is late: {object}", icon="error", tone="bad")
    for verb, words in {
        "activate": "activating",
        "extend": "extending",
        "shorten": "shortening",
        "open_again": "opening again",
    }.items():
        register(f"grant.{verb}_refused", f"Was refused {words} {{object}}", icon="ban", tone="wait")
    register("grant.cancel_refused", "Was refused giving back {object}", icon="ban", tone="wait")
    register("grant.end_refused", "Was refused ending {object}", icon="ban", tone="wait")
    register("grant.revoke_refused", "Was refused revoking {object}", icon="ban", tone="wait")


def _portal() -> None:
    register("portal.armed", "Armed the portal: it opens again", icon="shield", tone="good")
    register("portal.close_only", "Made the portal close-only", icon="ban", tone="bad")
    register("portal.arm_refused", "Was refused arming the portal", icon="ban", tone="wait")
    register("rule.orphan_found", "Found a rule of ours no grant knows: {object}", icon="error", tone="bad")
    register("rule.orphan_removed", "A rule of ours that no grant knew is gone: {object}", icon="lock")
    register("rule.orphans_stopped", "Stopped at too many unknown rules: {object}", icon="error", tone="bad")
    register(
        "rule.foreign_found", "Found somebody else's rule in the way: {object}", icon="error", tone="wait"
    )
    register("grants.revoked_together", _revoked_together, icon="ban", tone="bad")
    register("grants.revoked_all", _revoked_all, icon="ban", tone="bad")
    register("policy.loaded", "Put {object} in force", icon="shield", tone="accent")
    register("catalogue.changed", "Changed the catalogue: {object}", icon="shield", tone="accent")
    register("directory.changed", "Directory copy changed", icon="people")


def _rights() -> None:
    register("right.taken_away", "Took {object} away from {subject}", icon="ban", tone="bad")
    register("right.given_back", "Gave {object} back to {subject}", icon="undo", tone="good")
    register("right.give_back_refused", "Was refused giving {object} back", icon="ban", tone="wait")


def _people() -> None:
    register("absence.set", "Set as away: {object}", icon="clock")
    register("absence.called_off", "Is back: {object}", icon="undo")
    register("absence.refused", "Was refused setting {object} as away", icon="ban", tone="wait")
    register("delegation.lent", "Has {object} decide in their place", icon="people", tone="accent")
    register("delegation.called_off", "{object} decides in nobody's place any more", icon="undo")
    register("delegation.refused", "Was refused a delegation", icon="ban", tone="wait")
    register("signin.succeeded", "Signed in", icon="person")
    register("signin.proved_again", "Signed in again to prove it", icon="shield")
    register("signin.asked_again", "Was asked to sign in again, for {object}", icon="person")
    register("signin.not_proved", "Signed in again and did not prove it", icon="ban", tone="wait")
    register(
        "signin.context_void", "Proves nothing: authentication context {object}", icon="alert", tone="bad"
    )
    register("signin.context_kept", "Means something again: authentication context {object}", icon="shield")
    register("signin.refused", "Was refused sign-in", icon="ban", tone="wait")
    register("session.ended", "Session ended", icon="signout")


def _stage(template: str) -> Callable[[Event], str]:
    """A sentence about a stage: its events are labelled "title: what is asked for"."""

    def said(event: Event) -> str:
        stage, _, what = event.object_label.partition(": ")
        whom = event.subject_label or "somebody"
        return template.format(stage=stage, what=what or "a request", whom=whom)

    return said


def _for_whom(template: str) -> Callable[[Event], str]:
    """A sentence that says for whom, where somebody asked for somebody else."""

    def said(event: Event) -> str:
        words = template.format(object=event.object_label or event.resource_label or "something unnamed")
        other = event.subject_label if event.subject_id != event.actor_id else ""
        return f"{words}, for {other}" if other else words

    return said


def _narrowed(event: Event) -> str:
    changed = []
    if times := event.data.get("duration_seconds"):
        before, after = (in_words(timedelta(seconds=seconds)) for seconds in times)
        changed.append(f"{after} instead of {before}")
    if places := event.data.get("source"):
        changed.append(f"from {places[1]} instead of {places[0]}")
    return f"Agreed to less of {event.object_label}: {', '.join(changed) or 'see its details'}"


def _issued(event: Event) -> str:
    begins = event.data.get("activate_from")
    if not begins:
        return f"Ready to activate: {event.object_label}"
    return f"To be activated from {datetime.fromisoformat(begins):%-d %b, %H:%M} UTC on: {event.object_label}"


def _opened(event: Event) -> str:
    return f"Open, read back from Azure: {event.object_label}"


def _closed(event: Event) -> str:
    lag = event.data.get("close_lag_seconds")
    said = f"Closed, read back from Azure: {event.object_label}"
    return f"{said}, {lag:.1f} s after it was due" if isinstance(lag, int | float) else said


def _revoked_together(event: Event) -> str:
    return f"Closed all of {event.object_label} ({event.data.get('count', 'some')} grants)"


def _revoked_all(event: Event) -> str:
    count = event.data.get("count")
    return f"Closed everything that was open ({count} grants)" if count is not None else "Closed everything"
