"""The pages of breaking the glass: found by those who may, said beforehand and afterwards, refused with a way on."""

from typing import Any
from uuid import uuid4

import pytest

from audit_app.clock import now
from audit_app.models import AccessReview, Event
from requests_app.models import AccessRequest, Arming, Grant
from tests.support.azure import SSH, address_of, read_back
from tests.support.glass import WHY, broken, proof

pytestmark = pytest.mark.django_db
PAGE = "/break-glass/"
THIS = f"{PAGE}?entitlement={SSH}"


def form(person: Any, **more: Any) -> dict[str, Any]:
    words = {
        "entitlement": SSH,
        "submission_key": str(uuid4()),
        "duration": "30",
        "reason": WHY,
        "ticket": "",
        "source": address_of(person),
    }
    return {**words, **more}


def proved(client_for: Any, person: Any, *acrs: str, ago: int = 0) -> Any:
    client = client_for(person)
    session = client.session
    session["sign_in"] = {"signed_in_at": now().isoformat(), **proof(*acrs, ago=ago)}
    session.save()
    return client


@pytest.mark.parametrize(("who", "found"), [("ben", True), ("requester", False), ("administrator", False)])
def test_only_who_may_finds_the_way(who: str, found: bool, client_for: Any, people: Any, policy: Any) -> None:
    client = client_for(people[who])
    assert ("break the glass" in client.get("/catalogue/").content.decode()) is found
    listing = client.get(PAGE).content.decode()
    assert (THIS in listing) is found
    assert ("There is no glass for you to break" in listing) is not found
    assert client.get(THIS).status_code == (200 if found else 404)


def test_the_usual_page_leads_to_it(client_for: Any, people: Any, policy: Any) -> None:
    usual = f"/requests/new?entitlement={SSH}"
    assert THIS in client_for(people["ben"]).get(usual).content.decode()
    assert "break-glass" not in client_for(people["requester"]).get(usual).content.decode()


def test_the_page_says_beforehand_what_will_happen(client_for: Any, people: Any, policy: Any) -> None:
    page = client_for(people["ben"]).get(THIS).content.decode()
    for words in (
        "It opens at once",
        "They are told at once",
        "It is reviewed within 24 hours",
        "It is counted",
    ):
        assert words in page
    for person in ("security", "security2", "administrator"):
        assert str(people[person]) in page
    assert "You prove who you are" in page
    assert page.count("btn-danger") == 1
    assert "You prove who you are" not in proved(client_for, people["ben"]).get(THIS).content.decode()


def test_pressed_it_opens_and_every_page_says_so(client_for: Any, people: Any, policy: Any) -> None:
    ben = proved(client_for, people["ben"])
    answer = ben.post(PAGE, form(people["ben"]), follow=True)
    made = AccessRequest.objects.get()
    assert answer.redirect_chain[-1][0] == f"/requests/{made.pk}/"
    assert "The glass is broken" in answer.content.decode()
    assert "with nobody asked" in answer.content.decode()
    read_back(Grant.objects.get())
    assert "Break-glass" in ben.get("/").content.decode()
    assert "You have broken it already" in ben.get(THIS).content.decode()
    security = client_for(people["security"])
    inbox = security.get("/inbox/").content.decode()
    assert "Opened without you" in inbox
    assert WHY in inbox
    page = security.get(f"/requests/{made.pk}/").content.decode()
    review = AccessReview.objects.get()
    assert f"/audit/reviews/{review.uid}/" in page
    assert "Nobody was asked: the glass was broken" in page
    assert "Judge for yourself" in security.get(f"/audit/reviews/{review.uid}/").content.decode()
    assert "Opened without you" not in client_for(people["outsider"]).get("/inbox/").content.decode()
    auditor = client_for(people["auditor"])
    assert "Broke the glass" in auditor.get(f"/audit/stories/{made.story}/").content.decode()


def test_the_overview_counts_it_and_leads_to_the_events(client_for: Any, people: Any, policy: Any) -> None:
    auditor = client_for(people["auditor"])
    assert "nothing was opened with nobody asked" in auditor.get("/audit/").content.decode()
    broken(people["ben"])
    page = auditor.get("/audit/").content.decode()
    assert "Glass broken, 30 days" in page
    link = page.split('class="stat-link" href="')[1].split('"')[0].replace("&amp;", "&")
    found = auditor.get(link)
    assert found.status_code == 200
    assert WHY in found.content.decode()


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        ({"reason": ""}, 422, "Nothing was opened."),
        ({"reason": "It burns"}, 403, "at least 20 are asked for"),
        ({"duration": "soon"}, 422, "Write how long"),
        ({"duration": "45"}, 403, "longer than the 30 min you may have"),
        ({"source": "198.51.100.99"}, 403, "Policy says no"),
        ({"entitlement": "no-such-thing"}, 404, "the catalogue shows all"),
    ],
)
def test_a_refusal_stands_on_the_form_with_a_way_on(
    more: Any, status: int, words: str, client_for: Any, people: Any, policy: Any
) -> None:
    answer = proved(client_for, people["ben"]).post(PAGE, form(people["ben"], **more))
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert not AccessRequest.objects.exists()


def test_twice_and_while_it_only_closes_it_says_why(client_for: Any, people: Any, policy: Any) -> None:
    broken(people["ben"])
    ben = proved(client_for, people["ben"])
    again = ben.post(PAGE, form(people["ben"]))
    assert again.status_code == 403
    assert "Broken already: once at a time" in again.content.decode()
    Arming.objects.all().delete()
    closed = ben.post(PAGE, form(people["ben"], entitlement="prod-web-02-ssh"))
    assert closed.status_code == 403
    assert "Close-only for now" in closed.content.decode()
    assert Event.objects.filter(kind="glass.refused").count() == 2


def test_looking_changes_nothing(client_for: Any, people: Any, policy: Any) -> None:
    client = proved(client_for, people["ben"])
    before = Event.objects.count()
    for address in (PAGE, THIS):
        assert client.get(address).status_code == 200
    assert Event.objects.count() == before
    assert not AccessRequest.objects.exists()


def test_more_time_goes_the_usual_way(client_for: Any, people: Any, policy: Any) -> None:
    request = broken(people["ben"])
    read_back(Grant.objects.get())
    page = client_for(people["ben"]).get(f"/requests/{request.pk}/").content.decode()
    assert "You broke the glass for 30 min" in page
    assert 'value="2700"' in page, "more than the emergency allows can be asked for the usual way"
    data = {"total": "2700", "reason": "It still burns", "submission_key": str(uuid4())}
    client_for(people["ben"]).post(f"/requests/{request.pk}/extend", data)
    wish = AccessRequest.objects.latest("pk")
    assert (wish.state, wish.break_glass, wish.extends.access_request) == ("pending", False, request)
    assert wish.stages.count() == 2


def test_whoever_was_told_finds_how_to_close_it_on_its_page(
    client_for: Any, people: Any, policy: Any
) -> None:
    grant = broken(people["ben"]).grants.get()
    page = f"/requests/{grant.access_request_id}/"
    client = client_for(people["security"])
    assert f'action="{page}revoke"' in client.get(page).content.decode()
    client.post(f"{page}revoke", {"reason": "This is no emergency"})
    grant.refresh_from_db()
    assert grant.state == "closing"
