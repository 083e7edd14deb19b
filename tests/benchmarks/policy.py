"""How long one decision takes under 1,000 rules found by tag."""

import statistics
import time
from dataclasses import replace
from datetime import timedelta

from requests_app.policy.document import load
from requests_app.policy.evaluate import evaluate
from tests.benchmarks.options import Result
from tests.benchmarks.setting import Setting
from tests.policy.makers import CATALOGUE, STAGES, attempt, entitlement

RULES = 1000
ROUNDS = 20_000


def many_rules() -> str:
    """A thousand rules of which an entitlement meets two: one by its tag, one by its key."""
    lines = ["rules:"]
    for number in range(RULES):
        target = "{keys: [web-01-ssh]}" if number == RULES // 2 else f"{{tags: [team-{number}]}}"
        lines += [
            f"  - name: rule-{number}",
            "    for: {groups: [engineering]}",
            f"    entitlements: {target}",
            "    max_duration: 2h",
            "    stages: [manager, security]",
            "    conditions:",
            "      - reason: {min_length: 10}",
            '      - ticket: {pattern: "INC-[0-9]{4}"}',
            '      - hours: {from: "00:00", to: "23:59", timezone: Europe/Berlin}',
        ]
    lines.append(f"known: {{tags: [{', '.join(f'team-{number}' for number in range(RULES))}]}}")
    return "\n".join(lines) + "\n"


def run(_: Setting) -> Result:
    """Return a decision's time on the clock and on the processor, and what loading the rules took."""
    started = time.perf_counter()
    policy = load({"a.yaml": STAGES, "b.yaml": CATALOGUE, "c.yaml": many_rules()})
    loaded = time.perf_counter() - started
    asked = attempt(
        ticket="INC-2214",
        entitlement=replace(entitlement(), tags=frozenset({"team-7"})),
        duration=timedelta(hours=1),
    )
    verdict = evaluate(policy, asked)
    times: list[int] = []
    busy: list[int] = []
    for _round in range(ROUNDS):
        begun, worked = time.perf_counter_ns(), time.thread_time_ns()
        evaluate(policy, asked)
        busy.append(time.thread_time_ns() - worked)
        times.append(time.perf_counter_ns() - begun)
    # The processor's own time tells the cost where other programs share the machine.
    cuts, own = statistics.quantiles(times, n=1000), statistics.quantiles(busy, n=1000)
    p50, p99 = cuts[499] / 1000, cuts[989] / 1000
    rate = 1e9 / statistics.fmean(times)
    result = Result(data={"p50_us": p50, "p99_us": p99, "per_second": round(rate), "loading_seconds": loaded})
    processor = f"of the processor p50 {own[499] / 1000:.1f}, p99 {own[989] / 1000:.1f} µs"
    note = f"{len(verdict.checks)} checks explained; {processor}"
    result.row(f"one decision, {RULES:,} rules", f"p50 {p50:.1f}, p99 {p99:.1f} µs", note)
    result.row("decisions a second", f"{rate:,.0f}/s", f"the rules were read in {loaded:.2f} s")
    return result
