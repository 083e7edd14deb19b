"""The pretend Entra ID: what it puts into tokens, and what it refuses as Entra refuses it."""

import base64
import json
import time
from typing import Any

import httpx
import jwt
import pytest

from latchportal.devcloud import world
from tests.devcloud.services import (
    BASE,
    answered,
    authorize_url,
    redeem,
    sign_in,
)

ASK_C1 = json.dumps({"id_token": {"acrs": {"essential": True, "value": "c1"}}})


def id_claims(web: httpx.Client, of: world.World, tokens: dict[str, Any]) -> dict[str, Any]:
    configuration = web.get(f"/{of.tenant.id}/v2.0/.well-known/openid-configuration").json()
    keys = jwt.PyJWKSet.from_dict(web.get(configuration["jwks_uri"]).json())
    key = keys[jwt.get_unverified_header(tokens["id_token"])["kid"]]
    return jwt.decode(
        tokens["id_token"],
        key,
        algorithms=["RS256"],
        audience=of.apps[0].client_id,
        issuer=configuration["issuer"],
    )


def test_discovery_names_the_tenant_and_the_address_it_was_asked_at(
    web: httpx.Client, of: world.World
) -> None:
    made = web.get(f"/{of.tenant.id}/v2.0/.well-known/openid-configuration").json()
    assert made["issuer"] == f"{BASE}/{of.tenant.id}/v2.0"
    assert made["token_endpoint"] == f"{BASE}/{of.tenant.id}/oauth2/v2.0/token"


@pytest.mark.parametrize("tenant", ["common", "organizations"])
def test_multi_tenant_issuer_is_the_literal_template(web: httpx.Client, tenant: str) -> None:
    made = web.get(f"/{tenant}/v2.0/.well-known/openid-configuration").json()
    assert made["issuer"] == BASE + "/{tenantid}/v2.0"


def test_foreign_tenant_is_refused(web: httpx.Client) -> None:
    made = web.get("/11111111-2222-4333-8444-555555555555/v2.0/.well-known/openid-configuration")
    assert made.status_code == 400
    assert made.json()["error_codes"] == [90002]


def test_picking_a_person_ends_in_a_v2_id_token(web: httpx.Client, of: world.World) -> None:
    page = web.get(authorize_url(of))
    assert page.status_code == 200
    assert "Ada Lindqvist" in page.text
    assert "approver in stage Security" in page.text
    sent = sign_in(web, of, "ada")
    assert sent["state"] == "st4te"
    answer = redeem(web, of, sent["code"])
    assert answer.status_code == 200, answer.text
    claims, ada = id_claims(web, of, answer.json()), of.person("ada")
    assert claims["oid"] == ada.oid
    assert claims["tid"] == of.tenant.id
    assert claims["nonce"] == "n0nce"
    assert claims["ver"] == "2.0"
    assert claims["preferred_username"] == ada.upn
    assert claims["sub"] != ada.oid
    # Entra dates its tokens back by five minutes, so the sign-in is later than the token it led to.
    assert claims["iat"] < claims["auth_time"] <= time.time()
    assert claims["exp"] - claims["nbf"] == 3900
    assert claims["acct"] == 0
    assert not {"amr", "acrs", "roles", "groups"} & set(claims), (
        "claims that nobody asked for or that v2 never has"
    )


def test_app_roles_and_guest_flag_stand_in_the_token(web: httpx.Client, of: world.World) -> None:
    auditor = id_claims(web, of, redeem(web, of, sign_in(web, of, "aud")["code"]).json())
    assert auditor["roles"] == ["Latch.Auditor"]
    guest = id_claims(web, of, redeem(web, of, sign_in(web, of, "gus")["code"]).json())
    assert guest["acct"] == 1


def test_code_works_once(web: httpx.Client, of: world.World) -> None:
    code = sign_in(web, of, "ada")["code"]
    assert redeem(web, of, code).status_code == 200
    again = redeem(web, of, code)
    assert again.status_code == 400
    assert again.json()["error"] == "invalid_grant"
    assert again.json()["error_description"].startswith("AADSTS54005")


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"code_verifier": "w" * 64}, 501481),
        ({"code_verifier": ""}, 501481),
        ({"redirect_uri": "http://localhost:8000/elsewhere"}, 500112),
        ({"client_secret": "wrong"}, 7000215),
        ({"client_secret": ""}, 7000218),
        ({"client_id": "11111111-2222-4333-8444-555555555555"}, 700016),
        ({"code": "1.invented"}, 9002313),
        ({"grant_type": "password"}, 70003),
        ({"grant_type": ""}, 900144),
    ],
)
def test_wrong_redemption_is_refused(
    web: httpx.Client, of: world.World, change: dict[str, str], number: int
) -> None:
    answer = redeem(web, of, sign_in(web, of, "ada")["code"], **change)
    assert answer.status_code in (400, 401)
    assert answer.json()["error_codes"] == [number], answer.text
    assert {"trace_id", "correlation_id", "timestamp"} <= set(answer.json())


def test_client_secret_may_come_by_basic(web: httpx.Client, of: world.World) -> None:
    form = {"grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default"}
    url = f"/{of.tenant.id}/oauth2/v2.0/token"
    answer = web.post(url, data=form, auth=(of.apps[0].client_id, of.apps[0].client_secret))
    assert answer.status_code == 200, answer.text
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert claims["aud"] == "https://graph.microsoft.com"
    assert claims["oid"] == of.apps[0].object_id
    bad = web.post(
        url, data=form | {"scope": "User.Read"}, auth=(of.apps[0].client_id, of.apps[0].client_secret)
    )
    assert bad.json()["error"] == "invalid_scope"


@pytest.mark.parametrize(
    "address", ["https://evil.example/callback", "http://localhost.evil.example/", "javascript:alert(1)"]
)
def test_foreign_redirect_address_gets_a_page_and_no_redirect(
    web: httpx.Client, of: world.World, address: str
) -> None:
    answer = web.get(authorize_url(of, redirect_uri=address))
    assert answer.status_code == 400
    assert "AADSTS50011" in answer.text


def test_unknown_app_gets_a_page(web: httpx.Client, of: world.World) -> None:
    assert "AADSTS700016" in web.get(authorize_url(of, client_id="nobody")).text


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"prompt": "whatever"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
    ],
)
def test_bad_ask_is_told_to_the_app(
    web: httpx.Client, of: world.World, change: dict[str, str], error: str
) -> None:
    sent = answered(web.get(authorize_url(of, **change)))
    assert sent["error"] == error
    assert sent["state"] == "st4te"


def test_prompt_none_needs_a_session(web: httpx.Client, of: world.World) -> None:
    assert answered(web.get(authorize_url(of, prompt="none")))["error"] == "login_required"
    sign_in(web, of, "ada")
    assert "code" in answered(web.get(authorize_url(of, prompt="none")))


def test_session_goes_straight_through_only_for_the_hinted_person(web: httpx.Client, of: world.World) -> None:
    sign_in(web, of, "ada")
    assert "code" in answered(web.get(authorize_url(of, login_hint=of.person("ada").upn)))
    other = web.get(authorize_url(of, login_hint=of.person("mo").upn))
    assert other.status_code == 200
    assert other.text.index("Mo Adeyemi") < other.text.index("Ada Lindqvist"), "the hinted person comes first"
    mismatch = web.get(authorize_url(of, prompt="none", login_hint=of.person("mo").upn))
    assert answered(mismatch)["error"] == "login_required"


@pytest.mark.parametrize("more", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}])
def test_page_is_shown_again_when_the_app_insists(
    web: httpx.Client, of: world.World, more: dict[str, str]
) -> None:
    sign_in(web, of, "ada")
    assert web.get(authorize_url(of, **more)).status_code == 200


def test_authentication_context_is_met_by_a_second_step(web: httpx.Client, of: world.World) -> None:
    ada = of.person("ada").oid
    step = web.post(authorize_url(of, claims=ASK_C1), data={"person": ada})
    assert step.status_code == 200
    assert "Confirm with MFA" in step.text
    confirmed = web.post(
        authorize_url(of, claims=ASK_C1), data={"person": ada, "step": "confirm", "mfa": "confirmed"}
    )
    claims = id_claims(web, of, redeem(web, of, answered(confirmed)["code"]).json())
    assert claims["acrs"] == ["c1"]


def test_context_not_met_yet_cannot_be_had_silently(web: httpx.Client, of: world.World) -> None:
    sign_in(web, of, "ada")
    silent = answered(web.get(authorize_url(of, claims=ASK_C1, prompt="none")))
    assert silent["error"] == "interaction_required"


def test_script_meets_the_context_in_one_post(web: httpx.Client, of: world.World) -> None:
    sent = sign_in(web, of, "sol", mfa="confirmed", claims=ASK_C1)
    assert id_claims(web, of, redeem(web, of, sent["code"]).json())["acrs"] == ["c1"]


def test_disabled_person_cannot_sign_in(web: httpx.Client, of: world.World) -> None:
    answer = web.post(authorize_url(of), data={"person": of.person("dis").oid})
    assert answer.status_code == 400
    assert "AADSTS50057" in answer.text


def test_person_disabled_after_sign_in_gets_no_new_code_and_no_token(
    web: httpx.Client, of: world.World
) -> None:
    code = sign_in(web, of, "ada")["code"]
    assert web.post("/_control/people/ada", json={"enabled": False}).status_code == 200
    assert "AADSTS50057" in web.get(authorize_url(of)).text
    assert redeem(web, of, code).json()["error_codes"] == [50057]


@pytest.mark.parametrize(
    "order",
    [{"enabled": "no"}, {"manager": "nobody"}, {"groups_add": ["no-such-group"]}, {"shoe": 42}, []],
)
def test_senseless_control_order_is_refused_and_changes_nothing(web: httpx.Client, order: Any) -> None:
    before = web.get("/_control/people").json()
    assert web.post("/_control/people/ada", json=order).status_code == 400
    assert web.get("/_control/people").json() == before


def test_control_changes_last_until_reset(web: httpx.Client, of: world.World) -> None:
    order = {
        "manager": None,
        "roles": ["Latch.Admin"],
        "groups_add": ["security"],
        "groups_remove": ["engineering"],
    }
    changed = web.post("/_control/people/ada", json=order).json()
    assert changed["groups"] == ["security"]
    assert changed["manager"] is None
    assert "roles" in id_claims(web, of, redeem(web, of, sign_in(web, of, "ada")["code"]).json())
    people = {one["key"]: one for one in web.delete("/_control/people").json()["people"]}
    assert people["ada"]["groups"] == ["engineering"]


def test_unreadable_basic_header_is_an_error_of_the_caller(web: httpx.Client, of: world.World) -> None:
    header = "Basic " + base64.b64encode(b"\xff\xfe").decode()
    answer = web.post(
        f"/{of.tenant.id}/oauth2/v2.0/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": header},
    )
    assert answer.status_code == 401
