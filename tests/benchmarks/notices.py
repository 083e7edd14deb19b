"""Ten thousand notices through a channel that fails half of the time; and from the last approval to the mail handed over.

By the workers of the running stack: its own, and one more that takes from the same outbox.
"""

import time
from datetime import timedelta
from typing import Any

from latchportal.demo.processes import Part
from latchportal.demo.surroundings import ROOT, python
from tests.benchmarks import story
from tests.benchmarks.options import Result, percentile
from tests.benchmarks.setting import Setting
from tests.support.flaky import Receiver, receiving

NOTICES, REFUSED = 10_000, 0.5
APPROVALS = 60
ENTITLEMENT = "prod-web-01-ssh"
PATIENCE_SECONDS = 1200
WORKER = ("worker", "-n", "second@%h", "-Q", "mail", "--pool", "threads", "-c", "1", "--without-gossip")


def run(setting: Setting) -> Result:
    """Return how long the mail takes after the last approval, and what became of ten thousand notices."""
    result = Result()
    _handed_over(setting, result)
    with receiving(refused=REFUSED, port=setting.channel_port) as receiver:
        _flaky(setting, result, receiver)
    return result


def _handed_over(setting: Setting, result: Result) -> None:
    times, answers = [], []
    sol = setting.line("sol")
    for _ in range(APPROVALS):
        access_request = story.asked(setting, "ada", ENTITLEMENT, timedelta(minutes=30))
        stage = _last_stage(access_request)
        answers.append(sol.post(f"/stages/{stage}/decide", {"vote": "approve"}).seconds)
        times.append(_await_mail(access_request))
    result.row(
        f"from the last of two approvals to the mail handed over, {len(times)} times",
        f"p50 {percentile(times, 50) * 1000:.0f}, p95 {percentile(times, 95) * 1000:.0f}, "
        f"worst {max(times) * 1000:.0f} ms",
        f"one worker, mail to a folder; the approver had an answer after {percentile(answers, 50) * 1000:.0f} ms (p50)",
    )
    result.data["handed_over_seconds"] = [round(one, 4) for one in times]


def _last_stage(access_request: Any) -> int:
    """Return the stage that security decides, when the manager has agreed."""
    from requests_app.actions import decide, stages
    from requests_app.models import Stage

    first = Stage.objects.get(access_request=access_request, state="active")
    decide.decide(by=stages.approvers(first, first.activated_at)[0], stage_id=first.pk, vote="approve")
    return int(Stage.objects.get(access_request=access_request, state="active").pk)


def _await_mail(access_request: Any) -> float:
    from requests_app.models import Message

    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        sent = Message.objects.filter(key=f"decided:{access_request.pk}", sent_at__isnull=False).first()
        if sent and sent.sent_at:
            access_request.refresh_from_db()
            return float((sent.sent_at - access_request.decided_at).total_seconds())
        time.sleep(0.05)
    raise TimeoutError(f"no mail about {access_request} within a minute")


def _flaky(setting: Setting, result: Result, receiver: Receiver) -> None:
    from requests_app.models import Message

    second = Part(
        "second",
        python("-m", "celery", "-A", "latchportal.celery:app", *WORKER),
        setting.stack.logs / "second.log",
        setting.stack.environment,
        ROOT,
    )
    second.start()
    try:
        keys = _put()
        began = time.perf_counter()
        _await_sent(began)
        took = time.perf_counter() - began
    finally:
        second.stop()
    mine = Message.objects.filter(key__in=keys)
    wanted, tries = set(mine.values_list("pk", flat=True)), list(mine.values_list("tries", flat=True))
    lost = wanted - set(receiver.taken)
    twice = [number for number in wanted if receiver.taken[number] > 1]
    result.row(
        f"{NOTICES:,} notices, a channel that refuses {REFUSED:.0%} of the tries",
        f"{len(lost)} lost, {len(twice)} twice",
        f"{sum(tries):,} tries, at most {max(tries)} for one; half of the refusals 503, half hung up",
    )
    result.row(
        "all taken after",
        f"{took:.0f} s",
        f"{sum(tries) / took:.0f} tries/s by two workers; the pauses after a failure were cut short",
    )
    result.data |= {
        "flaky": {
            "notices": NOTICES,
            "lost": len(lost),
            "twice": len(twice),
            "tries": sum(tries),
            "most_tries": max(tries),
            "refusals": receiver.refusals,
            "seconds": round(took, 1),
        }
    }


def _put() -> list[str]:
    """Return the keys of so many notices that are due now."""
    from audit_app.clock import now
    from requests_app.models import Message

    moment, stamp = now(), int(time.time())
    words = {
        "label": "SSH to prod-web-01",
        "requester": "Ada Lindqvist",
        "stage": "Security",
        "request_id": 1,
    }
    keys = [f"bench:{stamp}:{number}" for number in range(NOTICES)]
    fields = {"kind": "approval_needed", "channel": "flaky", "context": words}
    Message.objects.bulk_create(
        (Message(key=key, created_at=moment, due_at=moment, **fields) for key in keys), batch_size=1000
    )
    return keys


def _await_sent(began: float) -> None:
    """All were taken. The pause after a failure is over at once; else the last ones would wait for hours."""
    from audit_app.clock import now
    from requests_app.models import Message

    waiting = Message.objects.filter(channel="flaky", sent_at__isnull=True)
    while waiting.exists():
        if time.perf_counter() - began > PATIENCE_SECONDS:
            raise TimeoutError(f"{waiting.count()} were not taken in time")
        waiting.filter(due_at__gt=now()).update(due_at=now())
        time.sleep(1)
