"""Longer, shorter, and all of it closed: by people in a browser, with the rule in the pretend Azure beside it."""

import re

import pytest
from playwright.sync_api import expect

from latchportal.demo.stack import Stack
from requests_app.targets.mark import read_end
from tests.browser import steps
from tests.browser.conftest import Visit
from tests.support.browser import Visitor, number_of

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]
APP, NSG = "SSH to prod-app-01", "nsg-prod-app"


def ask_for_more(ada: Visitor, number: int) -> int:
    """Return the number of the request for more time, made with the form on the page."""
    page = ada.page
    page.goto(f"/requests/{number}/")
    page.locator("summary", has_text="Extend").click()
    ada.fine()
    page.get_by_label("How much more").select_option(label="15 min more")
    page.locator("details[open]").get_by_label("Reason").fill("The import takes longer")
    page.get_by_role("button", name="Ask for more time").click()
    expect(page.get_by_text("Until it is agreed to, the end stays as it is")).to_be_visible()
    ada.fine()
    page.get_by_role("link", name="More time was asked for").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"More time for {APP}")
    ada.fine()
    return number_of(page)


def test_an_open_door_is_extended_shortened_and_closed_with_all_of_its_machine(
    stack: Stack, visit: Visit
) -> None:
    ada, mo, sol, adm = visit("ada"), visit("mo"), visit("sol"), visit("adm")
    steps.find(ada, APP)
    number = steps.ask(ada, duration="30m")
    steps.approve(mo, number)
    steps.approve(sol, number)
    steps.activate(ada, number)
    steps.wait_open(ada)
    (before,) = steps.rules(stack, NSG, number)

    more = ask_for_more(ada, number)
    for approver in (mo, sol):
        approver.page.goto("/inbox/")
        expect(steps.card_of(approver.page, more)).to_contain_text("45 min in all")
        approver.fine()
        steps.approve(approver, more)
    ada.page.goto(f"/requests/{number}/")
    expect(ada.page.locator("[data-left]")).to_have_text(re.compile(r"^4\d:\d\d left$"))
    (after,) = steps.rules(stack, NSG, number)
    assert after["name"] == before["name"], "another rule was written"
    ends = [read_end(rule["description"]) for rule in (before, after)]
    assert ends == sorted(ends, key=str), "Azure tells of an earlier end"
    assert ends[0] != ends[1], "Azure was not told"

    mo.page.goto(f"/requests/{number}/")
    mo.page.locator("summary", has_text="Shorten").click()
    mo.page.get_by_label("Close it in").select_option(label="10 min")
    mo.page.locator("details[open]").get_by_label("Reason").fill("That is enough")
    mo.page.get_by_role("button", name="Close it sooner").click()
    expect(mo.page.get_by_text("closes sooner now")).to_be_visible()
    mo.fine()

    adm.page.goto(f"/requests/{number}/")
    adm.page.get_by_role("link", name="Everything on prod-app-01").click()
    expect(adm.page.get_by_role("main")).to_contain_text(APP)
    adm.fine()
    adm.page.get_by_label("Why?").fill("The machine is being rebuilt")
    adm.page.get_by_role("button", name="Close everything on prod-app-01 now").click()
    expect(adm.page.get_by_text("1 revoked")).to_be_visible()
    steps.wait_closed(ada)
    assert not steps.rules(stack, NSG, number)
