"""The pretend Graph: pages, nested groups, managers, and refusals in Graph's shape."""

from typing import Any

import httpx
import pytest

from latchportal.devcloud import identity, world
from tests.devcloud.services import BASE, WORLD_FILE, browser


@pytest.fixture
def of() -> world.World:
    return world.load(WORLD_FILE)


def token_for(web: httpx.Client, resource: str) -> str:
    url = f"/msi/token?resource={resource}&api-version=2019-08-01"
    return str(web.get(url, headers={"X-IDENTITY-HEADER": identity.HEADER}).json()["access_token"])


@pytest.fixture
def web(of: world.World) -> httpx.Client:
    made = browser(of)
    made.headers["Authorization"] = "Bearer " + token_for(made, "https://graph.microsoft.com")
    return made


def every_page(web: httpx.Client, url: str) -> tuple[list[dict[str, Any]], int]:
    found: list[dict[str, Any]] = []
    pages = 0
    while url:
        answer = web.get(url)
        assert answer.status_code == 200, answer.text
        found += answer.json()["value"]
        pages += 1
        url = answer.json().get("@odata.nextLink", "")
        assert not url or url.startswith(BASE + "/v1.0/")
    return found, pages


def test_following_next_links_finds_everybody_once(web: httpx.Client, of: world.World) -> None:
    found, pages = every_page(web, "/v1.0/users?$select=id,accountEnabled,userType")
    assert pages > 1
    assert sorted(one["id"] for one in found) == sorted(person.oid for person in of.people)
    assert {one["id"] for one in found if not one["accountEnabled"]} == {of.person("dis").oid}
    assert {one["id"] for one in found if one["userType"] == "Guest"} == {of.person("gus").oid}


def test_select_and_expand_survive_the_next_link(web: httpx.Client, of: world.World) -> None:
    url = "/v1.0/users?$top=2&$select=id,displayName&$expand=manager($levels=1;$select=id,displayName)"
    found, pages = every_page(web, url)
    assert pages == 8
    by_id = {one["id"]: one for one in found}
    ada = by_id[of.person("ada").oid]
    assert ada["manager"]["id"] == of.person("mo").oid
    assert set(ada) == {"id", "displayName", "manager"}
    assert "manager" not in by_id[of.person("ines").oid]


def test_top_of_999_is_one_page_and_more_is_refused(web: httpx.Client) -> None:
    assert "@odata.nextLink" not in web.get("/v1.0/users?$top=999").json()
    for top in ("1000", "0", "many"):
        assert web.get(f"/v1.0/users?$top={top}").status_code == 400, top


def test_person_is_found_by_oid_and_by_upn(web: httpx.Client, of: world.World) -> None:
    ada = of.person("ada")
    for key in (ada.oid, ada.upn):
        assert web.get(f"/v1.0/users/{key}").json()["displayName"] == "Ada Lindqvist"
    # accountEnabled comes only when selected, as in Graph.
    assert "accountEnabled" not in web.get(f"/v1.0/users/{ada.oid}").json()


def test_missing_person_and_missing_manager_are_404(web: httpx.Client, of: world.World) -> None:
    for url in ("/v1.0/users/nobody@x.example", f"/v1.0/users/{of.person('ines').oid}/manager"):
        answer = web.get(url)
        assert answer.status_code == 404, url
        assert answer.json()["error"]["code"] == "Request_ResourceNotFound"
        assert {"date", "request-id"} <= set(answer.json()["error"]["innerError"])


def test_manager_is_a_directory_object(web: httpx.Client, of: world.World) -> None:
    manager = web.get(f"/v1.0/users/{of.person('ada').oid}/manager").json()
    assert manager["id"] == of.person("mo").oid
    assert manager["@odata.type"] == "#microsoft.graph.user"


def test_transitive_members_reach_into_nested_groups(web: httpx.Client, of: world.World) -> None:
    staff = of.group("all-staff").id
    found, pages = every_page(
        web, f"/v1.0/groups/{staff}/transitiveMembers?$select=id,accountEnabled,displayName"
    )
    assert pages > 1
    ids = [one["id"] for one in found]
    assert len(ids) == len(set(ids)), "yuki is in two nested groups and must come once"
    for key in ("ada", "sol", "tomas", "yuki", "leila"):
        assert of.person(key).oid in ids, key
    assert of.person("out").oid not in ids
    assert of.group("on-call").id in ids
    direct, _ = every_page(web, f"/v1.0/groups/{staff}/members")
    assert of.person("ada").oid not in [one["id"] for one in direct]
    people, _ = every_page(web, f"/v1.0/groups/{staff}/transitiveMembers/microsoft.graph.user")
    assert {one["@odata.type"] for one in people} == {"#microsoft.graph.user"}


def test_transitive_member_of_climbs_all_groups(web: httpx.Client, of: world.World) -> None:
    found, _ = every_page(web, f"/v1.0/users/{of.person('yuki').oid}/transitiveMemberOf")
    names = {one["displayName"] for one in found}
    assert names == {"on-call", "engineering", "all-staff", "database-admins"}


def test_group_is_found_by_name(web: httpx.Client, of: world.World) -> None:
    found, _ = every_page(web, "/v1.0/groups?$filter=displayName eq 'security'")
    assert [one["id"] for one in found] == [of.group("security").id]


@pytest.mark.parametrize(
    "url",
    [
        "/v1.0/users?$select=shoeSize",
        "/v1.0/users?$filter=contains(mail,'x')",
        "/v1.0/users?$expand=memberOf",
        "/v1.0/users?$orderby=mail",
        "/v1.0/users?$skiptoken=rubbish",
        "/v1.0/planets",
    ],
)
def test_what_is_not_offered_is_refused_not_ignored(web: httpx.Client, url: str) -> None:
    answer = web.get(url)
    assert answer.status_code == 400, answer.text
    assert "error" in answer.json()


def test_token_is_needed_and_must_be_meant_for_graph(web: httpx.Client) -> None:
    wrong = token_for(web, "https://management.azure.com")
    for header in ("", "Bearer rubbish", f"Bearer {wrong}", "Basic eDp5"):
        answer = web.get("/v1.0/users", headers={"Authorization": header})
        assert answer.status_code == 401, header[:12]
        assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"


def test_batch_answers_each_step(web: httpx.Client, of: world.World) -> None:
    steps = [
        {"id": "1", "method": "GET", "url": f"/users/{of.person('ada').oid}?$select=id"},
        {"id": "2", "method": "GET", "url": f"/users/{of.person('ines').oid}/manager"},
    ]
    answers = {
        one["id"]: one for one in web.post("/v1.0/$batch", json={"requests": steps}).json()["responses"]
    }
    assert answers["1"]["body"]["id"] == of.person("ada").oid
    assert answers["2"]["status"] == 404
    assert web.post("/v1.0/$batch", json={"requests": steps * 11}).status_code == 400


def test_ordered_throttling_ends_by_itself(web: httpx.Client) -> None:
    web.post("/_control/graph", json={"status": 429, "times": 2, "retry_after": 7})
    first, second, third = (web.get("/v1.0/users") for _ in range(3))
    assert [first.status_code, second.status_code, third.status_code] == [429, 429, 200]
    assert first.headers["retry-after"] == "7"


def test_graph_sees_a_change_at_once(web: httpx.Client, of: world.World) -> None:
    web.post("/_control/people/ada", json={"enabled": False, "manager": "olu"})
    ada = of.person("ada").oid
    assert web.get(f"/v1.0/users/{ada}?$select=accountEnabled").json()["accountEnabled"] is False
    assert web.get(f"/v1.0/users/{ada}/manager").json()["id"] == of.person("olu").oid
