"""Several things asked for, decided and opened together, by people in a browser, with a keyboard and without script."""

import pytest
from playwright.sync_api import expect

from tests.browser import steps
from tests.browser.conftest import Visit
from tests.support.browser import Visitor, number_of

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]
FIRST, SECOND, THIRD = "SSH to prod-web-01", "SSH to prod-app-02", "SSH to stg-web-02"


def tick(visitor: Visitor, *names: str) -> None:
    """These are ticked in the catalogue, each looked for by the search, and their form is open."""
    page = visitor.page
    page.goto("/catalogue/")
    for number, name in enumerate(names):
        if visitor.scripts:
            page.get_by_role("searchbox", name="Search").fill(name)
            expect(page.locator(".offer")).to_have_count(number + 1)
        page.get_by_label(name, exact=True).check()
    visitor.fine()
    page.get_by_role("button", name="Ask for the chosen ones").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Ask for {len(names)} things at once")
    visitor.fine()


def test_two_of_three_are_agreed_to_and_opened_with_one_press(visit: Visit) -> None:
    ada, mo, sol = visit("ada"), visit("mo"), visit("sol")
    tick(ada, FIRST, SECOND, THIRD)
    number = steps.ask(ada, duration="30m")
    ada.fine()

    mo.page.goto("/inbox/")
    mo.fine()
    expect(steps.card_of(mo.page, number)).to_have_count(1)
    mo.page.goto(f"/requests/{number}/")
    row = mo.page.locator("#decide li", has_text=SECOND)
    row.get_by_label("Leave out").check()
    row.get_by_label(f"Why {SECOND} is left out").fill("That one is not part of this ticket")
    mo.fine()
    mo.page.locator("#decide").get_by_role("button", name="Approve").click()
    expect(mo.page.get_by_text(f"Left out by {mo.person.name}").first).to_be_visible()
    mo.fine()

    steps.approve(sol, number)
    ada.page.goto("/")
    ada.fine()
    ada.page.get_by_role("button", name="Activate all 2 now").click()
    expect(ada.page.get_by_text("Activated. It is opening")).to_be_visible()
    for name in (FIRST, THIRD):
        door = ada.page.locator("article.door", has_text=name)
        expect(door.locator("[data-left]")).to_be_visible()
    ada.fine()


def test_several_are_ticked_with_the_keyboard_and_denied_for_one_reason(visit: Visit) -> None:
    ben, mo = visit("ben"), visit("mo")
    numbers = []
    for name in (FIRST, SECOND):
        steps.find(ben, name)
        numbers.append(steps.ask(ben, duration="30m"))
    page = mo.page
    page.goto("/inbox/")
    for number in numbers:
        steps.card_of(page, number).evaluate("(it) => { it.tabIndex = -1; it.focus(); }")
        page.keyboard.press("x")
        expect(steps.card_of(page, number).locator("[data-tick]")).to_be_checked()
    page.get_by_label("For all that are ticked").fill("A freeze until Monday")
    mo.fine()
    page.get_by_role("button", name="Deny ticked").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("2 of 2 denied")
    mo.fine()
    ben.page.goto("/")
    ben.page.get_by_role("link", name="Ask again").first.click()
    expect(ben.page.get_by_role("textbox", name="Reason")).to_have_value(steps.REASON)


def test_all_of_it_works_without_script(visit: Visit) -> None:
    ben, mo = visit("ben", scripts=False), visit("mo", scripts=False)
    tick(ben, THIRD, "SSH to stg-web-01")
    numbers = [steps.ask(ben, duration="30m")]
    steps.find(ben, THIRD)
    numbers.append(steps.ask(ben, duration="30m"))
    mo.page.goto("/inbox/")
    for number in numbers:
        steps.card_of(mo.page, number).locator("[data-tick]").check()
    mo.page.get_by_role("button", name="Approve ticked").click()
    expect(mo.page.get_by_role("heading", level=1)).to_have_text("2 of 2 approved")
    ben.page.goto(f"/requests/{numbers[0]}/")
    assert number_of(ben.page) == numbers[0]
    expect(ben.page.get_by_text("One code opens 2")).to_be_visible()
