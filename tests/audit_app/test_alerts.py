"""Alerts: each rule sees what it is for and nothing short of it, each cause is told once, and somebody looked, by name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from audit_app import alarms
from audit_app.alerts import raising, rules
from audit_app.alerts.rules import RULES, Rule
from audit_app.clock import now
from audit_app.lifecycle import Stale
from audit_app.models import Alert, Event, Seal, SealedEvent
from audit_app.tasks import watch
from tests.audit_app.trail_makers import ADA, MO, happened, placed

pytestmark = pytest.mark.django_db
# A Wednesday, in the middle of the working day wherever the portal is.
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
NIGHT = NOON.replace(hour=2)
SUNDAY = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def at(moment: datetime) -> Any:
    return time_machine.travel(moment, tick=False)


def raised() -> list[tuple[str, str]]:
    placed()
    with at(Event.objects.latest("at").at):
        while watch():
            placed()
    return list(Alert.objects.order_by("id").values_list("rule", "sentence"))


def several(count: int, apart: timedelta, kind: str, **more: Any) -> None:
    for number in range(count):
        with at(NOON + apart * number):
            happened(kind, **more)


def opens(moment: datetime, *, subject: Any = ADA, resource: str = "vault") -> None:
    with at(moment):
        happened("grant.opened", resource=resource, subject=subject, label=f"SSH to {resource}")


MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
USED_AGAIN = {"check": "code used", "jti": "0d9b4c3a"}
SEEN = {
    "repeated_requests": lambda: several(5, HOUR, "request.submitted"),
    "after_hours": lambda: opens(NIGHT, resource="plain"),
    "many_refusals": lambda: several(5, MINUTE, "request.refused", outcome="refused", why="too long"),
    "code_replayed": lambda: several(3, MINUTE, "code.refused", outcome="refused", data=USED_AGAIN),
    "break_glass": lambda: several(1, HOUR, "grant.break_glass", why="Everything burns"),
    "first_use": lambda: opens(NOON),
    "dormant_account": lambda: several(2, timedelta(days=61), "signin.succeeded"),
    "overdue": lambda: several(1, HOUR, "grant.overdue", outcome="failure", subject=ADA),
    "drift": lambda: several(1, HOUR, "grant.removed_in_azure", outcome="failure", data={"rule": "latch-x"}),
    "void_context": lambda: several(1, HOUR, "signin.context_void", why="Entra gives c1 to everybody"),
    "policy_changed": lambda: several(1, HOUR, "policy.loaded"),
    "everything_exported": lambda: several(1, HOUR, "export.started", data={"filters": {}}),
    "hasty_reviewer": lambda: several(20, timedelta(seconds=2), "review.kept", story="review-1"),
}


# Something failed there; all others tell of what happened.
FAILED = {"overdue", "drift"}


@pytest.fixture(autouse=True)
def _vault_is_sensitive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "_sensitive", [lambda label: label == "vault"])


@pytest.mark.parametrize("rule", SEEN)
def test_each_rule_sees_what_it_is_for_once_and_no_other_rule_does(rule: str) -> None:
    SEEN[rule]()
    assert [name for name, _ in raised()] == [rule]
    told = Event.objects.get(kind="alert.raised")
    assert told.data["rule"] == rule
    assert told.outcome == ("failure" if rule in FAILED else "success")
    assert told.why == Alert.objects.get().sentence


def test_every_rule_has_a_case_here() -> None:
    assert set(SEEN) == set(RULES) - {raising.KEYS}


SHORT_OF_IT = {
    "four requests in a day": lambda: several(4, HOUR, "request.submitted"),
    "five requests in as many days": lambda: several(5, timedelta(days=1), "request.submitted"),
    "opened on a working day": lambda: opens(NOON, resource="plain"),
    "a code that is over": lambda: several(
        1, HOUR, "code.refused", outcome="refused", data={"check": "code_expired"}
    ),
    "five refusals in an hour": lambda: several(5, 12 * MINUTE, "request.refused", outcome="refused"),
    "signing in again after a week": lambda: several(2, timedelta(days=7), "signin.succeeded"),
    "signing in for the first time": lambda: several(1, HOUR, "signin.succeeded"),
    "an export with a filter": lambda: several(1, HOUR, "export.started", data={"filters": {"actor": "ada"}}),
    "twenty rows kept in an hour": lambda: several(20, 3 * MINUTE, "review.kept", story="review-1"),
    "twenty rows kept in two reviews": lambda: [
        several(10, timedelta(seconds=2), "review.kept", story=f"review-{number}") for number in (1, 2)
    ],
}


@pytest.mark.parametrize("case", SHORT_OF_IT)
def test_what_is_short_of_it_raises_nothing(case: str) -> None:
    SHORT_OF_IT[case]()
    assert raised() == []


def test_a_reviewer_who_removed_something_looked_at_it() -> None:
    several(1, HOUR, "review.removed", story="review-1")
    several(25, timedelta(seconds=1), "review.kept", story="review-1")
    assert raised() == []


def test_a_weekend_is_after_hours_in_the_portal_s_own_zone(settings: Any) -> None:
    opens(SUNDAY, resource="plain")
    ((_, told),) = raised()
    assert "on Sunday, 29 November 2026, at 12:00 UTC" in told
    Alert.objects.all().delete()
    settings.TIME_ZONE = "Pacific/Auckland"
    opens(NOON, resource="plain")
    ((_, told),) = raised()
    assert "on Thursday, 26 November 2026, at 01:00 NZDT" in told


def test_a_second_use_of_something_sensitive_is_none_and_another_s_first_is_one() -> None:
    opens(NOON)
    opens(NOON + HOUR)
    opens(NOON + HOUR, subject=MO)
    assert [name for name, _ in raised()] == ["first_use", "first_use"]


def test_the_same_cause_is_told_once_however_often_it_goes_on() -> None:
    several(12, MINUTE / 2, "request.refused", outcome="refused")
    assert [name for name, _ in raised()] == ["many_refusals"]


def test_looking_twice_is_looking_once_and_what_was_committed_late_is_seen_late() -> None:
    several(1, HOUR, "policy.loaded")
    late = Event.objects.get()
    several(1, HOUR, "policy.loaded")
    early = Event.objects.latest("id")
    SealedEvent.objects.create(
        position=1,
        event_id=early.id,
        uid=early.uid,
        leaf=b"l",
        commitments=b"c",
        at=early.at,
        written_at=early.at,
    )
    assert watch() == 1
    assert watch() == 0
    SealedEvent.objects.create(
        position=2,
        event_id=late.id,
        uid=late.uid,
        leaf=b"l",
        commitments=b"c",
        at=late.at,
        written_at=late.at,
    )
    assert watch() == 1


def test_what_is_older_than_a_month_when_it_is_first_looked_at_raises_nothing() -> None:
    several(1, HOUR, "policy.loaded")
    placed()
    with at(NOON + timedelta(days=32)):
        assert watch() == 0
    assert not Alert.objects.exists()


def test_a_rule_that_fails_is_told_in_the_log_and_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: Event) -> Any:
        raise ZeroDivisionError

    broken = Rule("broken", "Broken", fails)
    monkeypatch.setattr(
        rules, "_BY_KIND", {**rules._BY_KIND, "policy.loaded": [broken, RULES["policy_changed"]]}
    )
    several(1, HOUR, "policy.loaded")
    assert [name for name, _ in raised()] == ["policy_changed"]
    assert "alert.rule_failed" in caplog.text


def test_another_signing_key_is_told_once_for_each_key_but_the_first() -> None:
    def sealed(number: int, kid: str) -> None:
        Seal.objects.create(
            sequence=number, epoch="1/1", first=number, last=number, count=1, root="r", previous="p",
            sealed_at=now(), horizon=number, partly=0, kid=kid, signature="s",
        )  # fmt: skip
        happened("request.submitted", label=f"Number {number}")
        assert len(raised()) == max(0, ("ab".index(kid)))

    for number, kid in enumerate("aabb", 1):
        sealed(number, kid)


@pytest.mark.parametrize(
    ("outcome", "shown", "hidden"),
    [("success", "policy changed", "overdue"), ("failure", "overdue", "policy changed")],
)
def test_the_explorer_finds_alerts_by_the_outcome_of_what_they_saw(
    client_for: Any, people: Any, outcome: str, shown: str, hidden: str
) -> None:
    several(1, HOUR, "policy.loaded")
    several(1, HOUR, "grant.overdue", outcome="failure", subject=ADA)
    raised()
    answer = client_for(people["auditor"]).get(f"/audit/events/?kind=alert.raised&outcome={outcome}")
    found = [line.event.object_label for line in answer.context["lines"]]
    assert found == [shown], f"{hidden} is not asked for"


def test_what_the_floors_above_have_told_already_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(alarms, "_listeners", [lambda kind, why, about: heard.append(why)])
    several(1, HOUR, "grant.overdue", outcome="failure", subject=ADA)
    several(1, HOUR, "policy.loaded")
    assert len(raised()) == 2
    assert len(heard) == 1


def test_an_alert_is_acknowledged_once_by_name_with_what_it_was() -> None:
    several(1, HOUR, "policy.loaded")
    raised()
    alert = raising.acknowledge(by=MO, alert_id=Alert.objects.get().pk, note=" We changed it ")
    assert (alert.acknowledged_by_label, alert.note) == ("Mo Petersen", "We changed it")
    assert Event.objects.get(kind="alert.acknowledged").actor_id == MO.id
    with pytest.raises(Stale):
        raising.acknowledge(by=ADA, alert_id=alert.pk)


def test_the_page_shows_what_waits_first_and_takes_an_administrators_word(
    client_for: Any, people: Any, policy: Any
) -> None:
    several(1, HOUR, "break_glass_test")
    several(1, HOUR, "grant.break_glass", why="Everything burns")
    raised()
    auditor, administrator = client_for(people["auditor"]), client_for(people["administrator"])
    page = auditor.get("/audit/alerts/").content.decode()
    assert "Everything burns" in page
    assert "I have looked" not in page
    assert "Everything burns" not in auditor.get("/audit/alerts/?rule=drift").content.decode()
    alert = Alert.objects.get(rule="break_glass")
    own = administrator.get(f"/audit/alerts/{alert.pk}/").content.decode()
    assert "Everything burns" in own
    assert "I have looked" in own
    assert "I have looked" not in auditor.get(f"/audit/alerts/{alert.pk}/").content.decode()
    assert auditor.get("/audit/alerts/99999/").status_code == 404
    administrator.post(f"/audit/alerts/{alert.pk}/acknowledge", {"reason": "A drill"})
    page = auditor.get(f"/audit/alerts/{alert.pk}/").content.decode()
    assert "Looked at by" in page
    assert "A drill" in page
    page = auditor.get("/audit/alerts/").content.decode()
    assert "Looked at" in page
    assert "A drill" in page
    own = f"/audit/alerts/{alert.pk}/"
    refused = administrator.post(f"{own}acknowledge", headers={"Referer": f"http://testserver{own}"})
    assert (refused.status_code, f'href="{own}"' in refused.content.decode()) == (409, True)
    elsewhere = administrator.post(f"{own}acknowledge", headers={"Referer": "https://elsewhere.example/x"})
    assert "Go back</a>" not in elsewhere.content.decode()
    assert administrator.post("/audit/alerts/99999/acknowledge").status_code == 404
