"""Whether every stage can be decided at all by the people there are; who they are is handed in."""

from collections.abc import Mapping

from requests_app.policy.checks import Check
from requests_app.policy.facts import Attempt
from requests_app.policy.verdict import StageNeed

# By stage name: the oids of those who may decide it.
People = Mapping[str, frozenset[str]]


def check_stages(stages: tuple[StageNeed, ...], attempt: Attempt) -> list[Check]:
    """One check a stage: whether enough people can decide it, those kept busy by earlier stages left out.

    Nobody may vote twice on one request, so three stages that one person could decide are not decidable. Raises
    whatever ill-made facts make it raise.
    """
    people = {stage.name: _free(stage, attempt) for stage in stages}
    decidable = _decidable(stages, people)
    return [_staffed(stage, people[stage.name], stage in decidable) for stage in stages]


def stage_title(stage: StageNeed) -> str:
    return f"Somebody can decide “{stage.title}”"


def _staffed(stage: StageNeed, free: frozenset[str], decidable: bool) -> Check:
    name, title = f"stage_{stage.name}", stage_title(stage)
    if len(free) < stage.quorum:
        return Check(name, title, "fail", *_too_few(stage, len(free)))
    if not decidable:
        return Check(
            name,
            title,
            "fail",
            f"Nobody may decide two stages of one request, and too few people are left for “{stage.title}”.",
            "Ask a policy owner to name more people who may decide it.",
        )
    more = "" if stage.quorum == 1 else f"; {stage.quorum} have to"
    return Check(name, title, "pass", f"{_people(len(free))} can decide it{more}.")


def _free(stage: StageNeed, attempt: Attempt) -> frozenset[str]:
    # The requester is left out once more: nobody decides their own request, whatever list was handed in.
    listed = {approver.oid for approver in attempt.approvers.get(stage.name, ())}
    return frozenset(listed - {attempt.person.oid})


def _too_few(stage: StageNeed, count: int) -> tuple[str, str]:
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
    who = f"the group {stage.approvers.group}"
    found = f"only {_people(count)}" if count else "nobody"
    return (
        f"“{stage.title}” needs {stage.quorum} of {who}, and {found} there can decide it.",
        f"Have somebody added to {who}; the directory is read every few minutes.",
    )


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def _decidable(stages: tuple[StageNeed, ...], people: People) -> list[StageNeed]:
    # A stage that goes short is told of once; those after it are judged as if it were not there.
    decidable: list[StageNeed] = []
    for stage in stages:
        if _fits((*decidable, stage), people):
            decidable.append(stage)
    return decidable


def _fits(stages: tuple[StageNeed, ...], people: People) -> bool:
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
