"""The main story in a real browser, on real processes: every person in a window of their own."""

import csv
import io
import re

import pytest
from playwright.sync_api import Browser, expect

from latchportal.demo.stack import Stack
from tests.browser import steps
from tests.browser.conftest import Visit
from tests.support.browser import Visitor, number_of
from tests.support.organisation import the_world

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]

WEB, WEB_NSG = "SSH to prod-web-01", "nsg-prod-web"
STAGING, STAGING_NSG = "SSH to stg-web-01", "nsg-stg-web"


def address(key: str) -> str:
    return the_world().person(key).address


def see_the_preview_change(ada: Visitor) -> None:
    """What stands beside the form follows what is typed: refused, incomplete, allowed; with stages and rule."""
    page, preview = ada.page, ada.page.locator("#preview")
    for words in ("Mo Adeyemi", "Sol Marchetti", WEB_NSG, "10.20.1.4", address("ada")):
        expect(preview).to_contain_text(words)
    page.get_by_role("textbox", name="How long").fill("9h")
    expect(preview).to_contain_text("Not possible as it stands")
    page.get_by_role("button", name="30 min").click()
    expect(preview).to_contain_text("still needed")
    page.get_by_role("textbox", name="Reason").fill(steps.REASON)
    expect(preview).to_contain_text("You may ask for this")
    ada.fine()


def approve_by_keys(mo: Visitor, number: int) -> None:
    """The manager comes to the request with j, opens denying, leaves it, and approves with a and Enter."""
    page = mo.page
    page.goto("/inbox/")
    mo.fine()
    card = steps.card_of(page, number)
    rows = page.locator("[data-inbox-row]").count()
    for _ in range(rows):
        page.keyboard.press("j")
    page.keyboard.press("k")
    for _ in range(rows):
        if card.evaluate("card => card === document.activeElement"):
            break
        page.keyboard.press("j")
    expect(card).to_be_focused()
    page.keyboard.press("d")
    expect(card.locator("textarea:focus")).to_have_attribute("required", "")
    mo.fine()
    page.keyboard.press("Escape")
    expect(card).to_be_focused()
    page.keyboard.press("a")
    expect(card.locator("button:focus")).to_contain_text("Approve 30 min for Ada Lindqvist")
    page.keyboard.press("Enter")
    expect(page.get_by_text("“Security” decides next")).to_be_visible()
    mo.fine()


def use_a_code(ada: Visitor, number: int) -> None:
    """The code is shown once, on no page again, and spent."""
    page = ada.page
    page.goto("/")
    card = page.locator("article.door-ready", has=page.locator(f"a[href='/requests/{number}/']"))
    expect(card.get_by_role("button", name="Activate now")).to_be_visible()
    ada.fine()
    page.goto(f"/requests/{number}/")
    ada.fine()
    page.get_by_role("button", name="Get code").click()
    expect(page.locator("#latch-code")).to_contain_text(re.compile(r"^ey[\w-]+\.[\w-]+\.[\w-]+$"))
    code = page.locator("#latch-code").inner_text()
    assert code not in page.url
    ada.fine()
    page.goto(f"/requests/{number}/")
    assert code not in page.content(), "the code is shown a second time"
    page.goto("/activate/")
    ada.fine()
    page.get_by_label("Latch code").fill(code)
    page.get_by_role("button", name="Activate", exact=True).click()
    expect(page.get_by_text("Activated. It is opening")).to_be_visible()


def watch_it_open(ada: Visitor, stack: Stack, chromium: Browser, number: int) -> None:
    """The page counts down, and the pretend Azure's own page shows the rule."""
    steps.wait_open(ada)
    left = ada.page.locator("[data-left]")
    expect(left).to_have_text(re.compile(r"^(30:00|29:\d\d) left$"))
    before = left.inner_text()
    expect(left).not_to_have_text(before)
    ada.fine()
    (rule,) = steps.rules(stack, WEB_NSG, number)
    assert rule["sourceAddressPrefix"].removesuffix("/32") == address("ada")
    assert rule["destinationAddressPrefix"].removesuffix("/32") == "10.20.1.4"
    assert rule["destinationPortRange"] == "22"
    azure = chromium.new_page()
    azure.goto(stack.azure_url)
    expect(azure.locator("main")).to_contain_text(rule["name"])
    azure.close()


def prove(aud: Visitor, number: int) -> None:
    """The auditor filters the trail to this request, reads its story, and downloads it."""
    page = aud.page
    page.goto("/audit/events/")
    aud.fine()
    page.locator("details summary", has_text="More filters").click()
    page.get_by_label("Request", exact=False).last.fill(str(number))
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(f"**story={number}**")
    expect(page.locator(".audit-table")).to_contain_text(WEB)
    aud.fine()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Export what is filtered").click()
    text = downloading.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    kinds = [row["kind"] for row in rows if not row["kind"].startswith("alert.")]
    assert kinds[0] == "request.submitted"
    assert kinds[-1] == "grant.closed"
    assert "grant.ended" in kinds
    came_from = {row["actor"]: row["source_address"] for row in rows if row["kind"].startswith("decision.")}
    assert sorted(came_from.values()) == sorted([address("mo"), address("sol")])
    page.goto("/audit/exports/")
    aud.fine()
    steps.compare_with_azure(aud, number)


def test_story_from_asking_to_proof(stack: Stack, chromium: Browser, visit: Visit) -> None:
    ada = visit("ada")
    ada.fine()
    steps.find(ada, WEB)
    see_the_preview_change(ada)
    number = steps.ask(ada, duration="30m")
    ada.fine()
    steps.wait_mail(stack, "mo@northwind-harbour.example", number)
    approve_by_keys(visit("mo"), number)
    steps.wait_mail(stack, "sol@northwind-harbour.example", number)
    steps.approve(visit("sol"), number)
    use_a_code(ada, number)
    watch_it_open(ada, stack, chromium, number)
    ada.page.goto("/")
    # Other tests may have left other doors of hers open.
    door = ada.page.locator("article.door", has=ada.page.locator(f"a[href='/requests/{number}/']"))
    expect(door.locator("[data-countdown]")).to_be_visible()
    ada.fine()
    ada.page.goto(f"/requests/{number}/")
    steps.end_now(ada)
    steps.wait_closed(ada)
    assert steps.rules(stack, WEB_NSG, number) == [], (
        "the page says that it is closed, and Azure still has the rule"
    )
    ada.fine()
    prove(visit("aud"), number)


def test_administrator_revokes_what_is_open(stack: Stack, visit: Visit) -> None:
    ada, adm = visit("ada"), visit("adm")
    steps.find(ada, STAGING)
    number = steps.ask(ada, duration="30m")
    steps.approve(visit("mo"), number)
    steps.activate(ada, number)
    steps.wait_open(ada)
    adm.page.goto("/status/")
    adm.fine()
    adm.page.goto(f"/requests/{number}/")
    adm.fine()
    adm.page.locator("summary", has_text="Revoke").click()
    adm.page.get_by_role("textbox", name="Reason").fill("The machine is being replaced")
    adm.page.get_by_role("button", name="Revoke it now").click()
    expect(adm.page.get_by_text("Revoked.", exact=False).first).to_be_visible()
    steps.wait_closed(ada)
    expect(ada.page.get_by_text("The machine is being replaced").first).to_be_visible()
    assert steps.rules(stack, STAGING_NSG, number) == []


def test_story_works_without_scripts(stack: Stack, visit: Visit) -> None:
    ada = visit("ada", scripts=False)
    steps.find(ada, WEB)
    ada.page.get_by_role("textbox", name="Reason").fill(steps.REASON)
    ada.page.get_by_role("button", name="Preview").click()
    expect(ada.page.locator("#preview")).to_contain_text("You may ask for this")
    expect(ada.page.locator("#preview")).to_contain_text(address("ada"))
    number = steps.ask(ada, duration="30m")
    for key in ("mo", "sol"):
        steps.approve(visit(key, scripts=False), number)
    steps.activate(ada, number)
    steps.wait_open(ada)
    assert len(steps.rules(stack, WEB_NSG, number)) == 1
    steps.end_now(ada)
    steps.wait_closed(ada)
    assert steps.rules(stack, WEB_NSG, number) == []
    steps.compare_with_azure(visit("aud", scripts=False), number)


def test_page_says_by_itself_that_the_time_was_up(stack: Stack, visit: Visit) -> None:
    ada = visit("ada")
    steps.find(ada, STAGING)
    number = steps.ask(ada, duration="20s")
    steps.approve(visit("mo"), number)
    steps.activate(ada, number)
    steps.wait_open(ada)
    ada.page.evaluate("window.neverReloaded = true")
    steps.wait_closed(ada)
    expect(ada.page.locator("article.door")).to_contain_text("Time was up")
    assert ada.page.evaluate("window.neverReloaded"), "the page was loaded anew"
    assert number_of(ada.page) == number
    assert steps.rules(stack, STAGING_NSG, number) == []


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("ada", "/"),
        ("ada", "/catalogue/?q=web"),
        ("ada", "/requests/new?entitlement=prod-web-01-ssh"),
        ("ada", "/activate/"),
        ("mo", "/inbox/"),
        ("adm", "/status/"),
        ("aud", "/audit/events/"),
        ("aud", "/audit/exports/"),
    ],
)
def test_tab_comes_to_everything(key: str, path: str, visit: Visit) -> None:
    visitor = visit(key)
    visitor.page.goto(path)
    assert visitor.unreached_by_tab() == []
