"""The pretend Entra ID: whose browser is whose, and what signing out leaves."""

import httpx

from latchportal.devcloud import world
from tests.devcloud.services import CALLBACK, authorize_url, browser, services, sign_in


def test_sign_in_tells_the_proxy_who_browses_and_logout_forgets(web: httpx.Client, of: world.World) -> None:
    sign_in(web, of, "ada")
    assert web.cookies["latch_demo_person"] == of.person("ada").oid
    out = web.get(f"/{of.tenant.id}/oauth2/v2.0/logout", params={"post_logout_redirect_uri": CALLBACK})
    assert out.headers["location"] == CALLBACK
    assert "latch_demo_person" not in web.cookies
    assert web.get(authorize_url(of)).status_code == 200


def test_logout_never_redirects_to_a_foreign_site(web: httpx.Client, of: world.World) -> None:
    url = f"/{of.tenant.id}/oauth2/v2.0/logout"
    out = web.get(url, params={"post_logout_redirect_uri": "https://evil.example/"})
    assert out.status_code == 200
    assert "signed out" in out.text


def test_two_browsers_do_not_share_a_session(of: world.World) -> None:
    app = services(of)
    first, second = browser(of, app), browser(of, app)
    sign_in(first, of, "ada")
    assert second.get(authorize_url(of)).status_code == 200
