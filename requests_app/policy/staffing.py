"""Whether every stage can be decided at all by the people there are; who they are is handed in."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from requests_app.policy.checks import Check
from requests_app.policy.durations import in_words
from requests_app.policy.facts import Approver, Attempt
from requests_app.policy.model import ApproverRule, StageRule
from requests_app.policy.on_behalf import kept_out, without_own

# By stage name: the oids of those who may decide it.
People = Mapping[str, frozenset[str]]


def check_stages(stages: tuple[StageRule, ...], attempt: Attempt) -> list[Check]:
    """One check a stage: whether enough people can decide it, those kept busy by earlier stages left out.

    Nobody may vote twice on one request, nor have somebody vote for them beside their own vote, so three stages that
    one person could decide are not decidable. Those who join when a stage escalates count. Raises whatever ill-made
    facts make it raise.
    """
    own = {stage.name: _others(attempt.approvers, stage, attempt) for stage in stages}
    joining = {stage.name: _others(attempt.alternates, stage, attempt) for stage in stages}
    whole = {name: (*own[name], *joining[name]) for name in own}
    voices = {name: frozenset(one.in_place_of or one.oid for one in found) for name, found in whole.items()}
    decidable = _decidable(stages, {name: _oids(found) for name, found in whole.items()})
    decidable = [stage for stage in _decidable(stages, voices) if stage in decidable]
    return [
        kept_out(
            _staffed(stage, own[stage.name], joining[stage.name], stage in decidable),
            attempt.approvers.get(stage.name, ()),
            attempt,
        )
        for stage in stages
    ]


def stage_title(stage: StageRule) -> str:
    return f"Somebody can decide “{stage.title}”"


def _others(
    found: Mapping[str, tuple[Approver, ...]], stage: StageRule, attempt: Attempt
) -> tuple[Approver, ...]:
    # The requester is left out once more: nobody decides their own request, whatever list was handed in.
    return without_own(found.get(stage.name, ()), attempt)


def _oids(found: Iterable[Approver]) -> frozenset[str]:
    return frozenset(one.oid for one in found)


def _staffed(
    stage: StageRule, own: tuple[Approver, ...], joining: tuple[Approver, ...], decidable: bool
) -> Check:
    name, title = f"stage_{stage.name}", stage_title(stage)
    free = _oids(own)
    if len(_oids((*own, *joining))) < stage.quorum:
        return Check(name, title, "fail", *_too_few(stage, len(free)))
    if not decidable:
        return Check(
            name,
            title,
            "fail",
            f"Nobody may decide two stages of one request, and too few people are left for “{stage.title}”.",
            "Ask a policy owner to name more people who may decide it.",
        )
    if len(free) < stage.quorum:
        missing, _way_on = _too_few(stage, len(free))
        return Check(name, title, "warn", missing, f"{_whom(stage)} join at once instead.")
    here = _oids(one for one in own if one.away_until is None)
    if len(here) < stage.quorum:
        return Check(name, title, "warn", *_all_away(stage, own, joining))
    return Check(name, title, "pass", _can_decide(stage, len(free), len(free) - len(here)))


def _can_decide(stage: StageRule, free: int, away: int) -> str:
    absent = f", {away} of them away now" if away else ""
    all_of_them = "; all of them have to" if stage.everyone and free > 1 else ""
    more = f"; {stage.quorum} have to" if stage.quorum > 1 else all_of_them
    return f"{_people(free)} can decide it{absent}{more}."


def _all_away(stage: StageRule, own: tuple[Approver, ...], joining: tuple[Approver, ...]) -> tuple[str, str]:
    back = sorted((one.away_until, one.label) for one in own if one.away_until)
    said = "; ".join(f"{label} until {_moment(until)}" for until, label in back[:3])
    reason = f"Too few of those who can decide “{stage.title}” are here: {said}."
    if stage.escalation and any(one.away_until is None for one in joining):
        return reason, f"{_whom(stage)} join at once."
    return (
        reason,
        f"You can ask; it waits for them, and lapses after {in_words(stage.lapse_after)}. Or call somebody.",
    )


def _whom(stage: StageRule) -> str:
    to = stage.escalation.to if stage.escalation else stage.approvers
    return in_plain_words(to)[:1].upper() + in_plain_words(to)[1:]


def in_plain_words(approvers: ApproverRule) -> str:
    """Who that is, as a group of people."""
    return {
        "manager": "those above the requester",
        "owner": "the owners of the resource",
        "group": f"the people of the group {approvers.group}",
        "role": f"the people with the role {approvers.name}",
        "on_call": f"the people on call for {approvers.name}",
    }.get(approvers.kind, "the people named")


def _moment(at: datetime) -> str:
    return f"{at:%a %d %b %H:%M} UTC"


def _too_few(stage: StageRule, count: int) -> tuple[str, str]:
    if stage.approvers.kind == "manager":
        return (
            f"You have no manager in the directory who could decide “{stage.title}”.",
            "Have your manager entered in the directory; a new one is seen within 5 minutes.",
        )
    if stage.approvers.kind == "owner":
        return (
            f"The resource has no owner who could decide “{stage.title}”.",
            "Ask an administrator to name an owner (other than yourself) in the catalogue.",
        )
    found = f"only {_people(count)}" if count else "nobody"
    if stage.approvers.kind == "on_call":
        return (
            f"“{stage.title}” needs {stage.quorum} of those on call for {stage.approvers.name}; {found} is.",
            "Have the rota corrected; it is read every few minutes.",
        )
    if stage.approvers.kind == "role":
        who = f"those with the role {stage.approvers.name}"
    else:
        who = f"the group {stage.approvers.group}"
    return (
        f"“{stage.title}” needs {stage.quorum} of {who}, and {found} there can decide it.",
        f"Have somebody added to {who}; the directory is read every few minutes.",
    )


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def _decidable(stages: tuple[StageRule, ...], people: People) -> list[StageRule]:
    # A stage that goes short is told of once; those after it are judged as if it were not there.
    decidable: list[StageRule] = []
    for stage in stages:
        if _fits((*decidable, stage), people):
            decidable.append(stage)
    return decidable


def _fits(stages: tuple[StageRule, ...], people: People) -> bool:
    """Whether different people can fill every seat of these stages: a matching by augmenting paths."""
    needed = sum(stage.quorum for stage in stages)
    # A stage with as many people as there are seats in all can never be the one that goes short.
    seats = [
        people[stage.name]
        for stage in stages
        if len(people[stage.name]) < needed
        for _seat in range(stage.quorum)
    ]
    seat_of: dict[str, int] = {}
    return all(_seat(number, seats, seat_of, set()) for number in range(len(seats)))


def _seat(number: int, seats: list[frozenset[str]], seat_of: dict[str, int], tried: set[str]) -> bool:
    for person in seats[number] - tried:
        tried.add(person)
        if person not in seat_of or _seat(seat_of[person], seats, seat_of, tried):
            seat_of[person] = number
            return True
    return False
