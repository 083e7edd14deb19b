"""The page of notices: one's own choices, kept as chosen, refused in words, and back to the start."""

from datetime import time

import pytest

from requests_app.models import NoticeChoices

pytestmark = pytest.mark.django_db

CHOSEN = {
    "decide": "digest",
    "settled": "off",
    "question": "now",
    "remark": "now",
    "outcome": "now",
    "beginning": "now",
    "opened": "now",
    "ending": "now",
    "moved": "now",
    "closed": "off",
    "reviews": "now",
    "quiet_from": "22:00",
    "quiet_to": "07:00",
    "digest_at": "08:30",
    "time_zone": "Europe/Berlin",
}


def page(browser):
    return browser.get("/notices/").content.decode()


def test_choices_are_kept_and_shown_again(client_for, manager):
    browser = client_for(manager)
    answer = browser.post("/notices/", CHOSEN, follow=True)
    assert answer.redirect_chain[-1][0] == "/notices/"
    assert "Kept." in answer.content.decode()
    chosen = NoticeChoices.objects.get(person=manager)
    assert chosen.levels == {"decide": "digest", "settled": "off", "closed": "off"}
    assert (chosen.quiet_from, chosen.quiet_to, chosen.digest_at) == (time(22), time(7), time(8, 30))
    html = page(browser)
    assert 'value="22:00"' in html
    assert '<option value="Europe/Berlin" selected>' in html


def test_everything_comes_at_once_again_by_one_button(client_for, manager):
    browser = client_for(manager)
    assert "Back to the start" not in page(browser), "there is nothing to take back"
    browser.post("/notices/", CHOSEN)
    assert "Back to the start" in page(browser)
    browser.post("/notices/", {"forget": "1"})
    assert not NoticeChoices.objects.exists()


def test_one_persons_choices_are_nobody_elses(client_for, people):
    client_for(people["manager"]).post("/notices/", CHOSEN)
    client_for(people["security"]).post("/notices/", {**CHOSEN, "closed": "now"})
    assert NoticeChoices.objects.get(person=people["manager"]).levels["closed"] == "off"
    assert 'value="22:00"' not in page(client_for(people["owner"]))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"decide": "off"}, "off is not one of the available choices"),
        ({"quiet_to": ""}, "need a beginning and an end"),
        ({"quiet_to": "22:00"}, "begin when they end"),
        ({"quiet_from": "25:00"}, "Enter a valid time"),
        ({"time_zone": "Mars/Olympus"}, "not one of the available choices"),
        ({"digest_at": ""}, "This field is required"),
    ],
)
def test_what_can_not_be_comes_back_with_all_that_was_chosen(client_for, manager, wrong, words):
    answer = client_for(manager).post("/notices/", {**CHOSEN, **wrong})
    assert answer.status_code == 422
    html = answer.content.decode()
    assert words in html
    assert "Not kept yet" in html
    assert html.count("checked") >= 8, "what was chosen is lost"
    assert not NoticeChoices.objects.exists()


def test_what_has_to_be_heard_leaves_no_choice(client_for, people):
    html = page(client_for(people["administrator"]))
    assert "Always at once" in html
    assert 'name="removed"' not in html
    assert "A closing is late" in html
    assert "A closing is late" not in page(client_for(people["requester"])), "it is for administrators"


def test_a_channel_is_offered_only_if_it_leads_to_one_person(client_for, manager, settings):
    browser = client_for(manager)
    settings.NOTICE_CHANNELS = {"soc": "json://secret-place/x"}
    assert "Beside mail" not in page(browser)
    settings.NOTICE_CHANNELS["chat"] = "json://secret-place/{mail}"
    html = page(browser)
    assert '<option value="chat">' in html
    assert "secret-place" not in html
    assert browser.post("/notices/", {**CHOSEN, "channel": "soc"}).status_code == 422
    assert browser.post("/notices/", {**CHOSEN, "channel": "chat"}).status_code == 302
    assert NoticeChoices.objects.get().channel == "chat"


def test_the_page_is_found_from_every_page(client_for, requester):
    assert 'href="/notices/"' in client_for(requester).get("/").content.decode()
