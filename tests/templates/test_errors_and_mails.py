"""Error pages explain themselves without any context; mails exist in both forms and never carry a code."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template, render_to_string
from django.test import override_settings

from tests.templates.mail_samples import mails
from tests.templates.test_components import TEMPLATES, faults

STATUSES = ("400", "403", "404", "405", "409", "410", "422", "500", "503")


@pytest.mark.parametrize("status", STATUSES)
def test_error_page_explains_itself_without_request_or_context(status: str) -> None:
    html = get_template(f"errors/{status}.html").render()
    sections = re.findall(r"<h2>([^<]+)</h2>\s*<div>\s*(\S.*?)</div>", html, re.S)
    assert [title for title, _ in sections] == ["What happened", "Why", "What to do next"]
    assert status in html
    assert faults(html) == []


@pytest.mark.parametrize("name", ["400.html", "403.html", "403_csrf.html", "404.html", "500.html"])
def test_pages_stand_where_django_looks_for_them(name: str) -> None:
    assert "What to do next" in get_template(name).render()


@pytest.mark.parametrize("status", ["500", "503"])
def test_page_for_a_broken_portal_never_looks_at_the_person(status: str) -> None:
    class Untouchable:
        """Raises when anything is asked of it, as a person does without a database."""

        def __getattr__(self, name: str) -> object:
            raise RuntimeError(name)

    html = render_to_string(
        f"errors/{status}.html", {"request": {"user": Untouchable()}, "correlation_id": "0d9b"}
    )
    assert "0d9b" in html


@pytest.mark.parametrize("status", ["500", "503"])
@override_settings(ROOT_URLCONF="nowhere.urls")
def test_page_for_a_broken_portal_needs_no_table_of_addresses(status: str) -> None:
    assert "What to do next" in get_template(f"errors/{status}.html").render()


def test_domain_error_says_what_why_and_what_next_with_its_reference() -> None:
    words = {
        "status": 403,
        "title": "Not on your own request",
        "reason": "You asked for this yourself.",
        "check": "separation of duties",
        "way_on": "Ask a colleague.",
        "correlation_id": "0d9b4c3a",
        "back_url": "/inbox/",
    }
    html = render_to_string("error.html", words)
    assert [word for word in words.values() if str(word) not in html] == []


def test_domain_error_without_a_check_has_no_empty_why() -> None:
    assert "<h2>Why</h2>" not in render_to_string("error.html", {"status": 409, "title": "Stale"})


@pytest.mark.parametrize("kind", sorted(mails()))
def test_mail_leads_to_the_page_in_both_forms(kind: str) -> None:
    context = mails()[kind]
    plain = render_to_string(f"emails/{kind}.txt", context)
    rich = render_to_string(f"emails/{kind}.html", context)
    subject = render_to_string(f"emails/{kind}.subject.txt", context).strip()
    assert context["url"] in plain
    assert f'href="{context["url"]}"' in rich
    assert context.get("title", context["label"]) in subject
    assert "\n" not in subject
    assert "&lt;" not in plain, "plain text was escaped"
    assert "<full>" not in rich, "the reason was not escaped"


def test_no_mail_has_a_place_for_a_code() -> None:
    for path in Path(TEMPLATES / "emails").iterdir():
        names = set(re.findall(r"{{\s*([\w.]+)", path.read_text()))
        assert not {name for name in names if "code" in name or "token" in name}, path.name


@pytest.mark.parametrize(
    ("outcome", "word"), [("approved", "Activate it"), ("denied", "was denied by Sol Okafor")]
)
def test_decision_is_told_in_words(outcome: str, word: str) -> None:
    assert word in render_to_string("emails/decided.txt", {**mails()["decided"], "outcome": outcome})
