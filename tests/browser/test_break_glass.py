"""An emergency in a browser: who is on call breaks the glass, proves it at Entra, and is in; who was skipped sees it."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.steps import wait_open
from tests.support.browser import number_of

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]
WHY = "The shop is down and nobody answers the telephone"
LOUD = "Break the glass and open it now"


# Each breaks another pane: one at a time for each person and machine.
@pytest.mark.parametrize(("scripts", "who"), [(True, "leila"), (False, "yuki")])
def test_who_is_on_call_is_in_at_once_and_everybody_hears_of_it(
    visit: Visit, scripts: bool, who: str
) -> None:
    caller = visit(who, scripts=scripts)
    page = caller.page
    page.goto("/catalogue/")
    page.get_by_role("link", name="Emergency: break the glass").click()
    caller.fine()
    page.get_by_role("link", name="for SSH to prod-web-02").click()
    expect(page.get_by_text("They are told at once")).to_be_visible()
    caller.fine()
    page.get_by_label("Why it can not wait").fill(WHY)
    page.get_by_role("button", name=LOUD).click()

    page.get_by_role("button", name="Approve the sign-in").click()
    expect(page.get_by_text("Nothing is open yet")).to_be_visible()
    expect(page.get_by_label("Why it can not wait")).to_have_value(WHY)
    page.get_by_role("button", name=LOUD).click()
    expect(page.get_by_text("The glass is broken")).to_be_visible()
    number = number_of(page)
    wait_open(caller)
    caller.fine()

    skipped = visit("sol", scripts=scripts)
    skipped.page.goto("/inbox/")
    expect(skipped.page.get_by_role("heading", name="Opened without you")).to_be_visible()
    skipped.fine()
    skipped.page.locator(f'a[href="/requests/{number}/"]').click()
    skipped.page.get_by_role("link", name="Look at the review").click()
    expect(skipped.page.get_by_text("Judge for yourself")).to_be_visible()
    skipped.fine()
    auditor = visit("aud", scripts=scripts)
    auditor.page.goto("/audit/")
    auditor.page.locator(".stat-link").click()
    expect(auditor.page.get_by_text(WHY).first).to_be_visible()
