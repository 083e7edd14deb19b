"""What the status page says of Azure: late closings with its last words, comparisons, budgets, findings. Read-only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Prefetch, QuerySet

from requests_app import pacing
from requests_app.models import Attempt, Container, ContainerSnapshot, Grant, Opening
from requests_app.targets.kinds import Kind, words_for

# Every container is compared each minute; one that was not for this long is worth a look.
LATE = timedelta(minutes=3)
FOUND_SHOWN = 50
BUDGETS_SHOWN = 20


@dataclass(frozen=True)
class Late:
    """One closing that is late, with what Azure said last."""

    grant: Grant
    since: datetime | None
    where: str
    sentence: str
    attempt: Attempt | None


@dataclass(frozen=True)
class Comparison:
    """How whole the portal's knowledge of Azure is: each container in use is compared with the database."""

    count: int
    oldest: datetime | None
    never: int
    unread: int
    late: bool


@dataclass(frozen=True)
class Budget:
    """What is left of what Azure allows in one subscription and region; None while Redis is away."""

    subscription: str
    region: str
    left: pacing.Left | None


def late_doors(grants: QuerySet[Grant]) -> list[Late]:
    """Return these closings, each with the last try in Azure, in a fixed number of queries."""
    whole = grants.select_related("entitlement__resource", "person").prefetch_related(
        Prefetch("openings", Opening.objects.select_related("container")),
        Prefetch("openings__attempts", Attempt.objects.order_by("id")),
    )
    return [_late(grant) for grant in whole]


def _late(grant: Grant) -> Late:
    tries = [(attempt, opening) for opening in grant.openings.all() for attempt in opening.attempts.all()]
    attempt, opening = max(tries, key=lambda one: one[0].pk, default=(None, None))
    where = opening.container.name if opening else ""
    sentence = ""
    if attempt and attempt.error_kind:
        kind: Kind = attempt.error_kind  # type: ignore[assignment]
        sentence = words_for(kind, where)
    return Late(grant, grant.ending_at or grant.expires_at or grant.hard_end, where, sentence, attempt)


def comparison(moment: datetime) -> Comparison:
    """Return when the container longest not compared was compared last, and how many could not be read."""
    in_use = Container.objects.filter(compare_at__isnull=False)
    told = in_use.aggregate(count=Count("pk"), compared=Count("compared_at"), oldest=Min("compared_at"))
    unread = ContainerSnapshot.objects.filter(container__in=in_use).exclude(error="").count()
    oldest, never = told["oldest"], told["count"] - told["compared"]
    late = bool(told["count"]) and (never > 0 or oldest is None or moment - oldest > LATE)
    return Comparison(told["count"], oldest, never, unread, late)


def budgets() -> list[Budget]:
    """Return what is left of each budget that containers in use draw on."""
    rows = Container.objects.filter(compare_at__isnull=False).values_list("azure_id", "region")
    names = sorted({(azure_id.split("/")[2], region) for azure_id, region in rows if region})
    return [
        Budget(subscription, region, pacing.left(subscription, region))
        for subscription, region in names[:BUDGETS_SHOWN]
    ]


def found() -> list[dict[str, Any]]:
    """Return what the last comparisons found in Azure that is not ours to change, or is ours and unknown."""
    rows = ContainerSnapshot.objects.exclude(foreign=[]).select_related("container").order_by("container_id")
    told = [
        {"container": row.container.name, "at": row.read_at, **entry}
        for row in rows.defer("body")[:FOUND_SHOWN]
        for entry in row.foreign
    ]
    return told[:FOUND_SHOWN]
