"""What verifiers wait for: introspection over HTTP, and a status list made anew, with a hundred thousand codes alive."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Any
from uuid import uuid4

import psycopg

from tests.benchmarks import story
from tests.benchmarks.load import Line, under_load
from tests.benchmarks.options import Result, spread
from tests.benchmarks.setting import Setting

CODES = 100_000
SOMEBODY, ENTITLEMENT = "ada", "stg-web-01-ssh"
AIM_MS = 20


@dataclass
class Asking(Line):
    """A verifier's connection to the site."""

    basic: str = ""

    def headers(self, posting: bool) -> dict[str, str]:
        """Return what every question of a verifier says."""
        return {**super().headers(posting), "Authorization": self.basic}


def run(setting: Setting) -> Result:
    """Return how long a question takes with each number of clients, and how long a list takes."""
    result = Result()
    code = _code(setting)
    _past(setting)
    basic = _verifier(setting)
    for clients in setting.options.clients:
        lines = [Asking(setting.site_port, basic=basic) for _ in range(clients)]
        works = [lambda line=line: _asked(line, code) for line in lines]
        each = setting.options.seconds / setting.options.rounds
        loads = [under_load(works, each) for _ in range(setting.options.rounds)]
        p95 = median(load.ms(95) for load in loads)
        words = f"p95 {p95:.1f} ms, {median(load.per_second for load in loads):.0f}/s; aim: {AIM_MS} ms"
        result.row(
            f"introspection, {clients} clients", f"{median(load.ms(50) for load in loads):.1f} ms", words
        )
        result.data[f"introspection_p95_ms_{clients}"] = spread([load.ms(95) for load in loads])
        for line in lines:
            line.close()
    _lists(result)
    return result


def _lists(result: Result) -> None:
    from audit_app.clock import now
    from requests_app.actions import status_lists

    def made() -> str:
        status_lists.forget()
        return status_lists.published(0)

    marked = len(status_lists.invalid(0, now()))
    for what, work in (("a status list made", made), ("a place drawn", status_lists.draw)):
        times = [_timed(work) for _ in range(15)]
        note = f"most {max(times):.1f} ms; {CODES:,} codes alive, {marked:,} of them marked"
        result.row(what, f"{median(times):.1f} ms", note)
        result.data[what.replace(" ", "_") + "_ms"] = spread(times)
    result.row("a status list", f"{len(made()) / 1024:.1f} KiB", "signed, the worst that can be")


def _asked(line: Asking, code: str) -> float:
    answer = line.post("/oauth/introspect", {"token": code}, good=200)
    if b'"active": true' not in answer.body:
        raise ValueError(answer.body)
    return answer.seconds


def _timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _code(setting: Setting) -> str:
    from requests_app.actions import codes

    access_request = story.asked(setting, SOMEBODY, ENTITLEMENT, timedelta(minutes=30))
    story.approved(setting, access_request)
    return codes.get_code(by=story.person(setting, SOMEBODY), access_request_id=access_request.pk)


def _verifier(setting: Setting) -> str:
    from requests_app.actions import verifiers
    from requests_app.models import Verifier
    from tests.support.verifiers import basic

    key = f"bench-{uuid4().hex[:8]}"
    secret = verifiers.make(Verifier(key=key, name=key), by=story.person(setting, "adm"))
    return basic(key, secret)


def _past(setting: Setting) -> None:
    """Codes of past requests have places in the first list, none of them over yet: half revoked, half used up."""
    from audit_app.clock import now
    from requests_app.codes.status import SIZE
    from requests_app.models import AccessRequest, LatchCode

    moment = now()
    taken = set(LatchCode.objects.filter(status_list=0).values_list("status_index", flat=True))
    free = [place for place in range(SIZE) if place not in taken]
    places = random.sample(free, max(CODES - len(taken), 0))
    pks = list(AccessRequest.objects.order_by("pk").values_list("pk", flat=True)[:CODES])
    rows = (
        LatchCode(
            access_request_id=pks[number % len(pks)],
            jti=uuid4(),
            digest=uuid4().hex,
            kid="past",
            issued_at=moment,
            expires_at=moment + timedelta(hours=1),
            **({"spent_at": moment} if number % 2 else {"revoked_at": moment, "revoked_why": "Past"}),
            status_list=0,
            status_index=place,
        )
        for number, place in enumerate(places)
    )
    LatchCode.objects.bulk_create(rows, batch_size=5000)
    # As autovacuum would a minute later.
    with psycopg.connect(setting.stack.environment["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("ANALYZE requests_app_latchcode")
