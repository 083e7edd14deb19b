"""Asking and approving (one stage) over HTTP: flows a second, and statements a step.

Posts alone, as a program would; and as a browser does it, with every page a person sees on the way.
"""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.benchmarks import queries
from tests.benchmarks.load import Load, under_load
from tests.benchmarks.options import Result, percentile, ranged, spread
from tests.benchmarks.pages import ASKING, ENTITLEMENT, form
from tests.benchmarks.setting import Setting, answers

APPROVER = "mo"
_DECIDE = re.compile(r"/stages/(\d+)/decide")
MOST_STATEMENTS = 25


class Flow:
    """One client: a requester's session and an approver's."""

    def __init__(self, setting: Setting, number: int, port: int) -> None:
        self.requester = setting.line(ASKING[number % len(ASKING)], port)
        self.approver = setting.line(APPROVER, port)
        self.database = setting.connect()
        self.asking: list[float] = []
        self.approving: list[float] = []

    def posts(self) -> float:
        """Ask and approve by two POSTs; returns their seconds. The stage's number is looked up beside them."""
        asked = self.requester.post("/requests/new", form(self.requester.address))
        query = "SELECT id FROM requests_app_stage WHERE access_request_id = %s"
        row = self.database.execute(query, (_number(asked.location),)).fetchone()
        approved = self.approver.post(f"/stages/{row[0] if row else 0}/decide", {"vote": "approve"})
        self.asking.append(asked.seconds)
        self.approving.append(approved.seconds)
        return asked.seconds + approved.seconds

    def browsing(self) -> float:
        """Ask and approve with every page on the way: form, POST, request; request, POST, request."""
        started = time.perf_counter()
        self.requester.get(f"/requests/new?entitlement={ENTITLEMENT}")
        asked = self.requester.post("/requests/new", form(self.requester.address))
        self.requester.get(asked.location)
        shown = self.approver.get(asked.location)
        found = _DECIDE.search(shown.body.decode())
        if found is None:
            raise ValueError(f"{asked.location} offers the approver no decision")
        approved = self.approver.post(found[0], {"vote": "approve"})
        self.approver.get(approved.location)
        return time.perf_counter() - started


def run(setting: Setting) -> Result:
    """Return flows a second with one worker process (as the reference was measured) and two, and the statements."""
    result = Result(data={"flows": {}})
    for workers in (1, 2):
        with setting.gunicorn(workers=workers) as part:
            port = int(part.name)
            part.wait_until(lambda port=port: answers(port), what="an answer")
            for clients in setting.options.clients:
                _posts(setting, result, port, workers, clients)
            if workers == 2:
                for clients in setting.options.clients:
                    _browsing(setting, result, port, clients)
    _statements(setting, result)
    return result


def _posts(setting: Setting, result: Result, port: int, workers: int, clients: int) -> None:
    flows = [Flow(setting, number, port) for number in range(clients)]
    loads = list(_loads(setting, [flow.posts for flow in flows]))
    approving = [seconds for flow in flows for seconds in flow.approving]
    asking = [seconds for flow in flows for seconds in flow.asking]
    p95 = [round(percentile(times, 95) * 1000, 1) for times in (asking, approving)]
    _tell(
        result,
        f"ask + approve, {workers} worker(s), {clients} client(s)",
        loads,
        f"p95 ask {p95[0]} ms, approve {p95[1]} ms",
    )


def _browsing(setting: Setting, result: Result, port: int, clients: int) -> None:
    flows = [Flow(setting, number, port) for number in range(clients)]
    loads = list(_loads(setting, [flow.browsing for flow in flows]))
    _tell(
        result,
        f"the same with all six pages, 2 workers, {clients} client(s)",
        loads,
        "form, POST, request; request, POST, request",
    )


def _loads(setting: Setting, works: list[Callable[[], float]]) -> Iterator[Load]:
    for _ in range(setting.options.rounds):
        yield under_load(works, setting.options.seconds / setting.options.rounds)


def _tell(result: Result, what: str, loads: list[Load], note: str) -> None:
    rates = [load.per_second for load in loads]
    whole = Load(0, [seconds for load in loads for seconds in load.seconds])
    result.row(what, f"{ranged(rates)}/s", f"p50 {whole.ms(50):.0f} ms; {note}")
    result.data["flows"][what] = {"per_second": spread(rates), "p50_ms": whole.ms(50), "p95_ms": whole.ms(95)}


def _statements(setting: Setting, result: Result) -> None:
    requester, approver = queries.client(setting, "ada"), queries.client(setting, APPROVER)
    requester.get("/")
    approver.get("/")
    fields = form(setting.described("ada").address)
    asked, submit, texts = queries.counted(lambda: requester.post("/requests/new", fields), 302)
    shown = approver.get(asked.headers["Location"]).content.decode()
    address = _DECIDE.search(shown)
    assert address, "the approver sees no decision to make"
    _, decide, more = queries.counted(lambda: approver.post(address[0], {"vote": "approve"}), 302)
    for name, found, said in (("submit", submit, texts), ("approve", decide, more)):
        note = f"and {found['framing']} that frame transactions; aim at most {MOST_STATEMENTS}"
        result.row(f"SQL statements, {name}", str(found["statements"]), note)
        result.data[f"statements_{name}"] = {**found, "texts": [_short(text) for text in said]}


def _short(text: str) -> str:
    return re.sub(r"SELECT .*? FROM", "SELECT … FROM", text)[:160]


def _number(location: str) -> int:
    found: Any = re.search(r"/requests/(\d+)/", location)
    return int(found[1])
