"""Azure's Activity Log, as a Log Analytics workspace keeps it: one query by the SDK, repeated by nobody here.

The query language has no parameters here. So nothing goes into the text but what was read as a UUID, and names that only
the portal gives to rules.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from requests_app.targets.azure_cloud import AzureConfig, cleartext
from requests_app.targets.base import TargetError, seconds_of
from requests_app.targets.credential import credential, refused, token
from requests_app.targets.kinds import Kind, kind_of

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.exceptions import HttpResponseError
    from azure.monitor.query import LogsQueryClient

# Somebody looks at a page that says it is being read, and mail waits behind it: short, and no second try.
_CONNECT_SECONDS: Final = 3
_SERVER_SECONDS: Final = 15
_READ_SECONDS: Final = 20
# A request with a hundred writes has some three hundred rows.
MOST_ROWS: Final = 1000
_WHERE: Final = "the Log Analytics workspace"
_NAME: Final = re.compile(r"latch-[a-z0-9-]{1,74}")
# How this API says 401, mostly: with 403 and one of these codes.
_TOKEN_AT_FAULT: Final = frozenset(
    {
        "InvalidTokenError",
        "InvalidAuthenticationToken",
        "ExpiredAuthenticationToken",
        "AuthorizationRequiredError",
    }
)
# `Properties_d.entity` is the whole id of what was changed; `_ResourceId` may be the group's alone.
_QUERY: Final = """AzureActivity
| where CategoryValue == "Administrative"
| where OperationNameValue startswith "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/"
| extend Entity = tolower(coalesce(tostring(Properties_d.entity), _ResourceId))
| extend Rule = tostring(split(Entity, "/")[-1])
| where {which}
| project TimeGenerated, EventDataId, OperationId, OperationNameValue, ActivityStatusValue, ActivitySubstatusValue, \
Caller, CallerIpAddress, CorrelationId, Entity
| order by TimeGenerated asc
| take {most}"""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: one step of one change, as Azure words it."""

    at: datetime
    id: str
    operation_id: str
    operation: str
    status: str
    substatus: str
    caller: str
    address: str
    correlation_id: str
    entity: str


@dataclass(frozen=True, slots=True)
class Rows:
    """What was found, oldest first, and why that is not all; "" when it is."""

    rows: tuple[Row, ...]
    partial: str = ""


class _Clients(threading.local):
    def __init__(self) -> None:
        self.made: dict[AzureConfig, tuple[TokenCredential, LogsQueryClient]] = {}


_clients = _Clients()


def read(
    config: AzureConfig,
    workspace: str,
    *,
    correlation_ids: Iterable[str],
    rules: Iterable[str],
    since: datetime,
    until: datetime,
) -> Rows:
    """The rows of changes to groups and rules under one of these ids, or to a rule of one of these names.

    Raises TargetError: `invalid` for an id that is no UUID or a name that is none of ours; then nothing was asked.
    """
    query = _query(correlation_ids, rules)
    try:
        return _asked(config, workspace, query, since, until)
    except TargetError as error:
        if error.kind != "identity":
            raise
    # The token was refused and given up: once more, with the new one.
    return _asked(config, workspace, query, since, until)


def _query(correlation_ids: Iterable[str], rules: Iterable[str]) -> str:
    try:
        ids = sorted({str(UUID(one)) for one in correlation_ids})
    except ValueError as error:
        raise TargetError("invalid", f"a correlation id is no UUID: {error}", where=_WHERE) from error
    names = sorted({name.lower() for name in rules})
    if strange := [name for name in names if not _NAME.fullmatch(name)]:
        raise TargetError("invalid", f"no rule of ours is called {strange[0]!r}", where=_WHERE)
    parts = [("CorrelationId in~", ids), ("Rule in", names)]
    which = " or ".join(f"{what} ({_listed(values)})" for what, values in parts if values)
    if not which:
        raise TargetError("invalid", "neither an id nor a name to look for", where=_WHERE)
    return _QUERY.format(which=which, most=MOST_ROWS + 1)


def _listed(values: list[str]) -> str:
    return ", ".join(f'"{value}"' for value in values)


def _asked(config: AzureConfig, workspace: str, query: str, since: datetime, until: datetime) -> Rows:
    from azure.core import exceptions as azure

    token(config, config.analytics_scope)
    options: dict[str, Any] = {
        "server_timeout": _SERVER_SECONDS,
        "connection_timeout": _CONNECT_SECONDS,
        "read_timeout": _READ_SECONDS,
        "request_id": str(uuid4()),
    }
    if cleartext(config.analytics_endpoint):  # the configuration only allows it for loopback
        options["enforce_https"] = False
    try:
        answer = _client(config).query_workspace(workspace, query, timespan=(since, until), **options)
        return _rows(answer)
    except azure.HttpResponseError as error:
        raise _answered(error, config) from error
    except (azure.ServiceRequestTimeoutError, azure.ServiceResponseTimeoutError) as error:
        raise TargetError("timeout", str(error), where=_WHERE) from error
    except (azure.AzureError, OSError) as error:
        raise TargetError("unreachable", f"{type(error).__name__}: {error}", where=_WHERE) from error
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise TargetError("unknown", f"no rows in Azure's answer: {error}", where=_WHERE) from error


def _rows(answer: Any) -> Rows:
    from azure.monitor.query import LogsQueryPartialResult

    partly = isinstance(answer, LogsQueryPartialResult)
    tables = (answer.partial_data if partly else answer.tables) or []
    rows = [_row(row) for table in tables for row in table.rows]
    why = ""
    if partly:
        why = _words_of(answer.partial_error)
    elif len(rows) > MOST_ROWS:
        why = f"There are more than {MOST_ROWS} rows; the newest are left out."
    return Rows(tuple(rows[:MOST_ROWS]), why)


def _row(row: Any) -> Row:
    at = row["TimeGenerated"]
    if not isinstance(at, datetime):
        raise TypeError(f"{at!r} is no time")
    return Row(
        at,
        *(
            str(row[column] or "")
            for column in (
                "EventDataId",
                "OperationId",
                "OperationNameValue",
                "ActivityStatusValue",
                "ActivitySubstatusValue",
                "Caller",
                "CallerIpAddress",
                "CorrelationId",
                "Entity",
            )
        ),
    )


def _words_of(error: Any) -> str:
    """Azure's words for a partial answer: the innermost ones say most."""
    words = str(getattr(error, "message", "") or "") or "Azure answered in part and did not say why."
    return _innermost(next(iter(getattr(error, "details", None) or ()), None), words)


def _innermost(error: Any, words: str) -> str:
    while isinstance(error, Mapping):
        words, error = str(error.get("message") or words), error.get("innererror")
    return words


def _answered(error: HttpResponseError, config: AzureConfig) -> TargetError:
    said, status = error.error, error.status_code or 0
    code = str(said.code or "") if said else ""
    at_fault = status == 401 or (status == 403 and code in _TOKEN_AT_FAULT)
    if at_fault:
        refused(config)
    answer: Any = error.response
    headers = answer.headers if answer is not None else {}
    return TargetError(
        "identity" if at_fault else _kind(status),
        _innermost(said.innererror, str(said.message or "")) if said else error.message,
        code=code,
        status=status,
        where=_WHERE,
        certain=True,
        retry_after=seconds_of(headers.get("Retry-After")),
    )


def _kind(status: int) -> Kind:
    return "missing" if status == 404 else kind_of(status, ())


def _client(config: AzureConfig) -> LogsQueryClient:
    own = credential(config)
    if config not in _clients.made or _clients.made[config][0] is not own:
        _clients.made[config] = own, _make(config, own)
    return _clients.made[config][1]


def _make(config: AzureConfig, own: TokenCredential) -> LogsQueryClient:
    from azure.core.pipeline.policies import RetryPolicy
    from azure.monitor.query import LogsQueryClient

    return LogsQueryClient(
        own,
        endpoint=config.analytics_endpoint,
        # Not the endpoint, as the SDK would have it: Entra knows no application of the newer host's name.
        credential_scopes=[config.analytics_scope],
        retry_policy=RetryPolicy.no_retries(),
        permit_redirects=False,
        use_env_settings=not cleartext(config.analytics_endpoint),  # no proxy stands before loopback
    )


def _after_fork() -> None:
    global _clients
    _clients = _Clients()


os.register_at_fork(after_in_child=_after_fork)
