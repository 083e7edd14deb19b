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

from tests.benchmarks import pages, story
from tests.benchmarks.load import Line
from tests.benchmarks.options import Result, ranged, spread
from tests.benchmarks.setting import Setting

CODES, ALIVE, PAST = 100_000, 1_000, "past"
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
    site = setting.stack.parts["site"]
    rounds = pages.in_rounds(setting, site, lambda _: _asking(Asking(setting.site_port, basic=basic), code))
    for clients, measured in rounds.items():
        _, words = pages.figures_of(measured)
        p95 = [load.ms(95) for load, _ in measured]
        plural = "client" if clients == 1 else "clients"
        result.row(
            f"introspection, {clients} {plural}", f"p95 {ranged(p95)} ms", f"aim: {AIM_MS} ms; {words}"
        )
        result.data[f"introspection_p95_ms_{clients}"] = spread(p95)
    _lists(setting, result)
    return result


def _lists(setting: Setting, result: Result) -> None:
    from audit_app.clock import now
    from requests_app.actions import status_lists
    from requests_app.models import LatchCode

    def made() -> str:
        status_lists.forget()
        return status_lists.published(0)

    _time(result, "a status list, the worst", made, f"{CODES:,} codes, none over yet, all marked")
    result.row("its size", f"{len(made()) / 1024:.1f} KiB", "signed, before the transport packs it")
    past = LatchCode.objects.filter(kid=PAST)
    alive = past.order_by("pk").values("pk")[:ALIVE]
    past.exclude(pk__in=alive).update(expires_at=now() - timedelta(days=2))
    _analyse(setting)
    _time(result, "a status list, as usual", made, f"{CODES:,} codes, {ALIVE:,} of them of the last day")
    _time(result, "a place drawn", status_lists.draw, f"{CODES:,} of 131,072 places taken")


def _time(result: Result, what: str, work: Callable[[], Any], note: str) -> None:
    times = [_timed(work) for _ in range(15)]
    result.row(what, f"{median(times):.1f} ms", f"most {max(times):.1f} ms; {note}")
    result.data[what] = spread(times)


def _asking(line: Line, code: str) -> Callable[[], float]:
    def ask() -> float:
        answer = line.post("/oauth/introspect", {"token": code}, good=200)
        if b'"active": true' not in answer.body:
            raise ValueError(answer.body)
        return answer.seconds

    return ask


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
            kid=PAST,
            issued_at=moment,
            expires_at=moment + timedelta(hours=1),
            **({"spent_at": moment} if number % 2 else {"revoked_at": moment, "revoked_why": "Past"}),
            status_list=0,
            status_index=place,
        )
        for number, place in enumerate(places)
    )
    LatchCode.objects.bulk_create(rows, batch_size=5000)
    _analyse(setting)


def _analyse(setting: Setting) -> None:
    """The database knows what the table is like, as autovacuum would tell it a minute later."""
    with psycopg.connect(setting.stack.environment["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("ANALYZE requests_app_latchcode")
