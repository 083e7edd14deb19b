"""What happens in Azure in a schedule: it fails, somebody changes rules by hand, writes of the dead land late."""

import re
from contextlib import suppress
from typing import Any, ClassVar
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from audit_app.clock import now
from requests_app.models import Grant

FAULTS = (
    "throttle",
    "busy",
    "another_operation",
    "server_error",
    "applied_then_500",
    "lro_failed",
    "lro_canceled",
    "lost_poll",
    "poll_forbidden",
    "forbidden",
    "locked",
    "policy_denied",
    "drop_connection",
)
_MARK = re.compile(r"latch-test-[0-9a-f]{12}-\d+", re.IGNORECASE)


class AzureActs(RuleBasedStateMachine):
    """The rules of a schedule that are Azure's doing, or somebody's in Azure."""

    azure: ClassVar[Any]
    unsent: list[tuple[str, Any, Any]]
    # What somebody took away while it was open: it never comes back by itself.
    taken_away: set[tuple[str, str]]

    @rule(
        name=st.sampled_from(FAULTS),
        method=st.sampled_from(["PUT", "DELETE", "GET"]),
        times=st.sampled_from([1, 2, 5, None]),
        applied=st.booleans(),
    )
    def fails(self, name: str, method: str, times: int | None, applied: bool) -> None:
        """Azure fails in a way it has, for some calls or until the next quiet point."""
        poll = name in ("lost_poll", "poll_forbidden")
        only_writes = name in (
            "busy",
            "another_operation",
            "applied_then_500",
            "lro_failed",
            "lro_canceled",
            "locked",
        )
        if (method == "GET" and only_writes) or name == "policy_denied":
            method = "PUT"
        options = (
            {"applied": True} if applied and name in ("lro_failed", "lro_canceled", "drop_connection") else {}
        )
        self.azure.fault(name, match={"method": "POLL" if poll else method}, times=times, **options)

    @rule(
        number=st.integers(0, 5),
        how=st.sampled_from(["delete", "delete", "narrow", "widen", "prolong", "garble", "copy"]),
    )
    def changes_by_hand(self, number: int, how: str) -> None:
        """Somebody changes a rule of ours in Azure."""
        # By number, not by name: names differ from run to run, and a schedule has to be the same again.
        found = sorted(self._ours(), key=lambda one: (one[0], self.azure.rules(one[0])[one[1]]["priority"]))
        if not found:
            return
        nsg, name = found[number % len(found)]
        whole = self.azure.rules(nsg)[name]
        if how == "delete":
            if Grant.objects.filter(state="open", openings__name=name).exists():
                self.taken_away.add((nsg, name))
            self.azure.control("DELETE", f"rules/{nsg}/{name}")
            return
        changed = {
            "narrow": {"access": "Deny"},
            "widen": {"sourceAddressPrefix": "*"},
            "prolong": {"description": "latch end=2099-01-01T00:00:00Z grant=x req=1"},
            "garble": {"description": "tidied up"},
            "copy": {"priority": 900 + number, "name": f"latch-test-{uuid4().hex[:12]}-1"},
        }[how]
        with suppress(AssertionError):  # two copies at one number: Azure refuses the second
            self._put(nsg, {**whole, **changed})

    @rule()
    def lands_late(self) -> None:
        """What a process was sending when it died arrives after all, within the time that a write can take."""
        if not self.unsent:
            return
        container_id, spec, until = self.unsent.pop()
        if now() >= until:
            return
        body = {
            "name": spec.name,
            "priority": spec.priority,
            "direction": "Inbound",
            "access": "Allow",
            "protocol": spec.protocol.capitalize(),
            "sourceAddressPrefix": spec.source,
            "sourcePortRange": "*",
            "destinationAddressPrefix": spec.destination,
            "destinationPortRange": spec.ports[0],
            "description": spec.description,
        }
        with suppress(AssertionError):
            self._put(container_id.rsplit("/", 1)[-1], body)

    def _ours(self) -> set[tuple[str, str]]:
        return {
            (nsg["name"], one["name"])
            for nsg in self.azure.control("GET", "nsgs")["nsgs"]
            for one in nsg["rules"]
            if _MARK.fullmatch(one["name"])
        }

    def _put(self, nsg: str, whole: dict[str, Any]) -> None:
        body = {key: value for key, value in whole.items() if key not in ("name", "state", "id", "etag")}
        self.azure.control("PUT", f"rules/{nsg}/{whole['name']}", body)
