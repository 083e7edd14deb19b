"""Many groups with many open rights in them, made at once: rows in the database, rules in the pretend Azure.

Only for measuring how they close. How they come to be open through the site is measured elsewhere.
"""

from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import requests

from tests.benchmarks.setting import Setting

if TYPE_CHECKING:
    from requests_app.models import Entitlement, Grant

_SUBSCRIPTION = "11111111-aaaa-4bbb-8ccc-000000000001"
_GROUP = "rg-many"
# An opening that was read back in two seconds: the end in Azure is this much later than the one people see.
_SLACK = timedelta(seconds=118)
_FIRST = 200


def groups(setting: Setting, number: int, name: str, region: str = "westeurope") -> "list[Entitlement]":
    """Return an entitlement for each of so many new network security groups of one region."""
    from requests_app.models import Entitlement, Resource

    made = []
    for index in range(number):
        nsg = f"nsg-{name}-{index:03}"
        order = {"subscription": _SUBSCRIPTION, "resource_group": _GROUP, "name": nsg, "location": region}
        _control(setting, "POST", "nsgs", order)
        resource = Resource.objects.create(key=f"{name}-{index:03}", name=f"{name}-{index:03}")
        made.append(
            Entitlement.objects.create(
                key=f"{name}-{index:03}-ssh",
                resource=resource,
                name=f"SSH to {resource.name}",
                nsgs=[_azure_id(nsg)],
                destination="10.99.0.4",
                ports=["22"],
                # Not in the catalogue, so that nothing but what is open there is looked after.
                active=False,
            )
        )
    return made


def opened(
    setting: Setting, entitlements: "list[Entitlement]", ends: "list[datetime]", region: str
) -> "list[Grant]":
    """Return a grant for each end, spread over the entitlements, open for ten minutes by then."""
    from requests_app.models import Container, Opening, Person
    from requests_app.targets.mark import describe

    person = Person.objects.get(oid=setting.described("ada").oid)
    containers = {
        entitlement.pk: Container.objects.get_or_create(
            azure_id=entitlement.nsgs[0].lower(), defaults={"region": region}
        )[0]
        for entitlement in entitlements
    }
    numbers = {entitlement.pk: count(_FIRST) for entitlement in entitlements}
    grants = []
    for index, end in enumerate(ends):
        entitlement = entitlements[index % len(entitlements)]
        grant = _grant(person, entitlement, end, setting.described("ada").address)
        priority = next(numbers[entitlement.pk])
        name = f"latch-demo-{grant.uid.hex[:12]}-1"
        spec = {
            "name": name,
            "source": grant.source_address,
            "destination": "10.99.0.4",
            "protocol": "tcp",
            "ports": ["22"],
            "description": describe(grant.uid.hex[:12], grant.access_request_id, end + _SLACK),
        }
        Opening.objects.create(
            grant=grant,
            container=containers[entitlement.pk],
            name=name,
            desired="present",
            desired_spec=spec,
            observed="present",
            observed_spec=spec,
            read_at=end - timedelta(minutes=10),
            priority=priority,
            due_at=end,
        )
        _control(setting, "PUT", f"rules/{_name(entitlement)}/{name}", _rule(spec, priority))
        grants.append(grant)
    return grants


def _grant(person: Any, entitlement: Any, end: datetime, address: str) -> "Grant":
    from requests_app.models import AccessRequest, Grant, RequestItem

    begin, lasting = end - timedelta(minutes=10), timedelta(minutes=10)
    wish = AccessRequest.objects.create(
        requester=person,
        state="approved",
        reason="To be closed with many others",
        duration=lasting,
        source_address=address,
        submitted_at=begin,
        decided_at=begin,
        activate_within=lasting,
        policy_hash="0" * 64,
        correlation_id=str(uuid4()),
        submission_key=uuid4(),
    )
    item = RequestItem.objects.create(access_request=wish, entitlement=entitlement, verdict={})
    return Grant.objects.create(
        item=item,
        access_request=wish,
        person=person,
        entitlement=entitlement,
        state="open",
        source_address=address,
        duration=lasting,
        policy_hash="0" * 64,
        issued_at=begin,
        activate_by=end,
        activated_at=begin,
        opened_at=begin,
        expires_at=end,
        hard_end=end + _SLACK,
    )


def _rule(spec: dict[str, Any], priority: int) -> dict[str, Any]:
    return {
        "priority": priority,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": spec["source"],
        "sourcePortRange": "*",
        "destinationAddressPrefix": spec["destination"],
        "destinationPortRange": "22",
        "description": spec["description"],
    }


def _name(entitlement: Any) -> str:
    return str(entitlement.nsgs[0]).rsplit("/", 1)[-1]


def _azure_id(nsg: str) -> str:
    where = f"/subscriptions/{_SUBSCRIPTION}/resourceGroups/{_GROUP}"
    return f"{where}/providers/Microsoft.Network/networkSecurityGroups/{nsg}"


def _control(setting: Setting, method: str, path: str, body: Any) -> None:
    answer = requests.request(method, f"{setting.stack.azure_url}/_control/{path}", json=body, timeout=30)
    answer.raise_for_status()
