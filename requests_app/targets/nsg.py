"""Network security groups: read one, write or remove one rule. Never a whole group or a foreign rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

from requests_app.targets.arm import client
from requests_app.targets.azure_cloud import AzureConfig
from requests_app.targets.base import ContainerState, Receipt, RuleSpec, TargetError
from requests_app.targets.call import arm_call
from requests_app.targets.mark import check_instance
from requests_app.targets.nsg_json import body, check, check_name, container, parse_id

# The answers to a DELETE that mean the rule cannot exist: itself, its group or its resource group is gone.
_GONE: Final = frozenset({"NotFound", "ResourceNotFound", "ParentResourceNotFound", "ResourceGroupNotFound"})


@dataclass(frozen=True, slots=True)
class NsgTarget:
    """The rules that this instance of the portal keeps in network security groups. See `base.Target`."""

    config: AzureConfig
    instance: str

    def __post_init__(self) -> None:
        """ValueError for an instance that cannot stand in a rule's name."""
        check_instance(self.instance)

    def read(self, container_id: str, *, correlation_id: str) -> ContainerState:
        """The group as it is now, by one GET. Raises TargetError."""
        nsg = parse_id(container_id)
        with arm_call(self.config, container_id, correlation_id) as call:
            groups = client(self.config, nsg.subscription).network_security_groups
            answer = groups.get(nsg.group, nsg.name, headers=call.correlation(), **call.options())
            try:
                return container(container_id, answer.as_dict())
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise call.failed(
                    "unknown", f"no group in Azure's answer: {error}", code="BadResponse"
                ) from error

    def write(self, container_id: str, spec: RuleSpec, *, correlation_id: str) -> Receipt:
        """The rule is in the group as `spec` says; writing it again changes nothing.

        Raises TargetError; unless that is `certain`, the rule may be there all the same: read it back.
        """
        check(self.instance, spec)
        nsg = parse_id(container_id)
        with arm_call(self.config, container_id, correlation_id) as call:
            rules = client(self.config, nsg.subscription).security_rules
            poller = rules.begin_create_or_update(
                nsg.group,
                nsg.name,
                spec.name,
                cast("Any", body(spec)),
                headers=call.correlation(),
                polling=call.polling(),
                **call.options(),
            )
            return call.finish(poller)

    def remove(self, container_id: str, name: str, *, correlation_id: str) -> Receipt:
        """No rule of this name is in the group; a rule or group that is gone already is fine.

        Raises TargetError; unless that is `certain`, the rule may be gone all the same: read it back.
        """
        check_name(self.instance, name)
        nsg = parse_id(container_id)
        try:
            with arm_call(self.config, container_id, correlation_id) as call:
                rules = client(self.config, nsg.subscription).security_rules
                poller = rules.begin_delete(
                    nsg.group,
                    nsg.name,
                    name,
                    headers=call.correlation(),
                    polling=call.polling(),
                    **call.options(),
                )
                return call.finish(poller)
        except TargetError as error:
            if error.certain and error.status == 404 and error.code in _GONE:
                return call.receipt()
            raise
