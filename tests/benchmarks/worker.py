"""A web worker: how soon it answers after being started, and what it holds after a preview and a decision."""

import json
import subprocess
import time
from statistics import median
from typing import Any

from latchportal.demo.surroundings import ROOT, python
from tests.benchmarks import memory
from tests.benchmarks.flows import Flow
from tests.benchmarks.options import Result, ranged
from tests.benchmarks.pages import form
from tests.benchmarks.setting import Setting, answers

BARE = "tests.benchmarks.bare:application"
FLOWS = 20


def run(setting: Setting) -> Result:
    """Return start and memory of a worker of the portal, of bare Django, and whether the SDK was loaded."""
    ours = [_once(setting) for _ in range(setting.options.rounds)]
    bare = [_once(setting, BARE) for _ in range(setting.options.rounds)]
    result = Result(data={"ours": ours, "bare": bare})
    result.row(
        "start of the server to its first answer",
        f"{ranged([one['start'] for one in ours], 2)} s",
        "aim: 2 s",
    )
    result.row("the same, bare Django", f"{ranged([one['start'] for one in bare], 2)} s")
    for name, key in (("after start", "idle"), ("after previews and decisions", "used")):
        values = [one[key]["rss"] for one in ours]
        shared = median(one[key]["pss"] for one in ours)
        result.row(
            f"memory of a worker {name}", f"{ranged(values)} MB", f"RSS; PSS {shared:.1f} MB; aim: 90 MB"
        )
    ratio = median(one["used"]["rss"] for one in ours) / median(one["used"]["rss"] for one in bare)
    bare_rss = [one["used"]["rss"] for one in bare]
    result.row(
        "memory of bare Django's worker", f"{ranged(bare_rss)} MB", f"ours is {ratio:.2f} ×; aim: 1.5 ×"
    )
    found = _probe(setting)
    result.data["probe"] = found
    verdict = "not loaded" if not found["azure"] else f"LOADED: {len(found['azure'])} modules"
    result.row(
        "the Azure SDK in a web process", verdict, f"after a preview and a decision: {found['statuses']}"
    )
    return result


def _once(setting: Setting, application: str = "latchportal.wsgi:application") -> dict[str, Any]:
    started = time.perf_counter()
    with setting.gunicorn(workers=1, application=application) as part:
        port = int(part.name)
        part.wait_until(lambda: answers(port), what="an answer")
        start = time.perf_counter() - started
        assert part.process is not None
        (worker,) = memory.children(part.process.pid)
        idle = memory.held(worker)
        if application == BARE:
            for _ in range(FLOWS):
                _bare(port)
        else:
            _use(setting, port)
        return {"start": round(start, 3), "idle": idle, "used": memory.held(worker)}


def _bare(port: int) -> None:
    from tests.benchmarks.load import Line

    Line(port).get("/")


def _use(setting: Setting, port: int) -> None:
    flow = Flow(setting, 0, port)
    for _ in range(FLOWS):
        flow.requester.post("/requests/preview", form(flow.requester.address), good=200)
        flow.browsing()


def _probe(setting: Setting) -> dict[str, Any]:
    ada, mo = setting.described("ada"), setting.described("mo")
    done = subprocess.run(
        python("-m", "tests.benchmarks.probe", ada.oid, mo.oid, ada.address),
        env=setting.stack.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the probe failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
