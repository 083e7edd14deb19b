"""Stages of approval as the pages show them: who decides, who decided, what comes next. Nothing is decided here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from requests_app.models import AccessRequest, Decision, DirectoryGroup, RequestItem, Stage
from requests_app.views.median import Percentile

# How many of the latest requests tell how long approval usually takes.
LATELY = 5000


@dataclass(frozen=True)
class Step:
    """One stage for the stepper; `people` None means that nothing is known of them here."""

    title: str
    state: str
    quorum: int
    votes: int
    people: tuple[str, ...] | None
    decided_by: str
    decided_at: datetime | None
    note: str


def with_story(requests: QuerySet[AccessRequest]) -> QuerySet[AccessRequest]:
    """Return the requests with all that their cards show, in a fixed number of queries."""
    return requests.select_related("requester", "extends").prefetch_related(
        Prefetch("items", RequestItem.objects.select_related("entitlement__resource")),
        Prefetch("stages", Stage.objects.prefetch_related("asked").order_by("position")),
        Prefetch("decisions", Decision.objects.select_related("person")),
    )


def group_names(requests: Iterable[AccessRequest]) -> Mapping[UUID, str]:
    """Return the names of every group these requests' stages ask, in one query."""
    oids = {
        stage.approver_group
        for access_request in requests
        for stage in access_request.stages.all()
        if stage.approver_group
    }
    return dict(DirectoryGroup.objects.filter(oid__in=oids).values_list("oid", "name")) if oids else {}


def steps(access_request: AccessRequest, groups: Mapping[UUID, str]) -> list[Step]:
    """Return the request's stages in order, each with its people and votes. Needs `with_story`."""
    return [_step(access_request, stage, groups) for stage in access_request.stages.all()]


def _step(access_request: AccessRequest, stage: Stage, groups: Mapping[UUID, str]) -> Step:
    votes = [vote for vote in access_request.decisions.all() if vote.stage_id == stage.pk]
    voted = {vote.person_id for vote in access_request.decisions.all()}
    free = tuple(str(person) for person in stage.asked.all() if person.pk not in voted)
    said = "; ".join(f"“{vote.reason}”" for vote in votes if vote.reason)
    waits = stage.state == Stage.State.WAITING
    return Step(
        title=stage.title,
        state=stage.state,
        quorum=stage.quorum,
        votes=sum(vote.vote == Decision.Vote.APPROVE for vote in votes),
        people=free if stage.state == Stage.State.ACTIVE else None,
        decided_by=", ".join(str(vote.person) for vote in votes),
        decided_at=stage.decided_at,
        note=said or (_whom(access_request, stage, groups) if waits else ""),
    )


def _whom(access_request: AccessRequest, stage: Stage, groups: Mapping[UUID, str]) -> str:
    if stage.approver_kind == "manager":
        return f"{access_request.requester}’s manager"
    if stage.approver_kind == "owner":
        resources = {item.entitlement.resource.name for item in access_request.items.all()}
        return f"the owner of {', '.join(sorted(resources))}"
    name = groups.get(stage.approver_group) if stage.approver_group else None
    return f"{stage.quorum} of the group {name or 'named by policy'}"


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
