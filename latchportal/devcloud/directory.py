"""People and groups as they are right now: starts as the world says, tests change it. No HTTP here."""

from dataclasses import replace
from weakref import WeakKeyDictionary

from latchportal.devcloud.world import Group, Person, World

# Entra, Graph and the control routes are built apart from one world and must see the same people.
_DIRECTORIES: "WeakKeyDictionary[World, Directory]" = WeakKeyDictionary()


def directory_of(world: World) -> "Directory":
    """The one directory of this loaded world."""
    if world not in _DIRECTORIES:
        _DIRECTORIES[world] = Directory(world)
    return _DIRECTORIES[world]


class Directory:
    """The mutable part of the world."""

    def __init__(self, world: World) -> None:
        self._born_as = (world.people, world.groups)
        self.people: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        self.reset()

    def reset(self) -> None:
        """Everything is again as the file says."""
        people, groups = self._born_as
        self.people = {person.oid: person for person in people}
        self.groups = {group.id: group for group in groups}

    def person(self, key: str) -> Person | None:
        """By oid, UPN or UPN local part, whatever the case."""
        wanted = key.lower()
        matching = (
            one for one in self.people.values() if wanted in (one.oid, one.upn.lower(), one.key.lower())
        )
        return next(matching, None)

    def group(self, key: str) -> Group | None:
        """By id or name."""
        return next((group for group in self.groups.values() if key in (group.id, group.name)), None)

    def change(
        self, oid: str, *, enabled: bool | None = None, roles: tuple[str, ...] | None = None
    ) -> Person:
        """The person is enabled or not, or has exactly these app roles; None leaves as it is."""
        person = self.people[oid]
        person = person if enabled is None else replace(person, enabled=enabled)
        self.people[oid] = person if roles is None else replace(person, roles=roles)
        return self.people[oid]

    def set_manager(self, oid: str, manager: str | None) -> None:
        """The person has this manager, or none."""
        self.people[oid] = replace(self.people[oid], manager=manager)

    def join(self, oid: str, group_id: str) -> None:
        """The person is a direct member of the group."""
        group = self.groups[group_id]
        if oid not in group.members:
            self.groups[group_id] = replace(group, members=(*group.members, oid))

    def leave(self, oid: str, group_id: str) -> None:
        """The person is no direct member of the group; nested membership stays."""
        group = self.groups[group_id]
        self.groups[group_id] = replace(group, members=tuple(one for one in group.members if one != oid))

    def parents(self, member: str) -> list[Group]:
        """Groups that hold this person or group directly."""
        return [group for group in self.groups.values() if member in (*group.members, *group.groups)]

    def all_parents(self, member: str) -> list[Group]:
        """Groups that hold this person or group, directly or through others; each once."""
        found: dict[str, Group] = {}
        waiting = self.parents(member)
        while waiting:
            group = waiting.pop(0)
            if group.id not in found:
                found[group.id] = group
                waiting += self.parents(group.id)
        return list(found.values())

    def children(self, group_id: str) -> list[Person | Group]:
        """Direct members: people, then groups."""
        group = self.groups[group_id]
        return [*(self.people[oid] for oid in group.members), *(self.groups[one] for one in group.groups)]

    def all_children(self, group_id: str) -> list[Person | Group]:
        """Direct and nested members, people and groups; each once."""
        found: dict[str, Person | Group] = {}
        waiting = self.children(group_id)
        while waiting:
            child = waiting.pop(0)
            key = child.oid if isinstance(child, Person) else child.id
            if key not in found:
                found[key] = child
                waiting += [] if isinstance(child, Person) else self.children(key)
        return list(found.values())
