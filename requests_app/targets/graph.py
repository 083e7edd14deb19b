"""Reads people and groups from Microsoft Graph for the directory copy. Writes nothing, keeps nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

from requests_app.targets.azure_cloud import AzureConfig, cleartext
from requests_app.targets.base import TargetError
from requests_app.targets.credential import refused, token
from requests_app.targets.kinds import kind_of

if TYPE_CHECKING:
    import requests

_PEOPLE: Final = "id,displayName,userPrincipalName,mail,accountEnabled,userType,jobTitle"
_PAGE: Final = 500
_WAIT_WITHOUT_WORD: Final = 2.0  # seconds, when Graph says "too many" and not how long


@dataclass(frozen=True, slots=True)
class GraphPerson:
    """One account of the tenant. `enabled` is False unless Graph says it is enabled."""

    oid: str
    display_name: str
    upn: str
    mail: str
    enabled: bool
    guest: bool
    manager_oid: str | None
    job_title: str = ""


@dataclass(frozen=True, slots=True)
class GraphGroup:
    """One group with everyone in it, by whatever nesting."""

    oid: str
    name: str
    member_oids: frozenset[str]


@dataclass
class GraphReader:
    """Reads within `deadline_seconds` of its making, waiting as Graph asks. All methods raise TargetError."""

    config: AzureConfig
    correlation_id: str = field(default_factory=lambda: str(uuid4()))
    deadline_seconds: float = 120.0
    _started: float = field(default_factory=time.monotonic, init=False, repr=False)
    _session: requests.Session | None = field(default=None, init=False, repr=False)

    def people(self) -> Iterator[GraphPerson]:
        """Every account, with its manager. After a TargetError the whole is not known: use none of it."""
        query = {"$select": _PEOPLE, "$expand": "manager($select=id)", "$top": str(_PAGE)}
        for item in self._pages("/v1.0/users", query):
            yield GraphPerson(
                oid=item["id"],
                display_name=item.get("displayName") or "",
                upn=item.get("userPrincipalName") or "",
                mail=item.get("mail") or "",
                enabled=item.get("accountEnabled") is True,
                guest=(item.get("userType") or "").lower() == "guest",
                manager_oid=(item.get("manager") or {}).get("id"),
                job_title=item.get("jobTitle") or "",
            )

    def groups(self, ids: Iterable[str]) -> Iterator[GraphGroup]:
        """These groups. One that does not exist raises TargetError (missing)."""
        for oid in ids:
            path = f"/v1.0/groups/{quote(oid, safe='')}"
            group = self._get(self._url(path, {"$select": "id,displayName"}))
            query = {"$select": "id", "$top": str(_PAGE)}
            members = self._pages(f"{path}/transitiveMembers", query)
            people = frozenset(item["id"] for item in members if self._is_person(item))
            yield GraphGroup(group.get("id") or oid, group.get("displayName") or "", people)

    def items(self, path: str) -> Iterator[dict[str, Any]]:
        """Everything in this collection, page by page."""
        yield from self._pages(path, {})

    def close(self) -> None:
        """Close the connections; the reader may not be used again."""
        if self._session is not None:
            self._session.close()

    def _is_person(self, item: dict[str, Any]) -> bool:
        # Told apart here: asking Graph for users alone makes it answer from an index that may lag behind.
        kind = item.get("@odata.type")
        if not kind:
            raise self._error("unknown", "Graph does not say what a member is", code="BadResponse")
        return bool(kind == "#microsoft.graph.user")

    def _pages(self, path: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
        url: str | None = self._url(path, query)
        while url:
            page = self._get(url)
            items = page.get("value")
            if not isinstance(items, list) or not all(isinstance(i, dict) and i.get("id") for i in items):
                raise self._error("unknown", "Graph's answer is not a list of ids", code="BadResponse")
            yield from items
            url = page.get("@odata.nextLink")
            if url and not self._same_host(url):
                raise self._error(
                    "invalid", f"Graph's next page is on another host: {url!r}", code="ForeignNextLink"
                )

    def _get(self, url: str) -> dict[str, Any]:
        while True:
            response = self._send(url)
            if response.status_code == 200:
                return self._json(response)
            error = self._refused(response)
            if error.kind != "throttled" and response.status_code not in (502, 503, 504):
                raise error
            wait = _WAIT_WITHOUT_WORD if error.retry_after is None else max(error.retry_after, 0.1)
            if wait >= self._left:
                raise error
            time.sleep(wait)

    def _send(self, url: str) -> requests.Response:
        import requests

        if self._left <= 0:
            raise self._error("timeout", f"Graph was not read within {self.deadline_seconds:g} seconds")
        headers = {"client-request-id": self.correlation_id, "Accept": "application/json"}
        timeout = (self.config.connect_timeout, min(self.config.read_timeout, max(self._left, 0.1)))
        try:
            if self._session is None:
                self._session = requests.Session()
                self._session.trust_env = not cleartext(
                    self.config.graph_endpoint
                )  # no proxy before loopback
            session = self._session
            return session.get(
                url, headers=headers, timeout=timeout, allow_redirects=False, auth=self._bearer
            )
        except requests.Timeout as error:
            raise self._error("timeout", str(error)) from error
        except requests.RequestException as error:
            raise self._error("unreachable", str(error)) from error

    def _bearer(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        # As an auth callable and not as a header, which requests would overrule by a ~/.netrc.
        prepared.headers["Authorization"] = f"Bearer {token(self.config, self.config.graph_scope)}"
        return prepared

    def _json(self, response: requests.Response) -> dict[str, Any]:
        try:
            data = response.json()
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise self._error(
                "unknown", "Graph's answer is not a JSON object", code="BadResponse", status=200
            )
        return data

    def _refused(self, response: requests.Response) -> TargetError:
        try:
            error = response.json()["error"]
            code, message = str(error.get("code") or ""), str(error.get("message") or "")
        except (ValueError, KeyError, TypeError, AttributeError):
            code, message = "", response.text[:300]
        if response.status_code == 401:
            refused(self.config)
        return self._error(
            kind_of(response.status_code, [code]),
            message or f"Graph answered {response.status_code}",
            code=code,
            status=response.status_code,
            retry_after=_seconds(response.headers),
            azure_request_id=response.headers.get("request-id", ""),
        )

    def _error(self, kind: Any, message: str, **more: Any) -> TargetError:
        # Reading changes nothing, so every failure is certain.
        return TargetError(
            kind, message, where="the directory", certain=True, correlation_id=self.correlation_id, **more
        )

    def _url(self, path: str, query: dict[str, str]) -> str:
        asked = f"?{urlencode(query, safe='$(),=')}" if query else ""
        return f"{self.config.graph_endpoint.rstrip('/')}{path}{asked}"

    def _same_host(self, url: str) -> bool:
        ours, theirs = urlsplit(self.config.graph_endpoint), urlsplit(url)
        return (ours.scheme, ours.netloc.lower()) == (theirs.scheme, theirs.netloc.lower())

    @property
    def _left(self) -> float:
        return self._started + self.deadline_seconds - time.monotonic()


def _seconds(headers: Mapping[str, str]) -> float | None:
    try:
        return float(headers["Retry-After"])
    except (KeyError, ValueError):
        return None
