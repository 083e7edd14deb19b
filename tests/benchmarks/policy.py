"""Times one decision under 1,000 rules found by tag; prints a line, asserts nothing. Run it from the project's root."""

import statistics
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from requests_app.policy.document import load
from requests_app.policy.evaluate import evaluate
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


def main() -> None:
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
    print(
        f"policy: {RULES} rules, {len(verdict.checks)} checks, {verdict.outcome}: "
        f"p50 {cuts[499] / 1000:.1f} µs, p99 {cuts[989] / 1000:.1f} µs, p99.9 {cuts[998] / 1000:.1f} µs, "
        f"of the processor p50 {own[499] / 1000:.1f} µs, p99 {own[989] / 1000:.1f} µs; "
        f"{1e9 / statistics.fmean(times):,.0f} decisions/s; loading {loaded:.2f} s"
    )


if __name__ == "__main__":
    main()
