"""The hook for alerts: one POST of a small JSON to an address of your own. When to post is notify's and the outbox's."""

import hashlib
import hmac
import json
from typing import Any

import requests
from django.conf import settings

_TIMEOUT_SECONDS = 10


def post(message_id: int, words: dict[str, Any]) -> None:
    """The hook has taken these words. Raises OSError (requests' own errors are) when it did not answer 2xx.

    `Latch-Delivery` is the same at every try, so that a receiver can tell a repetition. With ALERT_WEBHOOK_SECRET the
    body's HMAC-SHA256 stands in `Latch-Signature`.
    """
    body = json.dumps({"instance": settings.LATCH_INSTANCE, **words}).encode()
    headers = {"Content-Type": "application/json", "Latch-Delivery": str(message_id)}
    if settings.ALERT_WEBHOOK_SECRET:
        digest = hmac.new(settings.ALERT_WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers["Latch-Signature"] = f"sha256={digest}"
    answer = requests.post(
        settings.ALERT_WEBHOOK_URL,
        data=body,
        headers=headers,
        timeout=_TIMEOUT_SECONDS,
        allow_redirects=False,
    )
    if not 200 <= answer.status_code < 300:
        raise OSError(f"the hook answered {answer.status_code}")
