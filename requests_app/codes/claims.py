"""What a latch code says, as dataclasses and as JWT claims; signing and trusting it belong to `token`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


class MalformedClaim(ValueError):
    """A claim is missing or of the wrong type; the text is its name."""


@dataclass(frozen=True, slots=True)
class GrantClaim:
    """One grant of the request: what is opened, for whom and for how long (`duration` in seconds)."""

    grant: str
    entitlement: str
    resource: str
    source: str
    ports: tuple[str, ...]
    protocol: str
    duration: int

    def to_dict(self) -> dict[str, Any]:
        return {
            "grant": self.grant,
            "entitlement": self.entitlement,
            "resource": self.resource,
            "source": self.source,
            "ports": list(self.ports),
            "protocol": self.protocol,
            "duration": self.duration,
        }

    @classmethod
    def from_dict(cls, data: Any) -> "GrantClaim":
        if not isinstance(data, Mapping):
            raise MalformedClaim("grants")
        ports = data.get("ports")
        if not isinstance(ports, list) or not all(isinstance(port, str) for port in ports):
            raise MalformedClaim("grants.ports")
        return cls(
            grant=_text(data, "grant"),
            entitlement=_text(data, "entitlement"),
            resource=_text(data, "resource"),
            source=_text(data, "source"),
            ports=tuple(ports),
            protocol=_text(data, "protocol"),
            duration=_number(data, "duration"),
        )


@dataclass(frozen=True, slots=True)
class StatusClaim:
    """Where anybody finds whether the code was revoked: the bit `idx` of the status list at `uri`."""

    idx: int
    uri: str

    def to_dict(self) -> dict[str, Any]:
        return {"status_list": {"idx": self.idx, "uri": self.uri}}

    @classmethod
    def from_dict(cls, data: Any) -> "StatusClaim":
        said = data.get("status_list") if isinstance(data, Mapping) else None
        if not isinstance(said, Mapping):
            raise MalformedClaim("status")
        return cls(idx=_number(said, "idx"), uri=_text(said, "uri"))


@dataclass(frozen=True, slots=True)
class Claims:
    """A latch code's content. `sub` is "tid:oid", `exp` the instant it must be activated by; times are aware.

    Times hold whole seconds, as a JWT does: a fraction is cut off when the claims are made.
    """

    iss: str
    aud: str
    sub: str
    tid: str
    jti: str
    iat: datetime
    nbf: datetime
    exp: datetime
    request: str
    grants: tuple[GrantClaim, ...]
    policy: str
    # Codes made before there were status lists have none.
    status: StatusClaim | None = None

    def __post_init__(self) -> None:
        for name in ("iat", "nbf", "exp"):
            object.__setattr__(self, name, getattr(self, name).astimezone(UTC).replace(microsecond=0))

    def to_payload(self) -> dict[str, Any]:
        texts = {name: getattr(self, name) for name in _TEXTS}
        times = {name: int(getattr(self, name).timestamp()) for name in _TIMES}
        status = {"status": self.status.to_dict()} if self.status else {}
        return {**texts, **times, "grants": [grant.to_dict() for grant in self.grants], **status}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> "Claims":
        """The claims of a payload; MalformedClaim for the first that is missing or of the wrong type."""
        grants = payload.get("grants")
        if not isinstance(grants, list) or not grants:
            raise MalformedClaim("grants")
        texts: dict[str, Any] = {name: _text(payload, name) for name in _TEXTS}
        times: dict[str, Any] = {name: _time(payload, name) for name in _TIMES}
        status = StatusClaim.from_dict(payload["status"]) if "status" in payload else None
        found = tuple(GrantClaim.from_dict(grant) for grant in grants)
        return cls(**texts, **times, grants=found, status=status)


_TEXTS = ("iss", "aud", "sub", "tid", "jti", "request", "policy")
_TIMES = ("iat", "nbf", "exp")


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedClaim(name)
    return value


def _number(data: Mapping[str, Any], name: str) -> int:
    value = data.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MalformedClaim(name)
    return value


def _time(data: Mapping[str, Any], name: str) -> datetime:
    try:
        return datetime.fromtimestamp(_number(data, name), UTC)
    except (OverflowError, OSError, ValueError):
        raise MalformedClaim(name) from None
