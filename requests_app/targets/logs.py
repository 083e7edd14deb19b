"""Azure's Logs Ingestion: one call that takes one JSON array, by the SDK, repeated by nobody here. No trail is known.

The SDK would cut a list of records into calls by itself, and leave out the commas and blanks between them when it
counts: a full one is then refused as too large. So it is handed bytes, which it sends as they are.
"""

from __future__ import annotations

import gzip
import io
import os
import threading
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from requests_app.targets.azure_cloud import AzureConfig, cleartext
from requests_app.targets.base import TargetError, seconds_of
from requests_app.targets.credential import credential, refused, token
from requests_app.targets.kinds import Kind

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.exceptions import HttpResponseError
    from azure.monitor.ingestion import LogsIngestionClient

_CONNECT_SECONDS: Final = 3
_READ_SECONDS: Final = 10
_WHERE: Final = "Azure's Logs Ingestion"
# What says that these records are at fault, and neither the way, the right nor the rule.
_RECORDS_AT_FAULT: Final = frozenset({400, 413, 422})
_SET_UP_WRONG: Final = frozenset(
    {"InvalidStream", "MissingApiVersionParameter", "InvalidApiVersionParameter"}
)


class _Clients(threading.local):
    def __init__(self) -> None:
        self.made: dict[AzureConfig, tuple[TokenCredential, LogsIngestionClient]] = {}


_clients = _Clients()


def upload(config: AzureConfig, rule_id: str, stream: str, body: bytes) -> None:
    """Azure took this JSON array. Raises TargetError: `invalid` when the records are at fault; it may be partly taken."""
    from azure.core.exceptions import AzureError, HttpResponseError

    token(config, config.logs_scope)
    options: dict[str, Any] = {
        "connection_timeout": _CONNECT_SECONDS,
        "read_timeout": _READ_SECONDS,
        "request_id": str(uuid4()),
    }
    if cleartext(config.logs_endpoint):  # the configuration only allows it for loopback
        options["enforce_https"] = False
    packed = io.BytesIO(gzip.compress(body, compresslevel=6))
    try:
        _client(config).upload(rule_id, stream, packed, **options)
    except HttpResponseError as error:
        if error.status_code == 401:
            refused(config)
        raise _answered(error) from error
    except (AzureError, OSError, ValueError) as error:
        raise TargetError("unreachable", f"{type(error).__name__}: {error}", where=_WHERE) from error


def _answered(error: HttpResponseError) -> TargetError:
    answer: Any = error.response
    status = error.status_code or 0
    headers = answer.headers if answer is not None else {}
    code = headers.get("x-ms-error-code") or (error.error.code if error.error else "") or ""
    message = (error.error.message if error.error else "") or error.message
    return TargetError(
        _kind(status, str(code)),
        f"{status} {code}: {message}",
        code=str(code),
        status=status,
        where=_WHERE,
        azure_request_id=headers.get("x-ms-request-id", ""),
        retry_after=seconds_of(headers.get("Retry-After")),
    )


def _kind(status: int, code: str) -> Kind:
    if status in _RECORDS_AT_FAULT and code not in _SET_UP_WRONG:
        return "invalid"
    known: dict[int, Kind] = {401: "identity", 403: "forbidden", 404: "missing", 429: "throttled"}
    return known.get(status, "unknown")


def _client(config: AzureConfig) -> LogsIngestionClient:
    own = credential(config)
    if config not in _clients.made or _clients.made[config][0] is not own:
        _clients.made[config] = own, _make(config, own)
    return _clients.made[config][1]


def _make(config: AzureConfig, own: TokenCredential) -> LogsIngestionClient:
    from azure.core.pipeline.policies import RetryPolicy
    from azure.monitor.ingestion import LogsIngestionClient

    return LogsIngestionClient(
        config.logs_endpoint,
        own,
        credential_scopes=[config.logs_scope],
        # Waiting inside the call would hold up the worker; the cursor's row says when to try again.
        retry_policy=RetryPolicy.no_retries(),
        permit_redirects=False,
        use_env_settings=not cleartext(config.logs_endpoint),  # no proxy stands before loopback
    )


def _after_fork() -> None:
    global _clients
    _clients = _Clients()


os.register_at_fork(after_in_child=_after_fork)
