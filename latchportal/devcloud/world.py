"""The organisation the pretend cloud is born with, read and checked once, frozen. No HTTP, no state."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import yaml

from latchportal.devcloud.access_world import AccessPolicy, Context, read_access_policy, read_context
from latchportal.devcloud.reading import Node, WorldError, known, read, unique

__all__ = [
    "AccessPolicy",
    "App",
    "Context",
    "Group",
    "Nsg",
    "Person",
    "Principal",
    "Subscription",
    "Tenant",
    "World",
    "WorldError",
    "load",
]

# The C parser reads the file ten times faster; tests read it hundreds of times.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
RULE_FIELDS = (
    "name",
    "priority",
    "direction",
    "access",
    "protocol",
    "sourceAddressPrefix",
    "sourcePortRange",
    "destinationAddressPrefix",
    "destinationPortRange",
    "description",
)


@dataclass(frozen=True)
class Tenant:
    """One Entra tenant; `id` is the GUID that stands in issuers."""

    id: str
    name: str
    domain: str


@dataclass(frozen=True)
class App:
    """An app registration and its service principal (`object_id`). `*loopback*`: any loopback redirect."""

    client_id: str
    client_secret: str
    name: str
    object_id: str
    redirect_uris: tuple[str, ...]
    app_roles: tuple[str, ...]
    optional_claims: tuple[str, ...]


@dataclass(frozen=True)
class Person:
    """Someone of the organisation. `address`: where they browse from; `part`: what they do in the demo."""

    oid: str
    name: str
    upn: str
    mail: str
    job: str
    part: str
    manager: str | None
    enabled: bool
    guest: bool
    roles: tuple[str, ...]
    address: str

    @property
    def key(self) -> str:
        """The local part of the UPN, by which tests and the demo name a person."""
        return self.upn.split("@")[0]


@dataclass(frozen=True)
class Group:
    """A group: people by oid, and nested groups by id."""

    id: str
    name: str
    members: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Nsg:
    """A network security group with the rules others wrote (ARM's field names) and what it guards."""

    resource_group: str
    name: str
    location: str
    rules: tuple[Mapping[str, Any], ...]
    subnets: tuple[str, ...]
    nics: tuple[str, ...]


@dataclass(frozen=True)
class Subscription:
    """An Azure subscription and its NSGs."""

    id: str
    name: str
    location: str
    nsgs: tuple[Nsg, ...]


@dataclass(frozen=True)
class Principal:
    """A managed identity, asked for by `client_id`, seen by Azure as `object_id`; what it may do in Graph."""

    client_id: str
    object_id: str
    name: str
    graph_roles: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class World:
    """Everything in the file. Compared by identity, so that run-time state can hang on one loaded world."""

    tenant: Tenant
    visitor_address: str
    apps: tuple[App, ...]
    people: tuple[Person, ...]
    groups: tuple[Group, ...]
    subscriptions: tuple[Subscription, ...]
    principals: tuple[Principal, ...]
    contexts: tuple[Context, ...]
    access_policies: tuple[AccessPolicy, ...]

    def person(self, key: str) -> Person:
        """The person of this UPN, UPN local part or oid, whatever the case. Raises KeyError."""
        wanted = key.lower()
        for person in self.people:
            if wanted in (person.oid, person.upn.lower(), person.key.lower()):
                return person
        raise KeyError(f"nobody in the organisation is called {key!r}")

    def group(self, key: str) -> Group:
        """The group of this name or id. Raises KeyError."""
        for group in self.groups:
            if key in (group.id, group.name):
                return group
        raise KeyError(f"no group is called {key!r}")


def load(path: str | Path) -> World:
    """The checked world of a file. Raises WorldError naming the file and the field at fault."""
    try:
        data = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 - both are safe loaders
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise WorldError(f"{path}: {error}") from error
    root = Node(str(path), data)
    world = World(
        tenant=_tenant(root["tenant"]),
        visitor_address=_public_address(root["visitor_address"]),
        apps=root["apps"].each(_app),
        people=root["people"].each(_person),
        groups=root["groups"].each(_group),
        subscriptions=root["subscriptions"].each(_subscription),
        principals=root["principals"].each(_principal),
        contexts=root["contexts"].each(read_context),
        access_policies=root["access_policies"].each(read_access_policy),
    )
    root.no_other_fields()
    _check_references(root, world)
    return world


def _tenant(node: Node) -> Tenant:
    return read(node, Tenant, id=Node.guid, name=Node.text, domain=Node.text)


def _app(node: Node) -> App:
    return read(
        node,
        App,
        client_id=Node.guid,
        client_secret=Node.text,
        name=Node.text,
        object_id=Node.guid,
        redirect_uris=Node.texts,
        app_roles=Node.texts,
        optional_claims=Node.texts,
    )


def _person(node: Node) -> Person:
    return read(
        node,
        Person,
        oid=Node.guid,
        name=Node.text,
        upn=_address_like,
        mail=_address_like,
        job=Node.text,
        part=Node.text,
        manager=Node.guid_or_none,
        enabled=Node.flag,
        guest=Node.flag,
        roles=Node.texts,
        address=_public_address,
    )


def _group(node: Node) -> Group:
    return read(node, Group, id=Node.guid, name=Node.text, members=Node.texts, groups=Node.texts)


def _subscription(node: Node) -> Subscription:
    return read(node, Subscription, id=Node.guid, name=Node.text, location=Node.text, nsgs=_nsgs)


def _nsgs(node: Node) -> tuple[Nsg, ...]:
    nsgs = node.each(_nsg)
    unique(node, [f"{nsg.resource_group}/{nsg.name}" for nsg in nsgs], "NSG")
    return nsgs


def _nsg(node: Node) -> Nsg:
    nsg = read(
        node,
        Nsg,
        resource_group=Node.text,
        name=Node.text,
        location=Node.text,
        rules=lambda rules: rules.each(_rule),
        subnets=Node.texts,
        nics=Node.texts,
    )
    unique(node["rules"], [rule["name"] for rule in nsg.rules], "rule name")
    unique(node["rules"], [f"{rule['direction']} {rule['priority']}" for rule in nsg.rules], "priority")
    return nsg


def _rule(node: Node) -> Mapping[str, Any]:
    rule: dict[str, Any] = {field: node[field].text() for field in RULE_FIELDS if field != "priority"}
    rule["priority"] = node["priority"].number()
    node.no_other_fields()
    if not 100 <= rule["priority"] <= 4096:
        node["priority"].refuse("must be between 100 and 4096")
    node["direction"].one_of("Inbound", "Outbound")
    node["access"].one_of("Allow", "Deny")
    node["protocol"].one_of("Tcp", "Udp", "Icmp", "Esp", "Ah", "*")
    if len(rule["description"]) > 140:
        node["description"].refuse("is longer than Azure's 140 characters")
    return rule


def _principal(node: Node) -> Principal:
    roles = {"graph_roles": Node.texts}
    return read(node, Principal, client_id=Node.guid, object_id=Node.guid, name=Node.text, **roles)


def _address_like(node: Node) -> str:
    text = node.text()
    return text if text.count("@") == 1 else node.refuse("must have the form name@domain")


def _public_address(node: Node) -> str:
    try:
        if IPv4Address(node.text()).is_global:
            return node.text()
    except ValueError:
        pass
    return node.refuse("must be one public IPv4 address")


def _check_references(root: Node, world: World) -> None:
    people, groups = {person.oid for person in world.people}, {group.id for group in world.groups}
    unique(root["people"], [person.oid for person in world.people], "oid")
    unique(root["people"], [person.upn for person in world.people], "upn")
    unique(root["people"], [person.address for person in world.people], "address")
    unique(root["groups"], [group.id for group in world.groups], "id")
    unique(root["subscriptions"], [subscription.id for subscription in world.subscriptions], "id")
    for index, person in enumerate(world.people):
        known(
            root["people"].at(index)["manager"], [person.manager] if person.manager else [], people, "person"
        )
    for index, group in enumerate(world.groups):
        known(root["groups"].at(index)["members"], group.members, people, "person")
        known(root["groups"].at(index)["groups"], group.groups, groups, "group")
