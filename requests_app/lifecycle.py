"""The state machines of requests, stages and grants, on one screen. Only tables stand here; verbs are in actions."""

from audit_app.lifecycle import Machine, Transition
from audit_app.trail import About
from requests_app.models import AccessRequest, Grant, Person, Stage

# What "close everything" speaks of.
EVERYTHING = About(kind="portal", id="everything", label="Everything that is open")

REQUESTER = "requester"
ADMINISTRATOR = "administrator"
APPROVER = "approver"
SYSTEM = "system"

_requester = frozenset({REQUESTER})
_administrator = frozenset({ADMINISTRATOR})
_approver = frozenset({APPROVER})
_system = frozenset({SYSTEM})

REQUESTS = Machine(
    AccessRequest,
    "request",
    (
        Transition("approve", ("pending",), "approved", "request.approved", _system),
        Transition("deny", ("pending",), "denied", "request.denied", _system, outcome="refused"),
        Transition(
            "withdraw", ("pending", "returned"), "withdrawn", "request.withdrawn", _requester, "Withdraw"
        ),
        Transition("lapse", ("pending", "returned"), "lapsed", "request.lapsed", _system, outcome="refused"),
    ),
)

STAGES = Machine(
    Stage,
    "stage",
    (
        Transition("start", ("waiting",), "active", "stage.started", _system),
        Transition("approve", ("active",), "approved", "stage.approved", _approver, "Approve"),
        Transition("deny", ("active",), "denied", "stage.denied", _approver, "Deny", outcome="refused"),
        Transition("lapse", ("active",), "lapsed", "stage.lapsed", _system, outcome="refused"),
        Transition("cancel", ("waiting", "active"), "cancelled", "stage.cancelled", _system),
    ),
)

_alive = ("opening", "open", "extending")
GRANTS = Machine(
    Grant,
    "grant",
    (
        Transition("activate", ("issued",), "opening", "grant.activated", _requester, "Activate"),
        Transition("opened", ("opening",), "open", "grant.opened", _system),
        Transition("expire", _alive, "closing", "grant.expired", _system),
        Transition("fail", ("opening",), "closing", "grant.failed", _system, outcome="failure"),
        Transition("end", _alive, "closing", "grant.ended", _requester, "End now"),
        Transition("revoke", _alive, "closing", "grant.revoked", _administrator, "Revoke"),
        Transition("cancel", ("issued",), "closed", "grant.cancelled", _requester, "Cancel"),
        Transition("void", ("issued",), "closed", "grant.voided", _administrator, "Revoke before use"),
        Transition("unused", ("issued",), "closed", "grant.unused", _system),
        Transition("closed", ("closing",), "closed", "grant.closed", _system),
    ),
)


def roles_of(person: Person, owner: Person | int) -> frozenset[str]:
    """Return what this person is to something of `owner`'s: its requester, an administrator, both or neither.

    Who approves is asked of the directory for each stage, in actions, at the click.
    """
    owner_id = owner if isinstance(owner, int) else owner.pk
    roles = set()
    if person.pk == owner_id:
        roles.add(REQUESTER)
    if person.is_administrator:
        roles.add(ADMINISTRATOR)
    return frozenset(roles)


def buttons(obj: AccessRequest | Grant, person: Person) -> tuple[Transition, ...]:
    """Return what this person may do with this request or grant now; actions ask the same again."""
    owner_id = obj.requester_id if isinstance(obj, AccessRequest) else obj.person_id
    return Machine.of(obj).open_to(obj.state, roles_of(person, owner_id))


def allows(obj: AccessRequest | Grant, event: str, person: Person) -> bool:
    """Return whether this person's roles allow this transition at all, whatever the state."""
    owner_id = obj.requester_id if isinstance(obj, AccessRequest) else obj.person_id
    return bool(Machine.of(obj)[event].who & roles_of(person, owner_id))
