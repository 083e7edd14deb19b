"""An inbox that fills and empties by itself, a mail's link on a phone, and what one wants to hear: in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from latchportal.demo.stack import Stack
from tests.browser import steps
from tests.browser.conftest import Visit
from tests.support.browser import NARROW, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]
DATABASE = "SSH to prod-app-02"
# The list asks every fifteen seconds.
SOON_MS = 40_000


def test_title_header_and_list_of_an_inbox_follow_what_happens_by_themselves(
    stack: Stack, visit: Visit
) -> None:
    ada, mo, sol = visit("ada"), visit("mo"), visit("sol")
    page = mo.page
    page.goto("/inbox/")
    before = page.locator("[data-inbox-row]").count()
    steps.find(ada, DATABASE)
    number = steps.ask(ada, duration="30m")
    expect(page).to_have_title(f"({before + 1}) Inbox · latchportal", timeout=SOON_MS)
    expect(page.locator("#inbox-count .count")).to_have_text(re.compile(rf"^{before + 1}\b"))
    expect(steps.card_of(page, number)).to_have_count(1)
    mo.fine()
    decide_from_the_mail_on_a_phone(mo, stack, number)
    page.goto("/inbox/")
    expect(page).to_have_title(re.compile(rf"^\({before}\) Inbox" if before else "^Inbox"))
    steps.wait_mail(stack, "sol@northwind-harbour.example", number)
    steps.approve(sol, number)
    steps.wait_mail(stack, "ada@northwind-harbour.example", number)


def decide_from_the_mail_on_a_phone(mo: Visitor, stack: Stack, number: int) -> None:
    """The mail's link leads to the decision, which stands first, within reach of a thumb."""
    steps.wait_mail(stack, "mo@northwind-harbour.example", number)
    page = mo.page
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    page.goto(f"/requests/{number}/")
    approve = page.get_by_role("button", name="Approve")
    expect(approve).to_be_in_viewport()
    approve.click()
    expect(page.get_by_text("“Security” decides next")).to_be_visible()
    mo.fine()


@pytest.mark.parametrize("scripts", [True, False], ids=["with_scripts", "without_scripts"])
def test_what_one_wants_to_hear_is_kept_and_taken_back(visit: Visit, scripts: bool) -> None:
    mo = visit("mo", scripts=scripts)
    page = mo.page
    page.goto("/")
    page.locator("details.menu summary").click()
    page.get_by_role("link", name="Notices").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Notices")
    mo.fine()
    group = page.get_by_role("group", name="My access is closed")
    group.get_by_label("Not at all").check()
    page.get_by_label("Quiet from").fill("22:00")
    page.get_by_label("Quiet to").fill("07:00")
    page.get_by_role("button", name="Keep this").click()
    expect(page.get_by_text("Kept.")).to_be_visible()
    expect(group.get_by_label("Not at all")).to_be_checked()
    expect(page.get_by_label("Quiet from")).to_have_value("22:00")
    page.get_by_role("button", name="Back to the start").click()
    expect(group.get_by_label("At once")).to_be_checked()
