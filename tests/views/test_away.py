"""The page of absences and delegations: set, shown to everybody concerned, called off."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit_app.clock import now
from audit_app.models import Event
from requests_app.models import Absence, Delegation

pytestmark = pytest.mark.django_db


def local(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M")


def say(client: Any, **changed: str) -> Any:
    form = {"away": "on", "zone": "UTC", "ends_at": local(now() + timedelta(days=1)), **changed}
    return client.post("/away/say", form)


def test_times_are_read_in_the_readers_zone(client_for: Any, people: Any) -> None:
    year = now().year + 1
    answer = say(
        client_for(people["manager"]),
        starts_at=f"{year}-07-01T08:00",
        ends_at=f"{year}-07-02T08:00",
        zone="Europe/Berlin",
    )
    assert answer.status_code == 302
    absence = Absence.objects.get()
    assert absence.starts_at == datetime(year, 7, 1, 6, tzinfo=UTC)


def test_without_a_beginning_it_holds_from_now(client_for: Any, people: Any) -> None:
    say(client_for(people["manager"]), to=people["director"].user_principal_name, why="Holiday")
    assert Absence.objects.at(now()).get().person == people["manager"]
    assert Delegation.objects.at(now()).get().receiver == people["director"]


def test_giver_and_receiver_see_it_and_others_do_not(client_for: Any, people: Any) -> None:
    say(client_for(people["manager"]), to=people["director"].user_principal_name, why="Holiday in Spain")
    for who, seen in [("manager", True), ("director", True), ("outsider", False), ("auditor", False)]:
        page = client_for(people[who]).get("/away/").content.decode()
        assert ("Holiday in Spain" in page) is seen, who
    assert str(people["director"]) in client_for(people["auditor"]).get("/away/").content.decode()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"ends_at": "yesterday"}, "Write a day and a time"),
        ({"ends_at": ""}, "This field is required"),
        ({"ends_at": "2020-01-01T00:00"}, "After the beginning"),
        ({"away": "", "to": ""}, "Say that you are away"),
        ({"to": "no.one@example.com"}, "Write the name they sign in with"),
        ({"to": "manager"}, "decide for yourself already"),
    ],
)
def test_what_can_not_be_set_comes_back_as_typed(
    client_for: Any, people: Any, changed: dict[str, str], words: str
) -> None:
    if changed.get("to") == "manager":
        changed = {"to": people["manager"].user_principal_name}
    answer = say(client_for(people["manager"]), why="As I typed it", **changed)
    page = answer.content.decode()
    assert answer.status_code in (403, 422)
    assert words in page
    assert "As I typed it" in page
    assert not Absence.objects.exists()
    assert not Delegation.objects.exists(), "half of it was set"


def test_a_refusal_stands_in_the_trail(client_for: Any, people: Any) -> None:
    say(client_for(people["manager"]), to=people["manager"].user_principal_name)
    assert Event.objects.get(kind="absence.refused").data["check"] == "somebody else"


@pytest.mark.parametrize("who", ["manager", "director"])
def test_either_of_them_calls_a_delegation_off(client_for: Any, people: Any, who: str) -> None:
    say(client_for(people["manager"]), to=people["director"].user_principal_name)
    pk = Delegation.objects.get().pk
    assert client_for(people[who]).post(f"/away/delegation/{pk}/call-off").status_code == 302
    assert not Delegation.objects.not_over(now()).exists()
    assert client_for(people[who]).post(f"/away/delegation/{pk}/call-off").status_code == 410


@pytest.mark.parametrize("what", ["absence", "delegation"])
def test_somebody_else_finds_nothing_to_call_off(client_for: Any, people: Any, what: str) -> None:
    say(client_for(people["manager"]), to=people["director"].user_principal_name)
    pk = (Absence if what == "absence" else Delegation).objects.get().pk
    assert client_for(people["outsider"]).post(f"/away/{what}/{pk}/call-off").status_code == 404
    assert Absence.objects.not_over(now()).exists()
