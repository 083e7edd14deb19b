"""What a person chose: at once, with the digest or never; quiet hours; and what passes all of that."""

from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from django.core import mail

from audit_app.models import Event
from requests_app import notify, outbox
from requests_app.actions import decide, notice_choices
from requests_app.errors import Invalid, Refused
from requests_app.models import DirectoryGroup, Message, NoticeChoices, Person
from requests_app.notices.planning import next_at, plan, zone_of
from tests.support.azure import active_stage, asked
from tests.support.flaky import receiving

pytestmark = pytest.mark.django_db

BERLIN = "Europe/Berlin"
NIGHT = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def choose(person, *, quiet=None, zone="UTC", channel="", at=time(8), **levels):
    return notice_choices.choose(
        by=person, levels=levels, quiet=quiet, digest_at=at, time_zone=zone, channel=channel
    )


def fresh():
    Person.objects.update(directory_read_at=datetime.now(UTC))
    DirectoryGroup.objects.update(read_at=datetime.now(UTC))


def mails_to(person):
    return [one for one in mail.outbox if one.to == [person.mail]]


QUIET = (time(22), time(7))


def test_without_a_choice_everything_comes_at_once(manager):
    for kind in ("approval_needed", "closed", "something_new"):
        found = plan(manager, kind, NIGHT)
        assert (found.due_at, found.digest, found.channel) == (NIGHT, False, "")


def test_what_is_off_is_not_even_a_row(people, policy):
    choose(people["requester"], outcome="off")
    access_request = asked(people["requester"])
    decide.decide(
        by=people["manager"], stage_id=active_stage(access_request).pk, vote="deny", reason="Not today"
    )
    assert not Message.objects.filter(kind="decided").exists()


@pytest.mark.parametrize("level", ["off", "digest"])
@pytest.mark.parametrize("topic", ["removed", "overdue"])
def test_what_has_to_be_heard_is_refused_to_be_put_off(manager, topic, level):
    with pytest.raises(Refused, match="can not be"):
        choose(manager, **{topic: level})
    assert not NoticeChoices.objects.exists()


@pytest.mark.parametrize("topic", ["decide", "question", "reviews"])
def test_what_others_wait_for_is_refused_to_be_switched_off(manager, topic):
    with pytest.raises(Refused, match="switched off"):
        choose(manager, **{topic: "off"})


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"quiet": (time(7), time(7))}, "quiet_to"),
        ({"zone": "Mars/Olympus"}, "time_zone"),
        ({"zone": "../../etc/passwd"}, "time_zone"),
        ({"zone": ""}, "time_zone"),
        ({"channel": "soc"}, "channel"),
    ],
)
def test_choices_that_make_no_sense_are_refused_in_words(manager, settings, wrong, field):
    settings.NOTICE_CHANNELS = {"soc": "json://x"}
    with pytest.raises(Invalid) as raised:
        choose(manager, **wrong)
    assert field in raised.value.fields


@pytest.mark.parametrize("levels", [{"nothing": "off"}, {"decide": "never"}])
def test_topics_and_levels_that_are_none_are_refused(manager, levels):
    with pytest.raises(Invalid):
        choose(manager, **levels)


def test_the_operator_can_say_what_nobody_puts_off(manager, settings):
    choose(manager, closed="off", quiet=QUIET)
    settings.NOTICES_ALWAYS = frozenset({"closed"})
    assert plan(manager, "closed", NIGHT).due_at == NIGHT, "chosen before, quiet hours and all"
    with pytest.raises(Refused):
        choose(manager, closed="digest")


@pytest.mark.parametrize(
    ("moment", "zone", "due"),
    [
        (NIGHT, "UTC", datetime(2026, 11, 26, 7, 0, tzinfo=UTC)),
        (datetime(2026, 11, 26, 6, 59, tzinfo=UTC), "UTC", datetime(2026, 11, 26, 7, 0, tzinfo=UTC)),
        (datetime(2026, 11, 26, 7, 0, tzinfo=UTC), "UTC", None),
        (datetime(2026, 11, 25, 22, 0, tzinfo=UTC), "UTC", datetime(2026, 11, 26, 7, 0, tzinfo=UTC)),
        (datetime(2026, 11, 25, 21, 59, tzinfo=UTC), "UTC", None),
        # 23:30 in London is 08:30 in Tokyo, and 18:30 in New York.
        (NIGHT, "Asia/Tokyo", None),
        (NIGHT, "America/New_York", None),
        (NOON, "Pacific/Auckland", datetime(2026, 11, 25, 18, 0, tzinfo=UTC)),
        # The night in which Berlin's clocks go forward, and the one in which they go back.
        (datetime(2027, 3, 27, 22, 30, tzinfo=UTC), "Europe/Berlin", datetime(2027, 3, 28, 5, 0, tzinfo=UTC)),
        (
            datetime(2027, 10, 30, 22, 30, tzinfo=UTC),
            "Europe/Berlin",
            datetime(2027, 10, 31, 6, 0, tzinfo=UTC),
        ),
    ],
)
def test_quiet_hours_hold_until_they_end_where_the_person_lives(manager, moment, zone, due):
    choose(manager, quiet=QUIET, zone=zone)
    assert plan(manager, "approval_needed", moment).due_at == (due or moment)


def test_quiet_hours_of_one_day_hold_within_it(manager):
    choose(manager, quiet=(time(12), time(13)))
    assert plan(manager, "closed", NOON).due_at == NOON + timedelta(hours=1)
    assert plan(manager, "closed", NIGHT).due_at == NIGHT


@pytest.mark.parametrize("kind", ["opened", "ending", "removed", "extended", "overdue", "something_new"])
def test_what_is_about_open_access_passes_quiet_hours(manager, kind):
    choose(manager, quiet=QUIET)
    assert plan(manager, kind, NIGHT).due_at == NIGHT


def test_what_would_lapse_before_it_could_be_decided_is_sent_at_once(manager):
    choose(manager, quiet=QUIET)
    morning = datetime(2026, 11, 26, 7, 0, tzinfo=UTC)
    for until, due in ((morning + timedelta(minutes=59), NIGHT), (morning + timedelta(minutes=60), morning)):
        assert plan(manager, "approval_needed", NIGHT, until=until).due_at == due
    choose(manager, decide="digest")
    soon = plan(manager, "approval_needed", NIGHT, until=morning)
    assert (soon.due_at, soon.digest) == (NIGHT, False)


def test_the_answer_to_what_was_asked_in_quiet_hours_comes_at_once(requester):
    choose(requester, quiet=QUIET)
    before, within = NIGHT - timedelta(hours=3), NIGHT - timedelta(hours=1)
    assert plan(requester, "decided", NIGHT, asked_at=within).due_at == NIGHT
    assert plan(requester, "decided", NIGHT, asked_at=before).due_at > NIGHT


@pytest.mark.parametrize("how", ["quiet hours", "digest"])
@pytest.mark.parametrize(("vote", "waits"), [("approve", False), ("deny", True)])
def test_an_approval_that_has_to_be_activated_soon_waits_for_nothing(people, policy, how, vote, waits):
    with time_machine.travel(NIGHT - timedelta(hours=3), tick=True):
        fresh()
        access_request = asked(people["requester"])
        decide.decide(by=people["manager"], stage_id=active_stage(access_request).pk, vote="approve")
    with time_machine.travel(NIGHT, tick=True):
        fresh()
        choose(
            people["requester"],
            quiet=QUIET if how == "quiet hours" else None,
            outcome="digest" if how == "digest" else "now",
        )
        stage_id = active_stage(access_request).pk
        decide.decide(by=people["security"], stage_id=stage_id, vote=vote, reason="Because of the audit")
        told = Message.objects.get(kind="decided")
    assert (told.due_at > NIGHT + timedelta(minutes=1)) is waits


@pytest.mark.parametrize(
    ("moment", "clock", "zone", "due"),
    [
        (NOON, time(8), "UTC", datetime(2026, 11, 26, 8, 0, tzinfo=UTC)),
        (NOON, time(17, 30), "UTC", datetime(2026, 11, 25, 17, 30, tzinfo=UTC)),
        (NOON, time(12), "UTC", datetime(2026, 11, 26, 12, 0, tzinfo=UTC)),
        # 02:30 does not exist in that night, and comes twice in the other.
        (
            datetime(2027, 3, 27, 12, 0, tzinfo=UTC),
            time(2, 30),
            "Europe/Berlin",
            datetime(2027, 3, 28, 1, 30, tzinfo=UTC),
        ),
        (
            datetime(2027, 10, 30, 12, 0, tzinfo=UTC),
            time(2, 30),
            "Europe/Berlin",
            datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
        ),
    ],
)
def test_the_digest_comes_at_its_hour_where_the_person_lives(manager, moment, clock, zone, due):
    chosen = choose(manager, zone=zone, at=clock, closed="digest")
    assert next_at(clock, moment, zone_of(chosen)) == due
    assert plan(manager, "closed", moment).due_at == due


def test_a_zone_that_is_gone_counts_as_the_servers(manager):
    chosen = choose(manager)
    chosen.time_zone = "Gone/Nowhere"
    assert str(zone_of(chosen)) == "UTC"


def test_a_personal_channel_gets_what_comes_at_once_beside_the_mail(people, policy, settings):
    with receiving() as receiver:
        settings.NOTICE_CHANNELS = {"chat": f"{receiver.address}/{{mail}}"}
        choose(people["manager"], channel="chat", closed="digest")
        asked(people["requester"])
        outbox.send_due()
        assert [note["title"].split(":")[0] for note in receiver.notes] == ["[latchportal] Approval needed"]
        assert len(mails_to(people["manager"])) == 1
        assert plan(people["manager"], "closed", NOON).channel == ""


def test_an_open_channel_of_many_is_not_offered_to_one(people, settings):
    settings.NOTICE_CHANNELS = {"soc": "json://x", "chat": "json://x/{mail}"}
    chosen = choose(people["manager"], channel="chat")
    settings.NOTICE_CHANNELS = {"soc": "json://x", "chat": "json://x/everybody"}
    assert chosen.channel == "chat"
    assert plan(people["manager"], "approval_needed", NOON).channel == "", "it leads to many by now"


def test_reviews_heed_the_choice_too(people, policy):
    from audit_app.clock import now
    from audit_app.reviews import campaign

    choose(people["manager"], reviews="digest")
    moment = now()
    review = campaign.plan(
        by=people["administrator"].party,
        title="Production",
        source="eligibility",
        scope={},
        starts_at=moment,
        due_at=moment + timedelta(days=7),
    )
    notify.review("review_reminder", [people["manager"], people["owner"]], review)
    assert dict(Message.objects.filter(kind="review_reminder").values_list("recipient__pk", "digest")) == {
        people["manager"].pk: True,
        people["owner"].pk: False,
    }


def test_a_choice_is_no_event_of_the_trail(manager):
    choose(manager, closed="off")
    notice_choices.forget(by=manager)
    assert not Event.objects.filter(actor_id=manager.identity).exists()
    assert not NoticeChoices.objects.exists()
