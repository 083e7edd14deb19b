"""What the pretend Graph says about people and groups: pages, $select, $expand, $filter. No HTTP, tokens."""

import base64
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from latchportal.devcloud.directory import directory_of
from latchportal.devcloud.world import Group, Person, World

Query = dict[str, str]
Json = dict[str, Any]

# Small on purpose: whoever forgets to follow nextLink loses people already in the demo.
PAGE, LARGEST_PAGE = 5, 999
BOTH = ["id", "displayName"]
USUAL = {
    "user": [*BOTH, "givenName", "surname", "jobTitle", "mail", "userPrincipalName", "businessPhones"],
    "group": [*BOTH, "description", "mailEnabled", "securityEnabled", "groupTypes"],
}
OPTIONS = {"$select", "$top", "$expand", "$filter", "$skiptoken", "$count"}


class GraphError(Exception):
    """An answer that is not 200; `retry_after` in seconds when the caller should come again."""

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after
        self.at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Answers:
    """Reads of the directory as it is now."""

    def __init__(self, world: World) -> None:
        self.world, self.directory = world, directory_of(world)

    def get(self, base: str, path: str, query: Query) -> Json:
        """The body of a GET. Raises GraphError."""
        for option in query:
            if option.startswith("$") and option not in OPTIONS:
                raise _bad(f"The query option '{option}' is not offered by the pretend Graph.")
        parts = path.strip("/").split("/")
        match parts:
            case ["users" | "groups" as plural]:
                return self._list(base, path, query, self._all(plural))
            case ["users", key]:
                return self._entity(base, "users", self._person(key), query)
            case ["groups", key]:
                return self._entity(base, "groups", self._group(key), query)
            case ["users", key, "manager"]:
                return self._entity(
                    base, "directoryObjects", self._manager(self._person(key)), query, typed=True
                )
            case ["users" | "groups", _, relation, *cast]:
                return self._list(
                    base, path, query, self._related(parts[0], parts[1], relation, cast), typed=True
                )
        raise _bad(f"Resource not found for the segment '{parts[0]}'.")

    def _all(self, plural: str) -> list[Person | Group]:
        directory = self.directory
        return [*(directory.people if plural == "users" else directory.groups).values()]

    def _person(self, key: str) -> Person:
        person = self.directory.person(key) if "@" in key else self.directory.people.get(key.lower())
        return person or _absent(key)

    def _group(self, key: str) -> Group:
        return self.directory.groups.get(key) or _absent(key)

    def _manager(self, person: Person) -> Person:
        return self.directory.people[person.manager] if person.manager else _absent("manager")

    def _related(self, plural: str, key: str, relation: str, cast: list[str]) -> Sequence[Person | Group]:
        id_ = self._person(key).oid if plural == "users" else self._group(key).id
        readers: dict[str, Any] = {
            "memberOf": self.directory.parents,
            "transitiveMemberOf": self.directory.all_parents,
        }
        if plural == "groups":
            readers |= {"members": self.directory.children, "transitiveMembers": self.directory.all_children}
        if relation not in readers:
            raise _bad(f"Resource not found for the segment '{relation}'.")
        kinds: dict[str, Any] = {"microsoft.graph.user": Person, "microsoft.graph.group": Group}
        if cast and cast[0] not in kinds:
            raise _bad(f"Resource not found for the segment '{cast[0]}'.")
        kind = kinds[cast[0]] if cast else (Person, Group)
        return [one for one in readers[relation](id_) if isinstance(one, kind)]

    def _entity(self, base: str, plural: str, one: Person | Group, query: Query, typed: bool = False) -> Json:
        return {"@odata.context": f"{base}/$metadata#{plural}/$entity", **self._shown(one, query, typed)}

    def _list(
        self, base: str, path: str, query: Query, everyone: Sequence[Person | Group], typed: bool = False
    ) -> Json:
        found = [one for one in everyone if _matches(one, query.get("$filter"))]
        start, size = _start(query.get("$skiptoken")), _size(query.get("$top"))
        plural = "directoryObjects" if typed else path
        answer: Json = {"@odata.context": f"{base}/$metadata#{plural}"}
        if query.get("$count") == "true":
            answer["@odata.count"] = len(found)
        if start + size < len(found):
            more = {**query, "$skiptoken": base64.urlsafe_b64encode(f"from:{start + size}".encode()).decode()}
            answer["@odata.nextLink"] = f"{base}/{quote(path)}?{urlencode(more, safe='$,()=;')}"
        answer["value"] = [self._shown(one, query, typed) for one in found[start : start + size]]
        return answer

    def _shown(self, one: Person | Group, query: Query, typed: bool) -> Json:
        kind = "user" if isinstance(one, Person) else "group"
        fields = _fields(one)
        wanted = query["$select"].split(",") if query.get("$select") else USUAL[kind]
        # Graph leaves out what an object of another kind does not have; a slip of the pen is refused.
        known = set(_USER_FIELDS) | set(_GROUP_FIELDS) if typed else set(fields)
        if unknown := [name for name in wanted if name not in known]:
            raise _bad(f"Could not find a property named '{unknown[0]}' on type 'microsoft.graph.{kind}'.")
        shown: Json = {"@odata.type": f"#microsoft.graph.{kind}"} if typed else {}
        shown |= {name: fields[name] for name in wanted if name in fields}
        if query.get("$expand"):
            shown |= self._manager_inside(one, query["$expand"])
        return shown

    def _manager_inside(self, one: Person | Group, expand: str) -> Json:
        asked = re.fullmatch(r"manager(?:\(([^)]*)\))?", expand)
        if not asked or not isinstance(one, Person):
            raise _bad(f"Only $expand=manager of users is offered, not '{expand}'.")
        if not one.manager:
            return {}
        inner = dict(option.split("=", 1) for option in (asked[1] or "").split(";") if "=" in option)
        return {"manager": self._shown(self.directory.people[one.manager], inner, typed=True)}


def _user(person: Person) -> Json:
    given, _, surname = person.name.partition(" ")
    return {
        "id": person.oid,
        "displayName": person.name,
        "givenName": given,
        "surname": surname,
        "jobTitle": person.job,
        "mail": person.mail,
        "userPrincipalName": person.upn,
        "businessPhones": [],
        "accountEnabled": person.enabled,
        "userType": "Guest" if person.guest else "Member",
    }


def _group_fields(group: Group) -> Json:
    return {
        "id": group.id,
        "displayName": group.name,
        "description": None,
        "mailEnabled": False,
        "securityEnabled": True,
        "groupTypes": [],
    }


_USER_FIELDS = _user(Person("", "", "", "", "", "", None, True, False, (), ""))
_GROUP_FIELDS = _group_fields(Group("", "", (), ()))


def _fields(one: Person | Group) -> Json:
    return _user(one) if isinstance(one, Person) else _group_fields(one)


def _matches(one: Person | Group, condition: str | None) -> bool:
    if not condition:
        return True
    asked = re.fullmatch(r"(\w+) eq (?:'([^']*)'|(true|false))", condition.strip())
    if not asked or asked[1] not in _fields(one):
        raise GraphError(400, "Request_UnsupportedQuery", f"Unsupported or invalid query filter: {condition}")
    value = _fields(one)[asked[1]]
    return value is (asked[3] == "true") if asked[3] else str(value).lower() == asked[2].lower()


def _size(top: str | None) -> int:
    if top is None:
        return PAGE
    if not top.isascii() or not top.isdigit() or not 1 <= int(top) <= LARGEST_PAGE:
        raise _bad(f"Invalid page size specified: '{top}'. Must be between 1 and {LARGEST_PAGE} inclusive.")
    return int(top)


def _start(token: str | None) -> int:
    try:
        return int(base64.urlsafe_b64decode(token).decode().removeprefix("from:")) if token else 0
    except ValueError as error:
        raise GraphError(
            400, "Directory_ExpiredPageToken", "The specified page token value is bad."
        ) from error


def _bad(message: str) -> GraphError:
    return GraphError(400, "BadRequest", message)


def _absent(what: str) -> Any:
    message = (
        f"Resource '{what}' does not exist or one of its queried reference-property objects are not present."
    )
    raise GraphError(404, "Request_ResourceNotFound", message)
