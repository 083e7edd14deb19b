"""What must be true of database, Azure and trail after every step of every story. Assertions, and nothing else."""

import re
from collections import Counter
from typing import Any

from audit_app.models import Event
from requests_app.models import Grant, Opening
from tests.support.devcloud import Devcloud

ALIVE = ("opening", "open", "extending", "closing")
_MARK = re.compile(r"latch-test-[0-9a-f]{12}-\d+", re.IGNORECASE)
_ENDS = "expired|failed|ended|revoked|removed_in_azure"
_BORN = "(issued|opened_again)"
_OPEN = "opened( extending (extended|extension_failed)| shortened)*"
# The life of one grant, as the trail must tell it: any beginning of one of these lines.
_LIFE = re.compile(
    rf"{_BORN}( activated( {_OPEN}( extending)?)?( ({_ENDS})( closed)?)?| cancelled| voided| unused)?"
)
_STATE = {
    "issued": _BORN,
    "opening": rf"{_BORN} activated",
    "open": rf"{_BORN} activated {_OPEN}",
    "extending": rf"{_BORN} activated {_OPEN} extending",
    "closing": rf"{_BORN} activated( {_OPEN}( extending)?)? ({_ENDS})",
    "closed": rf"{_BORN}( activated( {_OPEN}( extending)?)? ({_ENDS}) closed| cancelled| voided| unused)",
}
# What is told beside a grant's life, and may come at any point of it.
_BESIDE = {"grant.found_open", "grant.repaired", "grant.overdue", "grant.break_glass"}
_ONCE = {
    "request.submitted",
    "request.approved",
    "request.denied",
    "request.withdrawn",
    "request.lapsed",
}


def foreign_rules(azure: Devcloud) -> dict[str, Any]:
    """Return every rule that does not carry our mark, by group and name, as Azure holds it."""
    return {
        f"{nsg['name']}/{rule['name']}": {key: value for key, value in rule.items() if key != "state"}
        for nsg in azure.control("GET", "nsgs")["nsgs"]
        for rule in nsg["rules"]
        if not _MARK.fullmatch(rule["name"])
    }


def hold(azure: Devcloud, foreign: dict[str, Any]) -> None:
    """Every invariant holds; `foreign` is what foreign_rules() said at the start."""
    assert foreign_rules(azure) == foreign, "a foreign rule was changed"
    work_is_scheduled()
    our_rules_have_live_grants(azure)
    stories_are_legal()


def work_is_scheduled() -> None:
    """Nothing waits for ever: whatever is not done yet has a time at which somebody looks."""
    for grant in Grant.objects.filter(state__in=ALIVE).prefetch_related("openings"):
        openings = list(grant.openings.all())
        assert any(opening.due_at for opening in openings), (
            f"nobody will ever look at {grant} ({grant.state})"
        )
        if grant.state in ("open", "extending"):
            late = [o.name for o in openings if o.due_at is None or o.due_at > grant.expires_at]
            assert not late, f"{late} are looked at only after their grant's end"
        if grant.state == "closing":
            kept = [o.name for o in openings if o.desired != Opening.Desired.ABSENT]
            assert not kept, f"{kept} are wanted by a grant that is closing"
    for opening in Opening.objects.exclude(observed=Opening.Observed.ABSENT, desired=Opening.Desired.ABSENT):
        assert opening.due_at, f"{opening} is {opening.observed}, should be {opening.desired}, and is not due"


def our_rules_have_live_grants(azure: Devcloud) -> None:
    """No rule of ours stands in Azure without a grant that will have it closed."""
    for nsg in azure.control("GET", "nsgs")["nsgs"]:
        for rule in nsg["rules"]:
            if not _MARK.fullmatch(rule["name"]):
                continue
            opening = Opening.objects.select_related("grant").filter(name=rule["name"]).first()
            assert opening, f"{rule['name']} stands in {nsg['name']} and no opening knows of it"
            assert opening.due_at, f"{rule['name']} stands in {nsg['name']} and nobody will look at it"
            if opening.grant.state not in ALIVE:
                assert opening.rereads_left, f"{rule['name']} outlived its grant unseen"


def stories_are_legal() -> None:
    """Each grant's events are in order, each once, and say the state its row is in; so do its request's."""
    for grant in Grant.objects.all():
        kinds = Event.objects.filter(object_id=str(grant.uid), outcome__in=["success", "failure"])
        told = " ".join(
            kind.removeprefix("grant.")
            for kind in kinds.order_by("id").values_list("kind", flat=True)
            if kind not in _BESIDE
        )
        assert _LIFE.fullmatch(told), f"the trail tells an impossible story of {grant}: {told}"
        assert re.fullmatch(_STATE[grant.state], told), f"{grant} is {grant.state}, the trail says: {told}"
    for story in (
        Event.objects.filter(story__startswith="request-").values_list("story", flat=True).distinct()
    ):
        events = Event.objects.filter(story=story, kind__in=_ONCE).values_list("kind", flat=True)
        twice = [kind for kind, times in Counter(events).items() if times > 1]
        assert not twice, f"{story}: {twice} stand in the trail more than once"
