"""fingerprint(): a short text that differs once a request is not what somebody was shown any more."""

from hashlib import sha256

from requests_app.models import AccessRequest


def fingerprint(access_request: AccessRequest) -> str:
    """Return what a form of a decision carries along: time, source, what was said and what was left out, as shown."""
    said = [comment.pk for comment in access_request.comments.all()]
    left_out = [item.pk for item in access_request.items.all() if item.left_out_at]
    shown = (int(access_request.duration.total_seconds()), access_request.source_address, said, left_out)
    return sha256(repr(shown).encode()).hexdigest()[:16]
