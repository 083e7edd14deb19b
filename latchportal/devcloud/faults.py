"""Faults by name: how the pretend Azure can be told to fail, and for which calls. Pure; arm.py acts.

A fault is injected as {"name", "match": {"method", "nsg", "rule"}, "times": n or null, "seconds": s, …}. The
first one that matches a call shapes it and is used up by one. Names in `match` are patterns (`latch-*`), a
method may be a list, and "POLL" is the method of asking for an operation's status, "LOGS" that of sending records,
"QUERY" that of asking Log Analytics; vault.py names those of the key vault, with the key and its version,
blobs.py those of storage, with the container and the blob in the place of `nsg` and `rule`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from latchportal.devcloud import errors
from latchportal.devcloud.errors import ArmError
from latchportal.devcloud.operations import Plan

EVERY = ("GET", "PUT", "DELETE", "HEAD", "PATCH", "POST")
WRITES = ("PUT", "DELETE")
POLLS = ("POLL",)


@dataclass(frozen=True)
class Subject:
    """What a fault can match on and speak of. `method` is "POLL" for operations."""

    method: str
    nsg: str
    rule: str
    action: str
    scope: str
    principal: str
    token: str = ""


@dataclass(frozen=True)
class Effect:
    """What becomes of the call, in the order of the fields; `plan` is how its write will go."""

    drop_first: bool = False
    refuse: ArmError | None = None
    hang: float = 0.0
    wait_before: float = 0.0
    plan: Plan = field(default_factory=Plan)
    wait_after: float = 0.0
    refuse_after: ArmError | None = None
    drop_last: bool = False


@dataclass
class Fault:
    """One injected fault; `times` counts down, None is for ever."""

    name: str
    match: dict[str, Any] = field(default_factory=dict)
    times: int | None = None
    seconds: float | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def hits(self, subject: Subject) -> bool:
        """Whether this call is meant."""
        methods = self.match.get("method") or KINDS[self.name].methods
        wanted = [methods] if isinstance(methods, str) else methods
        if self.options.get("token", subject.token) != subject.token:
            return False
        return subject.method in [one.upper() for one in wanted] and all(
            fnmatchcase(getattr(subject, part).lower(), str(self.match[part]).lower())
            for part in ("nsg", "rule")
            if self.match.get(part) is not None
        )

    def lasting(self, usual: float) -> float:
        """`seconds` as given, else the usual."""
        return usual if self.seconds is None else self.seconds


@dataclass(frozen=True)
class Kind:
    """One way to fail: the methods it meets if none are named, and what it does."""

    methods: tuple[str, ...]
    act: Callable[[Fault, Subject], Effect]


KINDS: dict[str, Kind] = {}


class Faults:
    """Those in force, in the order they were injected."""

    def __init__(self) -> None:
        self._active: list[Fault] = []

    def inject(self, spec: dict[str, Any]) -> Fault:
        """The fault is in force. Raises ValueError for an unknown name or a field of the wrong kind."""
        rest = dict(spec)
        name, match = rest.pop("name", None), rest.pop("match", None) or {}
        times, seconds = rest.pop("times", None), rest.pop("seconds", None)
        if name not in KINDS:
            raise ValueError(f"no fault is called {name!r}; there are {', '.join(sorted(KINDS))}")
        if not isinstance(match, dict) or set(match) - {"method", "nsg", "rule"}:
            raise ValueError("match is a mapping of method, nsg and rule")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise ValueError("times is a whole number above 0, or null for ever")
        fault = Fault(name, match, times, None if seconds is None else float(seconds), rest)
        self._active.append(fault)
        return fault

    def take(self, subject: Subject) -> tuple[str, Effect]:
        """The name and effect of the first fault that means this call, used up by one; "" if none does."""
        for fault in self._active:
            if fault.hits(subject):
                self._use(fault)
                return fault.name, KINDS[fault.name].act(fault, subject)
        return "", Effect()

    def _use(self, fault: Fault) -> None:
        if fault.times is not None:
            fault.times -= 1
            if not fault.times:
                self._active.remove(fault)

    def list(self) -> list[dict[str, Any]]:
        return [{**vars(fault), **fault.options} for fault in self._active]

    def clear(self) -> None:
        self._active.clear()


def described() -> dict[str, str]:
    """Every kind of fault with its line of explanation."""
    return {name: (kind.act.__doc__ or "").strip() for name, kind in KINDS.items()}


Act = Callable[[Fault, Subject], Effect]


def _kind(name: str, methods: tuple[str, ...]) -> Callable[[Act], Act]:
    def keep(act: Act) -> Act:
        KINDS[name] = Kind(methods, act)
        return act

    return keep


@_kind("throttle", EVERY)
def _throttle(fault: Fault, subject: Subject) -> Effect:
    """429 SubscriptionRequestsThrottled with Retry-After of `seconds` (1)."""
    wait = int(fault.lasting(1))
    message = f"Number of requests for principal '{subject.principal}' exceeded the limit."
    return Effect(refuse=errors.throttled("SubscriptionRequestsThrottled", message, wait))


@_kind("busy", WRITES)
def _busy(fault: Fault, subject: Subject) -> Effect:
    """429 RetryableError, as if another write ran on the NSG; no Retry-After."""
    somebody = "00000000-0000-0000-0000-00000000b5b5"
    return Effect(refuse=errors.busy("PutSecurityRuleOperation", somebody, subject.scope))


@_kind("another_operation", WRITES)
def _another_operation(fault: Fault, subject: Subject) -> Effect:
    """409 AnotherOperationInProgress, as if a subnet or NIC were being changed."""
    return Effect(refuse=errors.another_operation(f"{subject.scope}/operations/elsewhere"))


@_kind("server_error", EVERY)
def _server_error(fault: Fault, subject: Subject) -> Effect:
    """500, and nothing was done; with `unavailable` true 503, with Retry-After of `seconds` (1)."""
    if fault.options.get("unavailable"):
        return Effect(refuse=errors.unavailable(int(fault.lasting(1))))
    return Effect(refuse=errors.server_error())


@_kind("applied_then_500", WRITES)
def _applied_then_500(fault: Fault, subject: Subject) -> Effect:
    """500, and yet the write was taken and goes on to its end."""
    return Effect(refuse_after=errors.server_error())


@_kind("lro_failed", WRITES)
def _lro_failed(fault: Fault, subject: Subject) -> Effect:
    """The write is accepted, its operation ends Failed (HTTP 200); with `applied` true the change stays."""
    return Effect(plan=_plan(fault, "Failed"))


@_kind("lro_canceled", WRITES)
def _lro_canceled(fault: Fault, subject: Subject) -> Effect:
    """The write is accepted, its operation ends Canceled; with `applied` true the change stays."""
    return Effect(plan=_plan(fault, "Canceled"))


@_kind("slow_operation", WRITES)
def _slow_operation(fault: Fault, subject: Subject) -> Effect:
    """The write is accepted, its operation takes `seconds` (5)."""
    return Effect(plan=Plan(seconds=fault.lasting(5)))


@_kind("lost_poll", POLLS)
def _lost_poll(fault: Fault, subject: Subject) -> Effect:
    """404 when asking for the operation's status; the write goes on."""
    return Effect(refuse=errors.child_not_found(subject.scope))


@_kind("poll_forbidden", POLLS)
def _poll_forbidden(fault: Fault, subject: Subject) -> Effect:
    """403 when asking for the operation's status, as with a role on the NSG alone; the write goes on."""
    return Effect(refuse=errors.forbidden(subject.principal, subject.action, subject.scope))


@_kind("forbidden", EVERY)
def _forbidden(fault: Fault, subject: Subject) -> Effect:
    """403 AuthorizationFailed."""
    return Effect(refuse=errors.forbidden(subject.principal, subject.action, subject.scope))


@_kind("token_revoked", EVERY)
def _token_revoked(fault: Fault, subject: Subject) -> Effect:
    """401 InvalidAuthenticationToken for the token first met and for no other, as when it was revoked."""
    fault.options.setdefault("token", subject.token)
    return Effect(refuse=errors.unauthenticated("InvalidAuthenticationToken", "The access token is invalid."))


@_kind("locked", WRITES)
def _locked(fault: Fault, subject: Subject) -> Effect:
    """409 ScopeLocked."""
    return Effect(refuse=errors.locked(subject.scope, "delete" if subject.method == "DELETE" else "write"))


@_kind("policy_denied", ("PUT",))
def _policy_denied(fault: Fault, subject: Subject) -> Effect:
    """403 RequestDisallowedByPolicy."""
    return Effect(refuse=errors.policy_denied(subject.rule or subject.nsg))


@_kind("slow", EVERY)
def _slow(fault: Fault, subject: Subject) -> Effect:
    """Done at once, answered after `seconds` (5)."""
    return Effect(wait_after=fault.lasting(5))


@_kind("apply_late", WRITES)
def _apply_late(fault: Fault, subject: Subject) -> Effect:
    """Nothing for `seconds` (5), then the write is done even if the client is gone; `drop` hangs up first."""
    return Effect(drop_first=bool(fault.options.get("drop")), wait_before=fault.lasting(5))


@_kind("hang", EVERY)
def _hang(fault: Fault, subject: Subject) -> Effect:
    """No answer and nothing done; hangs up after `seconds` (600)."""
    return Effect(hang=fault.lasting(600))


@_kind("drop_connection", EVERY)
def _drop_connection(fault: Fault, subject: Subject) -> Effect:
    """Hangs up without an answer and nothing done; with `applied` true the call was carried out."""
    return Effect(drop_last=True) if fault.options.get("applied") else Effect(drop_first=True, hang=0.001)


def _plan(fault: Fault, outcome: str) -> Plan:
    return Plan(
        seconds=fault.seconds,
        outcome=outcome,
        code=str(fault.options.get("code", "InternalServerError")),
        message=str(fault.options.get("message", "An error occurred.")),
        applied=bool(fault.options.get("applied")),
    )
