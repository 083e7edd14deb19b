"""What every kind of target shares: rules as wanted, rules as read, receipts and errors. No SDK, no I/O."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from requests_app.targets.kinds import PASSING, Kind, words_for


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One inbound allow rule as it should be. `source` and `destination` are an address or a network."""

    name: str
    priority: int
    source: str
    destination: str
    protocol: str
    ports: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class RuleState:
    """One rule as Azure holds it, with Azure's singular and plural fields folded into one tuple each."""

    name: str
    priority: int
    direction: str
    access: str
    protocol: str
    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    ports: tuple[str, ...]
    source_ports: tuple[str, ...] = ("*",)
    description: str = ""
    provisioning_state: str = "Succeeded"
    etag: str = ""

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RuleState:
        """The rule that `asdict` wrote. KeyError or TypeError when the shape is another."""
        values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in data.items()}
        return cls(**values)


@dataclass(frozen=True, slots=True)
class ContainerState:
    """One Azure container (here: one NSG) at one moment."""

    azure_id: str
    location: str
    rules: tuple[RuleState, ...]
    default_rules: tuple[RuleState, ...] = ()
    flush_connection: bool | None = None
    etag: str = ""
    subnets: tuple[str, ...] = ()
    nics: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` makes an equal object of them."""
        values: dict[str, Any] = _listed(asdict(self))
        return values

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ContainerState:
        """The state that `to_dict` wrote. KeyError or TypeError when the shape is another."""
        known = {field.name: data[field.name] for field in fields(cls) if field.name in data}
        for key in ("rules", "default_rules"):
            known[key] = tuple(RuleState.from_dict(rule) for rule in known.get(key, ()))
        for key in ("subnets", "nics"):
            known[key] = tuple(known.get(key, ()))
        return cls(**known)

    def rule(self, name: str) -> RuleState | None:
        """The rule of that name, if it is there. Azure compares names without case."""
        return next((rule for rule in self.rules if rule.name.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Azure's answer to one write that was carried to its end. Not a proof: only a read-back is."""

    status: int
    azure_request_id: str
    azure_correlation_id: str
    client_request_id: str
    seconds: float


class TargetError(Exception):
    """Azure did not do, or did not surely do, what was asked.

    `message` is Azure's own text. `certain` is True only if Azure surely changed nothing.
    `retry_after` is in seconds, as Azure asked for it.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        code: str = "",
        status: int | None = None,
        where: str = "",
        certain: bool = False,
        retry_after: float | None = None,
        azure_request_id: str = "",
        correlation_id: str = "",
    ) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message
        self.code = code
        self.status = status
        self.where = where
        self.certain = certain
        self.retry_after = retry_after
        self.azure_request_id = azure_request_id
        self.correlation_id = correlation_id

    @property
    def passing(self) -> bool:
        """Whether the same call may succeed later without anybody doing anything."""
        return self.kind in PASSING

    def sentence(self) -> str:
        """What a person should read: what is wrong and the way on. Azure's own words stay in `message`."""
        return words_for(self.kind, self.where)

    def __str__(self) -> str:
        answer = " ".join(str(part) for part in (self.status, self.code) if part)
        return f"{self.kind}: {self.message}" + (f" ({answer})" if answer else "")


def seconds_of(text: str | None) -> float | None:
    """Return the seconds of a Retry-After header, never below 0; None without one, or where it is no number."""
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None


class Target(Protocol):
    """One kind of thing that can be unlocked. Every method raises TargetError and nothing else."""

    def read(self, container_id: str, *, correlation_id: str) -> ContainerState:
        """The container as it is in Azure now."""

    def write(self, container_id: str, spec: RuleSpec, *, correlation_id: str) -> Receipt:
        """The rule is as `spec` says; writing twice is writing once."""

    def remove(self, container_id: str, name: str, *, correlation_id: str) -> Receipt:
        """No rule of that name is left; removing what is gone is fine."""


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_listed(item) for item in value]
    return value
