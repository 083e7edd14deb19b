"""The explorer over a large trail: the first page, a deep one, filtered ones, and words; one auditor, whole pages."""

from urllib.parse import urlencode

from tests.benchmarks.filled import fill
from tests.benchmarks.options import Result, percentile
from tests.benchmarks.setting import Setting

ROUNDS = 40
AIM = "aim: p95 under 300 ms"


def run(setting: Setting) -> Result:
    """Return how long each kind of page takes."""
    events = fill(setting, setting.options.events)
    result = Result(data={"events": events, "seconds": {}})
    line = setting.line("aud")
    with setting.connect() as connection:
        row = connection.execute("SELECT min(id), max(id) FROM audit_app_event").fetchone()
    lowest, highest = (int(str(value)) for value in row or (0, 0))
    for what, query in _questions(lowest, highest).items():
        path = f"/audit/events/?{urlencode(query)}"
        found = [line.get(path).seconds for _ in range(ROUNDS)]
        said = f"p50 {percentile(found, 50) * 1000:.0f}, p95 {percentile(found, 95) * 1000:.0f} ms"
        result.row(f"explorer, {what}, {events:,} events", said, AIM)
        result.data["seconds"][what] = [round(one, 4) for one in found]
    return result


def _questions(lowest: int, highest: int) -> dict[str, dict[str, str]]:
    deep = str(lowest + (highest - lowest) // 10)
    return {
        "first page": {},
        "deep page": {"before": deep},
        "one person": {"actor": "Person 250"},
        "one person, deep": {"actor": "Person 250", "before": deep},
        "one resource and kind": {"resource": "host-117", "kind": "grant.closed"},
        "what was refused": {"outcome": "refused"},
        "one request": {"story": f"fill-{(highest - lowest) // 16}"},
        "words that are there": {"q": "disk full"},
        "a word nobody wrote": {"q": "xyzzy"},
        "a word and a person": {"q": "disk", "actor": "Person 250"},
    }
