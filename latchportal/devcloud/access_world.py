"""Authentication contexts and Conditional Access policies, as the file of the organisation states them."""

from dataclasses import dataclass

from latchportal.devcloud.reading import Node, read

STATES = ("enabled", "disabled", "enabledForReportingButNotEnforced")


@dataclass(frozen=True)
class Context:
    """An authentication context that the tenant declares; `available` is what Entra calls published."""

    id: str
    name: str
    available: bool


@dataclass(frozen=True)
class AccessPolicy:
    """A Conditional Access policy on authentication contexts, for everybody but `exclude` (oids)."""

    id: str
    name: str
    state: str
    contexts: tuple[str, ...]
    require: tuple[str, ...]
    exclude: tuple[str, ...]


def read_context(node: Node) -> Context:
    """A context; every field is asked for."""
    return read(node, Context, id=Node.text, name=Node.text, available=Node.flag)


def read_access_policy(node: Node) -> AccessPolicy:
    """A policy; every field is asked for, and the state is one that Entra knows."""
    node["state"].one_of(*STATES)
    lists = {"contexts": Node.texts, "require": Node.texts, "exclude": Node.texts}
    return read(node, AccessPolicy, id=Node.guid, name=Node.text, state=Node.text, **lists)
