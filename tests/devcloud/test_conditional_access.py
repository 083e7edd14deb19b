"""Conditional Access of the pretend tenant: Microsoft's own table of who gets which context, and what Graph says of it."""

import json
from typing import Any

import httpx
import jwt
import pytest

from latchportal.devcloud import identity, world
from latchportal.devcloud.access_world import AccessPolicy
from latchportal.devcloud.conditional_access import ConditionalAccess, SignIn, conditional_access_of
from tests.devcloud.services import answered, authorize_url, redeem, sign_in

ARIEL, JAY = "ariel", "jay"
CONTEXTS, POLICIES = (
    f"/v1.0/identity/conditionalAccess/{name}"
    for name in ("authenticationContextClassReferences", "policies")
)


def asking(context: str, **more: Any) -> str:
    return json.dumps({"id_token": {"acrs": {"essential": True, "value": context, **more}}})


def claims_of(web: httpx.Client, of: world.World, code: str) -> dict[str, Any]:
    token = redeem(web, of, code).json()["id_token"]
    return dict(jwt.decode(token, options={"verify_signature": False}))


@pytest.fixture
def table(of: world.World) -> ConditionalAccess:
    """The two policies of Microsoft's page: A asks Jay alone for a second factor on c1, B blocks Ariel from c2 and c3."""
    made = conditional_access_of(of)
    both = (
        AccessPolicy("a", "A", "enabled", ("c1",), ("mfa",), (ARIEL,)),
        AccessPolicy("b", "B", "enabled", ("c2", "c3"), ("block",), (JAY,)),
    )
    made.policies = {policy.id: policy for policy in both}
    return made


@pytest.mark.parametrize(
    ("who", "mfa", "asked", "given"),
    [
        (ARIEL, False, "c1", "c1"),
        (ARIEL, False, "c2", "c1"),  # the page's "None": she is kept out before a token is made
        (ARIEL, False, "", "c1"),
        (JAY, False, "c1", "c2 c3"),  # likewise: without the second factor no token is made for c1
        (JAY, True, "c1", "c1 c2 c3"),
        (JAY, False, "c2", "c2 c3"),
        (JAY, True, "c2", "c1 c2 c3"),
        (JAY, True, "", "c1 c2 c3"),
        (JAY, False, "", "c2 c3"),
        (JAY, False, "c9", "c2 c3 c9"),
    ],
)
def test_who_is_given_which_context(
    table: ConditionalAccess, of: world.World, who: str, mfa: bool, asked: str, given: str
) -> None:
    found = table.given(of.apps[0].client_id, tuple(asked.split()), SignIn(who, mfa))
    assert found == given.split()


def test_an_app_that_takes_no_part_is_given_only_what_it_asked_for(
    table: ConditionalAccess, of: world.World
) -> None:
    app = of.apps[0].client_id
    table.optional_claims[app] = ("auth_time",)
    assert table.given(app, (), SignIn(JAY, mfa=True)) == []
    assert table.given(app, ("c1",), SignIn(JAY, mfa=True)) == ["c1"]


def test_a_context_without_a_policy_is_given_to_anybody_who_asks(web: httpx.Client, of: world.World) -> None:
    sent = sign_in(web, of, "ada", claims=asking("c2"))
    assert claims_of(web, of, sent["code"])["acrs"] == ["c2"]


@pytest.mark.parametrize("state", ["disabled", "enabledForReportingButNotEnforced"])
def test_a_policy_that_is_not_in_force_asks_for_nothing(
    web: httpx.Client, of: world.World, state: str
) -> None:
    assert web.post(
        "/_control/tenant", json={"policy": of.access_policies[0].name, "state": state}
    ).is_success
    assert claims_of(web, of, sign_in(web, of, "ada", claims=asking("c1"))["code"])["acrs"] == ["c1"]


def test_what_is_only_wished_for_keeps_nobody_out(web: httpx.Client, of: world.World) -> None:
    sent = sign_in(web, of, "ada", claims=asking("c1", essential=False))
    assert "acrs" not in claims_of(web, of, sent["code"])


def test_who_gave_a_second_factor_is_given_its_context_unasked(web: httpx.Client, of: world.World) -> None:
    sign_in(web, of, "ada", mfa="confirmed", claims=asking("c1"))
    again = answered(web.get(authorize_url(of)))
    assert claims_of(web, of, again["code"])["acrs"] == ["c1"]


def test_cancelling_is_told_to_the_app(web: httpx.Client, of: world.World) -> None:
    ada = of.person("ada").oid
    assert "Cancel" in web.post(authorize_url(of, claims=asking("c1")), data={"person": ada}).text
    form = {"person": ada, "step": "confirm", "mfa": "cancelled"}
    sent = answered(web.post(authorize_url(of, claims=asking("c1")), data=form))
    assert (sent["error"], sent["error_subcode"], sent["state"]) == ("access_denied", "cancel", "st4te")


def test_signing_in_anew_is_not_skipped_by_the_second_step(web: httpx.Client, of: world.World) -> None:
    sign_in(web, of, "ada", mfa="confirmed", claims=asking("c1"), code_challenge="x" * 43)
    form = {"person": of.person("ada").oid, "step": "confirm", "mfa": "confirmed"}
    for insist in ({"prompt": "login"}, {"max_age": "0"}):
        page = web.post(authorize_url(of, claims=asking("c1"), **insist), data=form)
        assert "Pick who you are" in page.text, insist


def test_a_blocked_person_is_told_by_entra_itself(web: httpx.Client, of: world.World, table: Any) -> None:
    page = web.post(authorize_url(of, claims=asking("c2")), data={"person": of.person("ada").oid})
    assert page.status_code == 400
    assert "AADSTS53003" in page.text


@pytest.mark.parametrize("claims", ["{", "[]", asking("c100"), asking("c1", essential="yes"), asking("<b>")])
def test_a_claims_parameter_that_makes_no_sense_is_refused(
    web: httpx.Client, of: world.World, claims: str
) -> None:
    assert "AADSTS9002313" in web.get(authorize_url(of, claims=claims)).text


def test_optional_claims_stand_in_a_token_only_where_they_were_set(
    web: httpx.Client, of: world.World
) -> None:
    web.post("/_control/tenant", json={"optional_claims": []})
    bare = claims_of(web, of, sign_in(web, of, "ada")["code"])
    assert not {"auth_time", "acct", "sid", "login_hint", "acrs"} & set(bare)
    web.delete("/_control/tenant")
    assert "auth_time" in claims_of(web, of, sign_in(web, of, "ada")["code"])


def read(web: httpx.Client, url: str) -> httpx.Response:
    """The answer of Graph to the world's managed identity."""
    ask = "/msi/token?resource=https://graph.microsoft.com&api-version=2019-08-01"
    token = web.get(ask, headers={"X-IDENTITY-HEADER": identity.HEADER}).json()["access_token"]
    return web.get(url, headers={"Authorization": f"Bearer {token}"})


def test_graph_tells_policies_and_contexts_to_who_may_read_them(web: httpx.Client, of: world.World) -> None:
    policy = read(web, POLICIES).json()["value"][0]
    assert policy["state"] == "enabled"
    assert policy["conditions"]["applications"]["includeAuthenticationContextClassReferences"] == ["c1"]
    assert policy["conditions"]["users"]["includeUsers"] == ["All"]
    assert [one["id"] for one in read(web, CONTEXTS).json()["value"]] == ["c1", "c2"]


@pytest.mark.parametrize(
    ("roles", "policies", "contexts"),
    [
        (["User.Read.All"], 403, 403),
        (["Policy.Read.All"], 200, 403),
        (["Policy.Read.ConditionalAccess"], 200, 200),
        ([], 403, 403),
    ],
)
def test_graph_refuses_who_may_not_read_them(
    web: httpx.Client, roles: list[str], policies: int, contexts: int
) -> None:
    web.post("/_control/tenant", json={"graph_roles": roles})
    assert (read(web, POLICIES).status_code, read(web, CONTEXTS).status_code) == (policies, contexts)
    if policies == 403:
        assert read(web, POLICIES).json()["error"]["code"] == "AccessDenied"
    assert read(web, "/v1.0/users").status_code == (200 if "User.Read.All" in roles else 403)


def test_graph_pages_policies_and_offers_no_more_than_it_says(web: httpx.Client, of: world.World) -> None:
    made = conditional_access_of(of)
    for number in range(7):
        made.policies[str(number)] = AccessPolicy(str(number), "More", "disabled", ("c3",), ("mfa",), ())
    first = read(web, POLICIES).json()
    rest = read(web, first["@odata.nextLink"]).json()
    assert len(first["value"]) + len(rest["value"]) == 8
    assert read(web, f"{POLICIES}?$expand=x").status_code == 400
    assert read(web, "/v1.0/identity/conditionalAccess/namedLocations").status_code == 400


@pytest.mark.parametrize(
    "order",
    [[], {"shoe": 42}, {"policy": "nobody"}, {"policy": "x", "state": "on"}, {"optional_claims": "acrs"},
     {"policy": "Second factor for dangerous doors", "contexts": ["c0"]}],
)  # fmt: skip
def test_a_senseless_order_changes_nothing(web: httpx.Client, order: Any) -> None:
    before = web.get("/_control/tenant").json()
    assert web.post("/_control/tenant", json=order).status_code in (400, 404)
    assert web.get("/_control/tenant").json() == before
