"""How fast the pages are with a large past in the database: requests a second, waiting times, statements; and what bare
Django does in the same minute."""

from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any
from uuid import uuid4

from latchportal.demo.processes import Part
from tests.benchmarks import memory, queries, story
from tests.benchmarks.load import WARM_UP, Line, Load, under_load
from tests.benchmarks.options import Result, ranged, spread
from tests.benchmarks.setting import Setting, answers

ENTITLEMENT = "stg-web-01-ssh"
WAITING = 60  # more than one page of the inbox
ASKING = ("ada", "ben", "priya", "leila")
HALF_AN_HOUR = timedelta(minutes=30)
# Has a usual amount of everything: two doors open, one ready to be opened, two requests waiting.
SOMEBODY = "yuki"
# Whose page, and where it is.
PAGES = {
    "home": (SOMEBODY, "/"),
    "catalogue": (SOMEBODY, "/catalogue/"),
    "new request": (SOMEBODY, f"/requests/new?entitlement={ENTITLEMENT}"),
    "inbox, 50 shown": ("mo", "/inbox/"),
    "audit events, 50 shown": ("aud", "/audit/events/"),
}

Rounds = dict[
    int, list[tuple[Load, float]]
]  # by clients: each round's load, and the workers' seconds of the processor


def run(setting: Setting) -> Result:
    """Return each page's figures with each number of clients, and the bare page's."""
    _furnish(setting)
    result = Result(data={"pages": {}})
    site = setting.stack.parts["site"]
    with setting.gunicorn(workers=2, application="tests.benchmarks.bare:application") as part:
        port = int(part.name)
        part.wait_until(lambda: answers(port), what="an answer")
        bare = in_rounds(setting, part, lambda _: _getting(Line(port), "/"))
        _tell(setting, result, "bare Django, 5 queries, no session", bare, {"statements": 5, "framing": 0})
        for name, (key, path) in PAGES.items():
            found = in_rounds(setting, site, lambda _, key=key, path=path: _getting(setting.line(key), path))
            _tell(setting, result, name, found, _statements(setting, key, path), bare)
        posts = in_rounds(setting, site, lambda number: _posting(setting.line(ASKING[number % len(ASKING)])))
        _tell(setting, result, "submit", posts, _statements_of_submit(setting), bare)
    return result


def form(setting_address: str) -> dict[str, str]:
    """Return what a person types into the form of asking, with a key of its own."""
    return {
        "entitlement": ENTITLEMENT,
        "submission_key": str(uuid4()),
        "duration": "30m",
        "reason": story.REASON,
        "ticket": story.TICKET,
        "source": setting_address,
    }


def _furnish(setting: Setting) -> None:
    """The inbox is more than full, and somebody has doors open, ready and asked for; data that was kept may have it all."""
    from requests_app.models import AccessRequest, Grant

    pending = AccessRequest.objects.filter(state=AccessRequest.State.PENDING)
    for number in range(pending.count(), WAITING):
        story.asked(setting, ASKING[number % len(ASKING)], ENTITLEMENT, HALF_AN_HOUR)
    somebody = story.person(setting, SOMEBODY)
    if not pending.filter(requester=somebody).exists():
        for key in ("stg-web-02-ssh", "stg-worker-01-ssh"):
            story.asked(setting, SOMEBODY, key, HALF_AN_HOUR)
    if not Grant.objects.filter(person=somebody, state__in=["opening", "open"]).exists():
        _doors(setting)


def _doors(setting: Setting) -> None:
    for key in ("stg-db-01-ssh", ENTITLEMENT, "stg-app-01-ssh"):
        access_request = story.asked(setting, SOMEBODY, key, HALF_AN_HOUR)
        story.approved(setting, access_request)
        if key != ENTITLEMENT:
            story.activated(setting, access_request)


def _getting(line: Line, path: str) -> Callable[[], float]:
    return lambda: line.get(path).seconds


def _posting(line: Line) -> Callable[[], float]:
    return lambda: line.post("/requests/new", form(line.address)).seconds


def in_rounds(setting: Setting, server: Part, work: Callable[[int], Callable[[], float]]) -> Rounds:
    """Return what each number of clients found, a round each, and what a worker process worked for one answer."""
    options = setting.options
    workers = memory.children(server.process.pid) if server.process else []

    def once(clients: int) -> tuple[Load, float]:
        works = [work(number) for number in range(clients)]
        before = memory.processor_seconds(workers)
        load = under_load(works, options.seconds / options.rounds)
        # The few requests that warm up count too.
        done = len(load.seconds) + clients * WARM_UP
        return load, (memory.processor_seconds(workers) - before) / done

    return {clients: [once(clients) for _ in range(options.rounds)] for clients in options.clients}


def _statements(setting: Setting, key: str, path: str) -> dict[str, int]:
    client = queries.client(setting, key)
    client.get(path)
    return queries.counted(lambda: client.get(path), 200)[1]


def _statements_of_submit(setting: Setting) -> dict[str, int]:
    client = queries.client(setting, "ada")
    client.get("/")
    fields = form(setting.described("ada").address)
    return queries.counted(lambda: client.post("/requests/new", fields), 302)[1]


def _tell(
    setting: Setting,
    result: Result,
    name: str,
    rounds: Rounds,
    statements: dict[str, int],
    bare: Rounds | None = None,
) -> None:
    told: dict[str, Any] = dict(statements)
    for clients, measured in rounds.items():
        figures, note = figures_of(measured)
        if clients == 1:
            note += f"; {statements['statements']} statements"
        if bare is not None:
            reference, _ = figures_of(bare[clients])
            figures["of_bare"] = round(figures["per_second"]["median"] / reference["per_second"]["median"], 2)
            figures["processor_of_bare"] = round(figures["processor_ms"] / reference["processor_ms"], 1)
            note += f"; {figures['of_bare']} × bare Django's rate, {figures['processor_of_bare']} × its processor time"
        told[f"clients_{clients}"] = figures
        plural = "client" if clients == 1 else "clients"
        result.row(
            f"{name}, {clients} {plural}", f"{ranged([load.per_second for load, _ in measured])}/s", note
        )
    result.data["pages"][name] = told


def figures_of(measured: list[tuple[Load, float]]) -> tuple[dict[str, Any], str]:
    """Return the figures of these rounds, and in words."""
    whole = Load(0, [seconds for load, _ in measured for seconds in load.seconds])
    figures: dict[str, Any] = {
        "per_second": spread([load.per_second for load, _ in measured]),
        "p50_ms": round(whole.ms(50), 1),
        "p95_ms": round(whole.ms(95), 1),
        "processor_ms": round(median(busy for _, busy in measured) * 1000, 1),
    }
    times = f"p50 {figures['p50_ms']} ms, p95 {figures['p95_ms']} ms"
    return figures, f"{times}; a worker works {figures['processor_ms']} ms"
