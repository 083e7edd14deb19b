"""The inbox of somebody for whom two thousand wait, and the vote that completes six stages of a bundle of ten."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.benchmarks import queries, story
from tests.benchmarks.options import Result, percentile
from tests.benchmarks.setting import Setting

if TYPE_CHECKING:
    from requests_app.models import AccessRequest

WAITING, LOOKS = 2_000, 200
BUNDLES, STAGES, ITEMS = 20, 6, 10
ASKING = ("ada", "ben", "priya", "leila")
# Brought in by the manager, so that six stages have to agree.
ASKED_AS_WELL = ("olu", "ines", "aud", "adm")
HALF_AN_HOUR = timedelta(minutes=30)


def run(setting: Setting) -> Result:
    """Return how long the page and the vote take, and with how many statements."""
    result = Result()
    _inbox(setting, result)
    _completing(setting, result)
    return result


def _inbox(setting: Setting, result: Result) -> None:
    _crowd(setting)
    line, path = setting.line("mo"), "/inbox/"
    seconds = [line.get(path).seconds for _ in range(LOOKS)]
    client = queries.client(setting, "mo")
    client.get(path)
    statements = queries.counted(lambda: client.get(path), 200)[1]["statements"]
    _tell(
        result, f"inbox, 50 shown of {WAITING:,} waiting, {LOOKS} times", seconds, f"{statements} statements"
    )
    result.data["inbox"] = {"statements": statements, "p95_ms": round(percentile(seconds, 95) * 1000, 1)}


def _crowd(setting: Setting) -> None:
    """So many wait for the manager, each a copy of one that was really asked for."""
    from requests_app import attention
    from requests_app.models import AccessRequest

    waiting = attention.inbox(story.person(setting, "mo"))
    models = [story.asked(setting, key, "stg-web-01-ssh", HALF_AN_HOUR) for key in ASKING]
    missing = range(max(0, WAITING - waiting.count()))
    copies = [_copy(models[number % len(models)], submission_key=uuid4()) for number in missing]
    AccessRequest.objects.bulk_create(copies)
    for name in ("items", "stages"):
        rows = {one.pk: list(getattr(one, name).all()) for one in models}
        made = [
            _copy(row, access_request=copy)
            for number, copy in enumerate(copies)
            for row in rows[models[number % len(models)].pk]
        ]
        if made:
            type(made[0]).objects.bulk_create(made)


def _copy(row: Any, **other: Any) -> Any:
    fields = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    copy = type(row)(**{name: value for name, value in fields.items() if name != "id"})
    for name, value in other.items():
        setattr(copy, name, value)
    return copy


def _completing(setting: Setting, result: Result) -> None:
    wanted = _wanted()
    line, seconds = setting.line("sol"), []
    for _ in range(BUNDLES):
        stage = _last_stage(setting, _bundle(setting, wanted))
        seconds.append(line.post(f"/stages/{stage}/decide", {"vote": "approve"}).seconds)
    client, stage = queries.client(setting, "sol"), _last_stage(setting, _bundle(setting, wanted))
    vote: Callable[[], Any] = lambda: client.post(f"/stages/{stage}/decide", {"vote": "approve"})  # noqa: E731
    statements = queries.counted(vote, 302)[1]["statements"]
    what = f"the vote that completes {STAGES} stages of {ITEMS} items, {BUNDLES} times"
    _tell(result, what, seconds, f"{statements} statements, {ITEMS} grants made")
    result.data["completing"] = {"statements": statements, "p95_ms": round(percentile(seconds, 95) * 1000, 1)}


def _wanted() -> list[str]:
    """Ten ways in that manager and security agree to, none under a lock."""
    from requests_app.models import Entitlement

    production = Entitlement.objects.filter(active=True, resource__environment="production")
    names = production.filter(tags__contains=["ssh"]).exclude(resource__key__contains="cache")
    staging = Entitlement.objects.filter(active=True, resource__environment="staging")
    keys = [*names.order_by("key").values_list("key", flat=True)[:5], *staging.values_list("key", flat=True)]
    return [str(key) for key in keys[:ITEMS]]


def _bundle(setting: Setting, keys: list[str]) -> "AccessRequest":
    from audit_app import origin
    from requests_app.actions import submit
    from requests_app.context import Ask
    from requests_app.models import Entitlement

    address = setting.described("ada").address
    found = Entitlement.objects.select_related("resource").filter(key__in=keys)
    asks = [Ask(one, HALF_AN_HOUR, story.REASON, story.TICKET, address) for one in found]
    with origin.origin(source_address=address):
        return submit.submit(by=story.person(setting, "ada"), asks=asks, submission_key=uuid4())


def _last_stage(setting: Setting, access_request: "AccessRequest") -> int:
    """Return the stage that security decides, when five others have agreed."""
    from requests_app import deciders
    from requests_app.actions import add_stage, decide
    from requests_app.models import Stage

    first = Stage.objects.get(access_request=access_request, state="active")
    by = deciders.of_stage(first, access_request, first.activated_at)[0].person
    for key in ASKED_AS_WELL:
        name = story.person(setting, key).user_principal_name
        add_stage.add_stage(by=by, stage_id=first.pk, person=name, why="For the figures")
    while True:
        stage = Stage.objects.get(access_request=access_request, state="active")
        if stage.name == "security":
            assert access_request.stages.count() == STAGES
            return int(stage.pk)
        someone = deciders.of_stage(stage, access_request, stage.activated_at)[0].person
        decide.decide(by=someone, stage_id=stage.pk, vote="approve")


def _tell(result: Result, what: str, seconds: list[float], note: str) -> None:
    p50, p95 = (percentile(seconds, percent) * 1000 for percent in (50, 95))
    result.row(what, f"p50 {p50:.0f}, p95 {p95:.0f} ms", note)
