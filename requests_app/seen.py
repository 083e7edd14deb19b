"""fingerprint(): a short text that differs once a request is not what somebody was shown any more."""

from hashlib import sha256

from requests_app.models import AccessRequest


def fingerprint(access_request: AccessRequest) -> str:
    """Return what a form of a decision carries along: time, source and what was said, as shown."""
    said = [comment.pk for comment in access_request.comments.all()]
    shown = (int(access_request.duration.total_seconds()), access_request.source_address, said)
    return sha256(repr(shown).encode()).hexdigest()[:16]
