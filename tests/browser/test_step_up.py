"""Proving more on the way to a database, in a browser: to Entra, back by Cancel, again, and the form is as it was typed."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.support.browser import number_of

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]
REASON = "The nightly import stands still, I look at the locks & the “stuck” job"
FORM = "/requests/new?entitlement=prod-db-01-psql"


def as_typed(page: Page) -> None:
    """Every field says what was typed."""
    expect(page.get_by_role("textbox", name="Reason")).to_have_value(REASON)
    expect(page.get_by_label("Ticket")).to_have_value("CHG-2214")
    expect(page.get_by_role("textbox", name="How long")).to_have_value("45m")


@pytest.mark.parametrize("scripts", [True, False])
def test_who_has_to_prove_more_comes_back_to_the_form_as_typed(visit: Visit, scripts: bool) -> None:
    tomas = visit("tomas", scripts=scripts)
    page = tomas.page
    page.goto(FORM)
    expect(page.get_by_role("button", name="Prove it now")).to_be_visible()
    tomas.fine()
    page.get_by_role("textbox", name="How long").fill("45m")
    page.get_by_role("textbox", name="Reason").fill(REASON)
    page.get_by_label("Ticket").fill("CHG-2214")
    page.get_by_role("button", name="Ask for access").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm with MFA")
    tomas.fine()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("your form is as you left it")).to_be_visible()
    as_typed(page)
    tomas.fine()

    page.get_by_role("button", name="Prove it now").click()
    page.get_by_role("button", name="Approve the sign-in").click()
    expect(page.get_by_text("You proved it")).to_be_visible()
    as_typed(page)
    tomas.fine()
    page.get_by_role("button", name="Ask for access").click()
    expect(page.get_by_text("Deciding now").first).to_be_visible()
    assert number_of(page)
