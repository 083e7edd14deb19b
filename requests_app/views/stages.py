"""Stages of approval as the pages show them: who decides, who decided, what comes next. Nothing is decided here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from requests_app.models import AccessRequest, Decision, DirectoryGroup, RequestItem, Stage
from requests_app.policy.durations import in_words
from requests_app.policy.model import ApproverRule
from requests_app.policy.staffing import in_plain_words
from requests_app.standing import Decider
from requests_app.views.median import Percentile

# How many of the latest requests tell how long approval usually takes.
LATELY = 5000


@dataclass(frozen=True)
class Step:
    """One stage for the stepper; `people` None means that nothing is known of them here.

    `clock` says what time does to it, `joining` who joins it and `joins_at` when, `away` who is out of office until
    when; `beside` that it is decided at the same time as the one before it.
    """

    title: str
    state: str
    quorum: int
    everyone: bool
    votes: int
    people: tuple[str, ...] | None
    decided_by: str
    decided_at: datetime | None
    note: str
    clock: tuple[str, ...] = ()
    joining: str = ""
    joins_at: datetime | None = None
    away: tuple[tuple[str, datetime], ...] = ()
    beside: bool = False
    paused: bool = False


def with_story(requests: QuerySet[AccessRequest]) -> QuerySet[AccessRequest]:
    """Return the requests with all that their cards show, in a fixed number of queries."""
    return requests.select_related("requester", "asked_by", "extends").prefetch_related(
        Prefetch("items", RequestItem.objects.select_related("entitlement__resource", "left_out_by")),
        Prefetch("stages", Stage.objects.select_related("added_by").prefetch_related("asked")),
        Prefetch("decisions", Decision.objects.select_related("person", "in_place_of")),
    )


def group_names(requests: Iterable[AccessRequest]) -> Mapping[UUID, str]:
    """Return the names of every group these requests' stages ask, in one query."""
    oids = {
        group
        for access_request in requests
        for stage in access_request.stages.all()
        for group in (stage.approver_group, stage.alternate_group)
        if group
    }
    return dict(DirectoryGroup.objects.filter(oid__in=oids).values_list("oid", "name")) if oids else {}


def steps(
    access_request: AccessRequest,
    groups: Mapping[UUID, str],
    live: Mapping[int, list[Decider]] | None = None,
) -> list[Step]:
    """Return the request's stages in order, each with its people and votes. Needs `with_story`.

    `live` says by stage who may decide it now; without it, those who were told are shown.
    """
    found, step = [], 0
    for stage in access_request.stages.all():
        now_deciding = live.get(stage.pk) if live is not None else None
        found.append(_step(access_request, stage, groups, now_deciding, beside=stage.step == step))
        step = stage.step
    return found


def _step(
    access_request: AccessRequest,
    stage: Stage,
    groups: Mapping[UUID, str],
    live: list[Decider] | None,
    *,
    beside: bool,
) -> Step:
    votes = [vote for vote in access_request.decisions.all() if vote.stage_id == stage.pk]
    said = "; ".join(f"“{vote.reason}”" for vote in votes if vote.reason)
    active, waits = stage.state == Stage.State.ACTIVE, stage.state == Stage.State.WAITING
    waited_for = active and access_request.state == AccessRequest.State.PENDING
    return Step(
        title=stage.title,
        state=stage.state,
        quorum=stage.quorum,
        everyone=stage.everyone,
        votes=sum(vote.vote == Decision.Vote.APPROVE for vote in votes),
        people=_people(access_request, stage, live) if active else None,
        decided_by=", ".join(_voter(vote) for vote in votes),
        decided_at=stage.decided_at,
        note=said or (_whom(access_request, stage, groups) if waits else ""),
        clock=_clock(stage, groups) if waited_for else (),
        joining=_alternates(stage, groups) if waited_for and _joins_at(stage) else "",
        joins_at=_joins_at(stage) if waited_for else None,
        away=_away(live) if active and live is not None else (),
        beside=beside,
        paused=active and not waited_for,
    )


def _people(access_request: AccessRequest, stage: Stage, live: list[Decider] | None) -> tuple[str, ...]:
    if live is not None:
        return tuple(str(one) for one in live if one.away_until is None)
    voted = {vote.person_id for vote in access_request.decisions.all()}
    return tuple(str(person) for person in stage.asked.all() if person.pk not in voted)


def _voter(vote: Decision) -> str:
    return f"{vote.person} for {vote.in_place_of}" if vote.in_place_of else str(vote.person)


def _away(live: list[Decider]) -> tuple[tuple[str, datetime], ...]:
    """Who is away, and until when: they may decide all the same, but are not waited for."""
    return tuple((str(one), one.away_until) for one in live if one.away_until)[:5]


def _clock(stage: Stage, groups: Mapping[UUID, str]) -> tuple[str, ...]:
    reminded = f"They are reminded every {in_words(stage.remind_every)}." if stage.remind_every else ""
    joined = f"{_alternates(stage, groups)} may decide as well." if stage.escalated_at else ""
    return tuple(filter(None, (reminded, joined)))


def _joins_at(stage: Stage) -> datetime | None:
    if stage.escalated_at or stage.escalate_after is None or stage.timed_from is None:
        return None
    return stage.timed_from + stage.escalate_after


def _alternates(stage: Stage, groups: Mapping[UUID, str]) -> str:
    group = groups.get(stage.alternate_group, "named by policy") if stage.alternate_group else ""
    words = in_plain_words(
        ApproverRule(stage.alternate_kind, group=group, name=stage.alternate_name)  # type: ignore[arg-type]
    )
    return words[:1].upper() + words[1:]


def _whom(access_request: AccessRequest, stage: Stage, groups: Mapping[UUID, str]) -> str:
    if stage.approver_kind == "manager":
        return f"{access_request.requester}’s manager"
    if stage.approver_kind == "owner":
        resources = {item.entitlement.resource.name for item in access_request.items.all()}
        return f"the owner of {', '.join(sorted(resources))}"
    if stage.approver_kind == "person":
        return f"asked for by {stage.added_by}" if stage.added_by else "the owner of a part of it"
    many = "all" if stage.everyone else str(stage.quorum)
    if stage.approver_kind == "role":
        return f"{many} with the role {stage.approver_name}"
    if stage.approver_kind == "on_call":
        return f"{many} of those on call for {stage.approver_name}"
    name = groups.get(stage.approver_group) if stage.approver_group else None
    return f"{many} of the group {name or 'named by policy'}"


def usual_waits(keys: Iterable[int] | None = None) -> dict[int, timedelta]:
    """Return, by entitlement, the median time from asking to approval among the latest requests."""
    # The bound is asked for apart: the planner reads the whole table when it cannot tell how few rows lie above it.
    newest = AccessRequest.objects.order_by("-id").values_list("id", flat=True).first() or 0
    items = RequestItem.objects.filter(
        access_request__gt=newest - LATELY, access_request__state=AccessRequest.State.APPROVED
    )
    if keys is not None:
        items = items.filter(entitlement__in=list(keys))
    waits = (
        items.order_by()
        .values_list("entitlement")
        .annotate(
            usual=Percentile("access_request__decided_at", "access_request__submitted_at", fraction=0.5)
        )
    )
    return dict(waits)
