"""My access: what can I reach now, and for how long? What waits, and what came of what I asked lately."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit_app.clock import now
from requests_app.models import AccessRequest, Grant, Person
from requests_app.views.doors import Door, doors, with_openings
from requests_app.views.http import PortalRequest, live, signature
from requests_app.views.stages import Step, group_names, steps, with_story

NEWS = timedelta(hours=24)
LATELY, LOOK_BACK = 6, 60
QUICK, SLOW = 2, 30
# Of each kind at most so many are shown: a script that asks by the hundred must not make the page crawl.
MOST = 25
_ISSUED = ExpressionWrapper(Q(state=Grant.State.ISSUED), output_field=BooleanField())


@dataclass(frozen=True)
class Waiting:
    """One request that waits for others."""

    access_request: AccessRequest
    steps: list[Step]


@never_cache
@require_safe
def home(request: PortalRequest) -> HttpResponse:
    """Show what this person can reach now; asked by its own poll, the part that changes."""
    person, moment = request.user, now()
    mine = Grant.objects.filter(person=person)
    # What is or may be open stands first, so that the bound below cuts off only what waits to be activated.
    alive = mine.exclude(state=Grant.State.CLOSED).exclude(activate_from__gt=moment).order_by(_ISSUED, "id")
    held = doors(with_openings(alive[: MOST + 1]), person)
    failed = mine.filter(state=Grant.State.CLOSED, ended_why=Grant.Why.FAILED, closed_at__gte=moment - NEWS)
    not_opened = doors(with_openings(failed.order_by("-id")[:3]), person)
    taken_away = _taken_away(mine, person, moment)
    waiting, to_come = _waiting(person), _to_come(mine, moment)
    news = list(_refused(person, moment))
    context = {
        "now": moment,
        "ready": [door for door in held[:MOST] if door.grant.state == Grant.State.ISSUED],
        "reachable": [door for door in held[:MOST] if door.grant.state != Grant.State.ISSUED],
        "to_come": to_come,
        "taken_away": taken_away,
        "not_opened": not_opened,
        "waiting": waiting[:MOST],
        "more": len(held) > MOST or len(waiting) > MOST,
        "most": MOST,
        "news": news,
        "lately": _lately(person, held),
        "poll": QUICK if any(door.moving for door in held) else SLOW,
    }
    return live(
        request,
        "requests/home.html",
        "access",
        context,
        _seen(held, [*taken_away, *not_opened], waiting, news, to_come),
    )


def _taken_away(mine: QuerySet[Grant], person: Person, moment: datetime) -> list[Door]:
    """Return what somebody took away in Azure and may be opened again."""
    removed = mine.filter(
        state=Grant.State.CLOSED,
        ended_why=Grant.Why.REMOVED_IN_AZURE,
        expires_at__gt=moment,
        again__isnull=True,
    )
    return [door for door in doors(with_openings(removed.order_by("-id")[:3]), person) if door.time.again]


def _waiting(person: Person) -> list[Waiting]:
    undecided = [AccessRequest.State.PENDING, AccessRequest.State.RETURNED]
    mine = AccessRequest.objects.filter(_asked(person), state__in=undecided)
    found = list(with_story(mine).order_by("id")[: MOST + 1])
    groups = group_names(found)
    return [Waiting(access_request, steps(access_request, groups)) for access_request in found]


def _to_come(mine: QuerySet[Grant], moment: datetime) -> list[Grant]:
    """Return what was agreed to for later: of each request what comes next, the nearest first."""
    ahead = mine.filter(state=Grant.State.ISSUED, activate_from__gt=moment)
    first = ahead.order_by("access_request_id", "activate_from", "id").distinct("access_request_id")
    found = Grant.objects.filter(pk__in=first.values("pk")).select_related("access_request")
    found = found.prefetch_related("access_request__items__entitlement")
    return list(found.order_by("activate_from")[:MOST])


def _asked(person: Person) -> Q:
    """What was asked for this person, and what they asked for others."""
    return Q(requester=person) | Q(asked_by=person)


def _refused(person: Person, moment: datetime) -> "list[AccessRequest]":
    said_no = [AccessRequest.State.DENIED, AccessRequest.State.LAPSED]
    mine = AccessRequest.objects.filter(_asked(person), state__in=said_no, decided_at__gte=moment - NEWS)
    return list(with_story(mine).order_by("-decided_at")[:5])


def _lately(person: Person, held: list[Door]) -> list[tuple[Grant, str]]:
    """Return what this person used lately and does not hold now, by the last request for it, with its name.

    What was asked for together is asked for again together.
    """
    past = Grant.objects.filter(person=person, state=Grant.State.CLOSED, opened_at__isnull=False)
    taken = {door.grant.entitlement_id for door in held}
    together: dict[int, list[Grant]] = {}
    for grant in past.select_related("entitlement__resource").order_by("-id")[:LOOK_BACK]:
        if grant.entitlement_id not in taken and grant.entitlement.active:
            taken.add(grant.entitlement_id)
            together.setdefault(grant.access_request_id, []).append(grant)
    return [
        (grants[0], ", ".join(grant.entitlement.name for grant in reversed(grants)))
        for grants in list(together.values())[:LATELY]
    ]


def _seen(
    held: list[Door],
    failed: list[Door],
    waiting: list[Waiting],
    news: list[AccessRequest],
    to_come: list[Grant],
) -> str:
    return signature(
        [
            (
                door.grant.pk,
                door.grant.state,
                door.grant.expires_at,
                door.trouble,
                door.code_live,
                door.time.waiting,
            )
            for door in held
        ],
        [door.grant.pk for door in failed],
        [(one.access_request.pk, one.steps) for one in waiting],
        [access_request.pk for access_request in news],
        [grant.pk for grant in to_come],
    )
