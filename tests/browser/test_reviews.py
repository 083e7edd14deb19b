"""A campaign from its first click to the evidence pack, in a real browser: administrator, reviewer, the one it is about."""

import io
import re
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect

from latchportal.demo.stack import Stack
from tests.browser.conftest import Visit
from tests.support.browser import Visitor
from tests.support.stacks import run_task

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]
RESOURCE, RIGHT, WHY = "build-agent-01", "SSH to build-agent-01", "Builds run in the pipeline by now"


def make(adm: Visitor, title: str) -> str:
    """The administrator makes a campaign about one machine that names Mo; returns its address."""
    page = adm.page
    page.goto("/audit/reviews/")
    adm.fine()
    page.get_by_role("link", name="New review").click()
    adm.fine()
    page.get_by_label("Title").fill(title)
    page.get_by_text("Only some of it").click()
    page.get_by_role("checkbox", name=RESOURCE).check()
    page.get_by_label("Who is asked").select_option(label="People I name")
    page.get_by_role("group", name="The people I name").get_by_role("checkbox", name="Mo Adeyemi").check()
    page.get_by_role("button", name="Plan the review").click()
    expect(page.get_by_text("Planned. It begins within a minute")).to_be_visible()
    return page.url


def wait_until(visitor: Visitor, stack: Stack, address: str, shown: str) -> None:
    """The page comes to show this; the clock's next look at reviews, a minute away, is asked for now."""
    for _ in range(60):
        run_task(stack, "requests_app.reviews")
        visitor.page.wait_for_timeout(1000)
        visitor.page.goto(address)
        if visitor.page.locator(shown).count():
            return
    raise AssertionError(f"no {shown} came up:\n{visitor.page.locator('main').inner_text()}")


def remove_by_keys(mo: Visitor) -> None:
    """Mo comes to Priya's row with j, opens its removal with d, types why, and presses."""
    page = mo.page
    mo.fine()
    rows = page.locator("[data-inbox-row]")
    hers = rows.filter(has_text="Priya")
    for _ in range(rows.count() + 1):
        page.keyboard.press("j")
        if hers.evaluate("row => row === document.activeElement"):
            break
    expect(hers).to_be_focused()
    page.keyboard.press("d")
    expect(hers.locator("textarea")).to_be_focused()
    page.keyboard.type(WHY)
    hers.locator("form.confirm-panel button").press("Enter")
    expect(page.get_by_text("1 row removed.")).to_be_visible()
    mo.fine()


def keep_the_rest(visitor: Visitor, address: str) -> None:
    """All rows that wait for this person are chosen, and kept together."""
    page = visitor.page
    page.goto(address)
    for box in page.get_by_role("checkbox", name=re.compile("^Choose")).all():
        box.check()
    page.get_by_role("button", name="Keep the chosen").click()
    expect(page.get_by_text(re.compile(r"\d+ rows? kept\."))).to_be_visible()
    expect(page.locator("[data-inbox-row]")).to_have_count(0)


def test_campaign_runs_from_its_first_click_to_the_evidence_pack(visit: Visit, stack: Stack) -> None:
    adm = visit("adm")
    address = make(adm, "Build agents")
    wait_until(adm, stack, address, ".review-table")
    mo = visit("mo")
    mo.page.goto(address)
    expect(mo.page.get_by_role("navigation", name="Main").get_by_role("link", name="Reviews")).to_be_visible()
    remove_by_keys(mo)
    keep_the_rest(mo, address)
    # Nobody is asked about themself: Mo's own row came to whoever made the campaign.
    keep_the_rest(adm, address)
    adm.page.get_by_text("Sign off", exact=True).first.click()
    adm.fine()
    adm.page.locator("#sign-off form button").click()
    expect(adm.page.get_by_text("Signed off.")).to_be_visible()
    wait_until(adm, stack, address, "button:has-text('Evidence pack')")
    expect(adm.page.get_by_text("1 removed (1 carried out)")).to_be_visible()
    expect(adm.page.get_by_text("May not ask for it any more")).to_be_visible()
    adm.fine()
    with adm.page.expect_download() as downloading:
        adm.page.get_by_role("button", name="Evidence pack").click()
    pack = ZipFile(io.BytesIO(downloading.value.path().read_bytes()))
    assert WHY in pack.read("rows.csv").decode()
    priya = visit("priya")
    priya.page.goto("/catalogue/")
    expect(priya.page.get_by_role("heading", name="Taken away from you")).to_be_visible()
    expect(priya.page.get_by_role("heading", name=RIGHT)).to_have_count(0)
    priya.fine()
    adm.page.goto("/taken-away/")
    adm.fine()
    adm.page.get_by_text("Give back", exact=True).click()
    adm.page.get_by_label("Why? It stands in the trail.").fill("The pipeline is down")
    adm.page.get_by_role("button", name="Give it back").click()
    expect(adm.page.get_by_text("may ask for SSH to build-agent-01 again")).to_be_visible()
    priya.page.goto("/catalogue/")
    expect(priya.page.get_by_role("heading", name=RIGHT)).to_be_visible()
