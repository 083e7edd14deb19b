"""The state machines of requests, stages and grants, on one screen. Only tables stand here; verbs are in actions."""

from audit_app.lifecycle import Machine, Transition
from audit_app.trail import About
from requests_app.models import AccessRequest, Decision, Grant, Person, Stage

# What "close everything" speaks of.
EVERYTHING = About(kind="portal", id="everything", label="Everything that is open")

REQUESTER = "requester"
ADMINISTRATOR = "administrator"
APPROVER = "approver"
# Somebody broke the glass, and this one was told at once.
ALERTED = "alerted"
SYSTEM = "system"

_requester = frozenset({REQUESTER})
_administrator = frozenset({ADMINISTRATOR})
_approver = frozenset({APPROVER})
_alerted = frozenset({ALERTED})
_system = frozenset({SYSTEM})
_anyone_concerned = _requester | _approver | _administrator | _alerted

REQUESTS = Machine(
    AccessRequest,
    "request",
    (
        Transition("approve", ("pending",), "approved", "request.approved", _system),
        Transition("deny", ("pending",), "denied", "request.denied", _system, outcome="refused"),
        Transition("return", ("pending",), "returned", "request.returned", _approver, "Ask a question"),
        Transition("answer", ("returned",), "pending", "request.answered", _requester, "Answer"),
        Transition(
            "resume", ("returned",), "pending", "request.resumed", _approver, "Take the question back"
        ),
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
        Transition(
            "removed", ("open", "extending"), "closing", "grant.removed_in_azure", _system, outcome="failure"
        ),
        Transition("extend", ("open",), "extending", "grant.extending", _requester, "Extend"),
        Transition("extended", ("extending",), "open", "grant.extended", _system),
        Transition(
            "not_extended", ("extending",), "open", "grant.extension_failed", _system, outcome="failure"
        ),
        Transition("shorten", ("open",), "open", "grant.shortened", _anyone_concerned, "Shorten"),
        Transition("end", _alive, "closing", "grant.ended", _requester, "End now"),
        Transition("revoke", _alive, "closing", "grant.revoked", _administrator | _alerted, "Revoke"),
        Transition("cancel", ("issued",), "closed", "grant.cancelled", _requester, "Cancel"),
        Transition("void", ("issued",), "closed", "grant.voided", _administrator, "Revoke before use"),
        Transition("unused", ("issued",), "closed", "grant.unused", _system),
        Transition("closed", ("closing",), "closed", "grant.closed", _system),
    ),
)


def roles_of(person: Person, owner: Person | int) -> frozenset[str]:
    """Return what this person is to something of `owner`'s: its requester, an administrator, both or neither.

    Who may approve is asked of the directory for each stage, in actions, at the click.
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
    return Machine.of(obj).open_to(obj.state, _roles(obj, person))


def allows(obj: AccessRequest | Grant, event: str, person: Person) -> bool:
    """Return whether this person's roles allow this transition at all, whatever the state."""
    return bool(Machine.of(obj)[event].who & _roles(obj, person))


def _roles(obj: AccessRequest | Grant, person: Person) -> frozenset[str]:
    if isinstance(obj, AccessRequest):
        # Who asked for somebody else answers and withdraws as they may. What comes of it is the other one's alone.
        return roles_of(person, person if obj.is_of(person) else obj.requester_id)
    roles = roles_of(person, obj.person_id)
    if roles or not GRANTS.open_to(obj.state, _approver | _alerted):
        return roles
    if obj.break_glass:
        return _alerted if was_alerted(obj.access_request, person) else roles
    return _approver if approved(obj, person) else roles


def approved(grant: Grant, person: Person) -> bool:
    """Return whether this person agreed to this grant, and so may take some of it back."""
    votes = Decision.objects.filter(access_request=grant.access_request_id, person=person, vote="approve")
    return votes.exists()


def was_alerted(access_request: AccessRequest, person: Person) -> bool:
    """Return whether this person was told of a broken glass, and so may close what it opened, as nobody was asked."""
    return access_request.break_glass and access_request.alerted.filter(pk=person.pk).exists()
