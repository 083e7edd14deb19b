"""PURE: which sort of act each kind of event is, for every schema alike. Schemas have files of their own.

A kind that nobody listed here is told as "other", with its own name beside it: nothing is ever left unshipped.
"""

from typing import Final, Literal

Act = Literal["create", "change", "remove", "read", "enable", "disable", "execute", "other"]

_BY_KIND: Final[dict[str, Act]] = {
    "code.minted": "create",
    "code.revoked": "remove",
    "code.spent": "execute",
    "directory.changed": "change",
    "export.started": "read",
    "grant.activated": "enable",
    "grant.break_glass": "enable",
    "grant.closed": "remove",
    "grant.extended": "change",
    "grant.issued": "create",
    "grant.opened": "create",
    "grant.opened_again": "enable",
    "grant.repaired": "change",
    "grant.shortened": "change",
    "policy.loaded": "change",
    "catalogue.changed": "change",
    "portal.armed": "enable",
    "portal.close_only": "disable",
    "request.submitted": "create",
    "request.withdrawn": "remove",
    "request.lapsed": "remove",
    "rule.orphan_removed": "remove",
    "signin.succeeded": "execute",
    "key.rotated": "create",
    "key.retired": "remove",
    "verifier.made": "create",
    "verifier.changed": "change",
    "verifier.enabled": "enable",
    "verifier.disabled": "disable",
    "verifier.revoked": "disable",
}
# What ends a right, whichever way it came to its end.
_ENDS: Final = frozenset(
    {"cancelled", "ended", "expired", "failed", "removed_in_azure", "revoked", "unused", "voided"}
)
_CHANGES: Final = frozenset({"request", "stage", "decision", "review", "review_item", "alert"})


def act(kind: str) -> Act:
    """Return the sort of act that events of this kind tell of."""
    noun, _, verb = kind.partition(".")
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    if noun == "grants" or (noun == "grant" and verb in _ENDS):
        return "disable"
    if noun in _CHANGES:
        return "change"
    return "other"


def weight(kind: str, outcome: str) -> str:
    """Return the outcome whose severity this event has: an alert asks for a look though nothing has failed."""
    return "failure" if kind == "alert.raised" else outcome


def cut(text: str, longest: int) -> str:
    """Return the text, cut where its UTF-8 would be longer than `longest` bytes."""
    encoded = text.encode(errors="replace")
    return encoded.decode() if len(encoded) <= longest else encoded[:longest].decode(errors="ignore")


def person(party_id: str) -> tuple[str, str]:
    """Return tenant and object id of "tid:oid"; of a part of the portal, nothing and its whole id."""
    tenant, _, oid = party_id.partition(":")
    return (tenant, oid) if len(tenant) == 36 and oid else ("", party_id)
