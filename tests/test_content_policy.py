"""The content policy: strict everywhere, and django-unfold's own under /admin/ alone."""

from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
STRICT = {
    "default-src": {"'none'"},
    "script-src": {"'self'"},
    "style-src": {"'self'"},
    "object-src": {"'none'"},
    "base-uri": {"'none'"},
    "frame-ancestors": {"'none'"},
}
PAGES = ("/", "/catalogue/", "/inbox/", "/status/", "/audit/events/", "/audit/exports/", "/no-such-page/")


def policy_of(answer: Any) -> dict[str, set[str]]:
    header = answer.headers["Content-Security-Policy"]
    parts = (part.split() for part in header.split(";") if part.strip())
    return {name: set(values) for name, *values in parts}


def assert_strict(answer: Any) -> None:
    policy = policy_of(answer)
    assert {name: policy.get(name) for name in STRICT} == STRICT
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_the_strict_policy(administrator: Any, client_for: Any, path: str) -> None:
    assert_strict(client_for(administrator).get(path))


@pytest.mark.parametrize("path", ["/login/", "/", "/audit/events/"])
def test_who_is_not_signed_in_gets_the_strict_policy(client: Client, path: str) -> None:
    assert_strict(client.get(path))


@pytest.mark.parametrize("path", ["/audit/stories/admin/", "/audit/events/?actor=/admin/", "/administer/"])
def test_an_address_that_only_sounds_like_the_admin_is_strict(
    administrator: Any, client_for: Any, path: str
) -> None:
    assert_strict(client_for(administrator).get(path))


@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/requests_app/resource/", "/admin/requests_app/resource/add/"]
)
def test_the_admin_has_a_policy_of_its_own_and_no_more_than_it_needs(
    administrator: Any, client_for: Any, path: str
) -> None:
    policy = policy_of(client_for(administrator).get(path))
    assert "'unsafe-eval'" in policy["script-src"], "Alpine compiles its expressions"
    assert "'unsafe-inline'" not in policy["script-src"], "an inline script would run in the admin"
    assert policy["style-src"] == {"'self'", "'unsafe-inline'"}
    others = {"default-src", "object-src", "base-uri", "frame-ancestors"}
    assert {name: policy[name] for name in others} == {name: STRICT[name] for name in others}
    fetched = {value for name, values in policy.items() if name != "form-action" for value in values}
    assert not [value for value in fetched if "//" in value or "*" in value], "something comes from elsewhere"


@pytest.mark.parametrize("path", ["/audit/events/", "/audit/exports/"])
def test_audit_pages_hold_no_inline_script_style_or_handler(auditor: Any, client_for: Any, path: str) -> None:
    page = client_for(auditor).get(path).content.decode()
    for inline in ("<script>", "<style", " style=", " onclick=", "javascript:"):
        assert inline not in page, f"{inline} would be blocked by the policy"
