"""What stands beside a decision: as whom it is made, what less could be agreed to, whom else to ask. Read-only."""

from dataclasses import dataclass
from datetime import timedelta

from requests_app import lifecycle
from requests_app.actions.add_stage import addable
from requests_app.actions.talk import concerned
from requests_app.history import History, histories
from requests_app.models import AccessRequest, Comment, Person, Stage
from requests_app.policy.durations import write_duration
from requests_app.policy.model import StageRule
from requests_app.seen import fingerprint
from requests_app.standing import Decider

_LESS = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240, 480, 720))


@dataclass(frozen=True)
class Deciding:
    """All that the form of one decision offers; `shorter` are times as the form sends them, and as lengths."""

    in_place_of: Person | None
    seen: str
    shorter: tuple[tuple[str, timedelta], ...]
    wide: bool
    addable: tuple[StageRule, ...]
    history: History


@dataclass(frozen=True)
class Talk:
    """What was said about a request, and what this person may say to it now."""

    comments: tuple[Comment, ...]
    question: Comment | None
    may_answer: bool
    may_take_back: bool
    may_speak: bool


def deciding(
    access_request: AccessRequest, person: Person, stage: Stage, live: dict[int, list[Decider]]
) -> Deciding:
    """Return what the form offers to this person. Needs what was said of the request."""
    mine = [one for one in live[stage.pk] if one.person.pk == person.pk]
    own = next((one for one in mine if one.in_place_of is None), mine[0])
    items = list(access_request.items.all())
    past = histories(items)
    grant = access_request.extends
    least = (
        grant.expires_at - grant.opened_at if grant and grant.expires_at and grant.opened_at else timedelta(0)
    )
    return Deciding(
        in_place_of=own.in_place_of,
        seen=fingerprint(access_request),
        shorter=tuple(
            (write_duration(length), length) for length in _LESS if least < length < access_request.duration
        ),
        wide="/" in access_request.source_address,
        addable=tuple(addable(access_request)),
        history=past.get((access_request.requester_id, items[0].entitlement_id), History())
        if items
        else History(),
    )


def talk(access_request: AccessRequest, person: Person) -> Talk:
    """Return what was said, oldest first, and whether this person may answer or take a question back."""
    comments = tuple(access_request.comments.all())
    returned = access_request.state == AccessRequest.State.RETURNED
    questions = [one for one in comments if one.kind == Comment.Kind.QUESTION]
    question = questions[-1] if returned and questions else None
    return Talk(
        comments=comments,
        question=question,
        may_answer=returned and lifecycle.allows(access_request, "answer", person),
        may_take_back=question is not None and question.person_id == person.pk,
        may_speak=concerned(person, access_request),
    )
