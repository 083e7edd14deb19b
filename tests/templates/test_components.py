"""Every component with its documented parameters says its words and keeps to the content policy."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import render_to_string

from tests.templates.samples import CODE, END, NOW, components, person

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
STATIC = TEMPLATES.parent / "latchportal" / "static" / "latch"
PAGES = sorted(path for path in TEMPLATES.rglob("*.html") if "emails" not in path.parts)
REQUEST_STATES = ("pending", "returned", "approved", "denied", "withdrawn", "lapsed")
STAGE_STATES = ("waiting", "active", "cancelled")
GRANT_STATES = ("issued", "opening", "open", "extending", "closing", "closed")
REVIEW_STATES = ("undecided", "keep", "remove", "applied")
STATES = REQUEST_STATES + STAGE_STATES + GRANT_STATES + REVIEW_STATES
FORBIDDEN = {
    "an inline style": re.compile(r"<[^>]*\sstyle\s*=", re.I),
    "a style element": re.compile(r"<style\b", re.I),
    "an inline script": re.compile(r"<script\b(?![^>]*\bsrc=)", re.I),
    "an event attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.I),
    "a javascript: address": re.compile(r"javascript:", re.I),
    "htmx code to evaluate": re.compile(r"\bhx-on\b|hx-vals=.?js:", re.I),
}


def faults(html: str) -> list[str]:
    """What the strict content policy would refuse in this HTML, in words."""
    return [what for what, pattern in FORBIDDEN.items() if pattern.search(html)]


def render(name: str, context: dict[str, Any]) -> str:
    """The component's HTML."""
    return render_to_string(f"components/{name}.html", context)


def test_every_component_has_a_sample_and_every_sample_a_component() -> None:
    assert {path.stem for path in (TEMPLATES / "components").glob("*.html")} == set(components())


@pytest.mark.parametrize("name", sorted(components()))
def test_component_says_what_it_was_given_and_keeps_to_the_content_policy(name: str) -> None:
    context, words = components()[name]
    html = render(name, context)
    missing = [word for word in words if word not in html]
    assert not missing, f"{name} does not show {missing}"
    assert faults(html) == [], f"{name} holds what the content policy refuses"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_template_source_keeps_to_the_content_policy(path: Path) -> None:
    assert faults(path.read_text()) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_components_are_included_with_only(path: Path) -> None:
    includes = re.findall(r'{% include "components/[^%]*%}', path.read_text())
    assert [include for include in includes if not include.endswith(" only %}")] == []


def test_every_component_names_its_parameters_at_the_top() -> None:
    for path in (TEMPLATES / "components").glob("*.html"):
        text = re.sub(r"^({% load [^%]*%})?\s*", "", path.read_text())
        assert text.startswith(f"{{# {path.stem}: "), f"{path.name} does not begin with its parameters"


def test_every_icon_that_is_named_exists() -> None:
    known = set(re.findall(r'id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
    text = "".join(path.read_text() for path in PAGES)
    named = set(re.findall(r'{% icon name="([\w-]+)"', text))
    named |= set(re.findall(r'{% badge tone="\w+" icon="([\w-]+)"', text))
    assert named
    assert named <= known


@pytest.mark.parametrize("state", STATES)
def test_state_is_said_by_word_and_icon_beside_colour(state: str) -> None:
    html = render("state_badge", {"state": state})
    assert "#question" not in html or state == "returned", f"{state} is not known to the badge"
    assert re.search(r"</svg>\s*[A-Z]", html), f"{state} has no word beside its icon"


def test_unknown_state_is_shown_as_it_is() -> None:
    assert "tomorrow" in render("state_badge", {"state": "tomorrow"})


def test_countdown_without_script_says_the_end_and_then_that_it_is_over() -> None:
    assert "closes <time" in re.sub(r"\s+", " ", render("countdown", {"end": END, "now": NOW}))
    assert "Time is up, closing" in render("countdown", {"end": NOW, "now": END})


def test_code_panel_without_a_code_offers_one_and_holds_none() -> None:
    html = render("code_panel", {"get_url": "/get", "activate_url": "/a", "csrf_token": "t"})
    assert "Get code" in html
    assert CODE not in html
    assert 'name="code"' not in html


def test_forms_of_components_carry_the_token_they_were_handed() -> None:
    token = "t" * 32
    for name in ("confirm_form", "code_panel", "person_menu"):
        html = render(name, {**components()[name][0], "csrf_token": token})
        posts = html.count('method="post"')
        assert html.count(f'name="csrfmiddlewaretoken" value="{token}"') == posts, name


def test_text_of_people_is_escaped() -> None:
    context = {
        "events": [{"at": NOW, "sentence": "<b>x</b>", "actor": "<i>", "detail": "<script>1</script>"}]
    }
    html = render("timeline", context)
    assert "<b>" not in html
    assert "<script" not in html


def test_rule_without_a_number_says_when_it_is_chosen() -> None:
    html = render("rule_card", {"rule": {"container": "nsg-a", "priority": None, "problem": "Not read yet."}})
    assert "chosen when it opens" in html
    assert "Not read yet." in html


def test_frame_renders_for_nobody_and_for_somebody() -> None:
    nobody = render_to_string("base.html", {})
    assert 'href="#main"' in nobody
    assert "Account menu" not in nobody
    somebody = render_to_string(
        "base.html", {"request": {"user": person(administrator=True)}, "overdue_count": 1}
    )
    assert "Administrator, Auditor" in somebody
    assert "1 opening is overdue" in somebody
    assert faults(nobody) == faults(somebody) == []


def test_frame_turns_off_what_htmx_would_evaluate_or_keep() -> None:
    html = render_to_string("base.html", {})
    for setting in ('"allowEval":false', '"includeIndicatorStyles":false', '"historyCacheSize":0'):
        assert setting in html
