"""A campaign of ten thousand rows, from its beginning to the evidence. Run it last: rights are gone after it."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from tests.benchmarks.options import Result, percentile
from tests.benchmarks.setting import Setting

ROWS, PAGES, REMOVED = 10_000, 40, 1000
# Who may ask for much, and whose like there will be many of; who reviews; who runs the campaign.
LIKE, REVIEWER, RUNNER = "ada", "mo", "aud"
SYNC = "slow"  # the worker that would find that the directory knows none of them
T = TypeVar("T")


def run(setting: Setting) -> Result:
    """Return how long each step takes."""
    setting.stack.kill(SYNC)
    try:
        return _measured(setting)
    finally:
        setting.stack.start(SYNC)


def _measured(setting: Setting) -> Result:
    from audit_app.models import ReviewItem
    from audit_app.reviews import campaign, decide, evidence
    from requests_app.actions import take_away
    from tests.benchmarks import story

    result = Result()
    reviewer, runner = (story.person(setting, key) for key in (REVIEWER, RUNNER))
    _hire(setting, reviewer)
    review = _planned(runner, reviewer)
    rows = _timed(result, "begun", lambda: campaign.begin(review.pk))
    review.refresh_from_db()
    _reading(setting, result, f"/audit/reviews/{review.uid}/")
    party = reviewer.party
    # Nobody is asked about themself.
    ids = list(review.items.asked_of(party.id).order_by("pk").values_list("pk", flat=True))
    words = {"by": party, "choice": ReviewItem.Choice.REMOVE, "why": "Nobody needs it"}
    _timed(result, f"{REMOVED:,} removed at once", lambda: decide.decide(item_ids=ids[:REMOVED], **words))
    keep = {"by": party, "choice": ReviewItem.Choice.KEEP}
    _timed(result, f"{rows - REMOVED:,} kept at once", lambda: decide.decide(item_ids=ids[REMOVED:], **keep))
    review.items.filter(state=ReviewItem.State.REMOVE).update(decided_at=_ago(decide.UNDO))
    _timed(
        result,
        f"{REMOVED:,} taken away, one by one",
        lambda: [take_away.carry_out(pk) for pk in ids[:REMOVED]],
    )
    _by_the_other(review, runner)
    _timed(result, "signed off", lambda: campaign.sign_off(by=runner.party, review=review))
    _timed(result, "the rest settled", lambda: _settled(review))
    review.refresh_from_db()
    _until_sealed(evidence, review)
    pack = _timed(result, "evidence packed", lambda: evidence.pack(by=runner.party, review=review))
    result.row("evidence", f"{len(pack) / 1e6:.1f} MB", f"{rows:,} rows")
    result.data["items"] = rows
    return result


def _hire(setting: Setting, manager: Any) -> None:
    """There are enough people like one who may ask for much."""
    from uuid import uuid4

    from requests_app.context import active_policy
    from requests_app.eligibility import rights
    from requests_app.models import DirectoryMembership, Entitlement, Person
    from tests.benchmarks import story

    like = story.person(setting, LIKE)
    offered = Entitlement.objects.filter(active=True, resource__active=True)
    active_policy()
    ((_, found),) = rights(Person.objects.filter(pk=like.pk), offered, _ago(timedelta(0)))
    count = -(-ROWS // len(found))
    people = Person.objects.bulk_create(
        Person(
            tid=like.tid,
            oid=uuid4(),
            display_name=f"Person {number:04d}",
            mail="",
            enabled=True,
            manager=manager,
            directory_read_at=like.directory_read_at,
        )
        for number in range(count)
    )
    groups = list(DirectoryMembership.objects.filter(person=like).values_list("group", flat=True))
    DirectoryMembership.objects.bulk_create(
        DirectoryMembership(group_id=group, person=person) for group in groups for person in people
    )


def _planned(runner: Any, reviewer: Any) -> Any:
    from audit_app.reviews import campaign

    moment = _ago(timedelta(0))
    return campaign.plan(
        by=runner.party,
        title="Ten thousand rows",
        source="eligibility",
        scope={},
        reviewers="named",
        named=[[reviewer.party.id, reviewer.party.label]],
        escalate_to=[[runner.party.id, runner.party.label]],
        starts_at=moment,
        due_at=moment + timedelta(days=14),
        silence="keep",
        recurrence="never",
    )


def _by_the_other(review: Any, runner: Any) -> None:
    """What the reviewer is not asked about, the runner has kept."""
    from audit_app.models import ReviewItem
    from audit_app.reviews import decide

    left = list(review.items.filter(state=ReviewItem.State.UNDECIDED).values_list("pk", flat=True))
    if left:
        decide.decide(by=runner.party, item_ids=left, choice=ReviewItem.Choice.KEEP)


def _settled(review: Any) -> None:
    from audit_app.reviews import decide

    while decide.settle(review.pk):
        pass


def _until_sealed(evidence: Any, review: Any) -> None:
    from audit_app import sealing
    from latchportal.demo.story import until

    def sealed() -> bool:
        sealing.seal()
        return bool(evidence.is_ready(review))

    until(sealed, "all of the campaign under a seal", 120)


def _reading(setting: Setting, result: Result, path: str) -> None:
    line = setting.line(REVIEWER)
    for what, query in (("first page", ""), ("never used", "?never_used=on"), ("a name", "?q=Person+0300")):
        found = [line.get(path + query).seconds for _ in range(PAGES)]
        said = f"p50 {percentile(found, 50) * 1000:.0f}, p95 {percentile(found, 95) * 1000:.0f} ms"
        result.row(f"its page, {what}", said)


def _ago(period: timedelta) -> Any:
    from audit_app.clock import now

    return now() - period - timedelta(seconds=1)


def _timed(result: Result, what: str, work: Callable[[], T]) -> T:
    started = time.perf_counter()
    done = work()
    result.row(what, f"{time.perf_counter() - started:.2f} s")
    return done
