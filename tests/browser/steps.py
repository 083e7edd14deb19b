"""What people do in the main story, in a real browser: each step one function, which sees that it happened."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from latchportal.demo.stack import Stack
from latchportal.demo.story import until
from tests.support.browser import Visitor, number_of
from tests.support.stacks import control

REASON = "Disk is full on the machine, the journal has to be cleared"


def find(visitor: Visitor, name: str) -> None:
    """The form for this entitlement is open, found by the catalogue's search."""
    page = visitor.page
    page.goto("/catalogue/")
    page.get_by_role("searchbox", name="Search").fill(name)
    if not visitor.scripts:
        page.get_by_role("button", name="Apply").click()
    expect(page.locator(".offer")).to_have_count(1)
    visitor.fine()
    page.get_by_role("link", name=f"Ask for {name}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Ask for {name}")


def ask(visitor: Visitor, *, duration: str) -> int:
    """Return the number of the request that was asked for with the form that is open."""
    page = visitor.page
    page.get_by_role("textbox", name="How long").fill(duration)
    page.get_by_role("textbox", name="Reason").fill(REASON)
    page.get_by_role("button", name="Ask for access").click()
    expect(page.get_by_text("Deciding now").first).to_be_visible()
    return number_of(page)


def approve(visitor: Visitor, number: int) -> None:
    """This person has approved this request, from the inbox, by the mouse."""
    page = visitor.page
    page.goto("/inbox/")
    card = card_of(page, number)
    card.locator("summary", has_text="Approve").click()
    card.locator("button", has_text="Approve").click()
    expect(page.get_by_text("Approved.", exact=False).first).to_be_visible()
    expect(card_of(page, number)).to_have_count(0)


def card_of(page: Page, number: int) -> Any:
    """Return the inbox's card of this request."""
    return page.locator("[data-inbox-row]", has=page.locator(f'a[href="/requests/{number}/"]'))


def activate(visitor: Visitor, number: int) -> None:
    """The right is activated, from the request's page, and the page says that it is opening or open."""
    visitor.page.goto(f"/requests/{number}/")
    visitor.page.get_by_role("button", name="Activate now").click()
    expect(visitor.page.get_by_text("Activated. It is opening")).to_be_visible()


def wait_open(visitor: Visitor) -> None:
    """The request's page, by itself or (without scripts) loaded anew, counts down beside an ssh line."""
    page = visitor.page
    if not visitor.scripts:
        until(
            lambda: page.reload() and page.locator("[data-countdown]").count(),
            "the page saying it is open",
            20,
        )
    expect(page.locator("[data-countdown]")).to_be_visible()
    expect(page.locator(".code-line code").first).to_contain_text(re.compile(r"^ssh \w+@[\w.-]+$"))


def wait_closed(visitor: Visitor) -> None:
    """The request's page, by itself or (without scripts) loaded anew, says that the rule is gone."""
    page, words = visitor.page, "The rule is gone from Azure"
    if not visitor.scripts:
        until(lambda: page.reload() and page.get_by_text(words).count(), "the page saying it is closed", 40)
    expect(page.get_by_text(words)).to_be_visible(timeout=60_000)


def compare_with_azure(auditor: Visitor, number: int) -> None:
    """The auditor sees what the portal wrote for this request beside what Azure's log has of it, below its story."""
    page, button = auditor.page, re.compile("^(Compare with Azure|Read again)")
    page.goto(f"/audit/stories/request-{number}/")
    if not auditor.scripts:
        page.get_by_role("link", name="Compare with Azure").click()
    page.get_by_role("button", name=button).click()
    section = page.locator("#activity")
    if not auditor.scripts:
        until(lambda: page.reload() and section.locator("table").count(), "what the worker read", 20)
    expect(section.get_by_text("In both").first).to_be_visible()
    for standing in ("Missing in Azure", "Not in the trail"):
        expect(section.get_by_text(standing, exact=True)).to_have_count(0)
    auditor.fine()


def end_now(visitor: Visitor) -> None:
    """The holder has ended what is open."""
    visitor.page.locator("summary", has_text="End now").click()
    visitor.page.get_by_role("button", name=re.compile(r"^End .* now$")).click()
    expect(visitor.page.get_by_text("is closing now, before its time")).to_be_visible()


def rules(stack: Stack, nsg: str, number: int) -> list[dict[str, Any]]:
    """Return the portal's rules in this group for this request, as the pretend Azure holds them."""
    found = [one for one in control(stack, "GET", "nsgs")["nsgs"] if one["name"] == nsg]
    ours = [rule for rule in found[0]["rules"] if rule["name"].startswith("latch-")]
    return [rule for rule in ours if rule["description"].endswith(f"req={number}")]


def wait_mail(stack: Stack, to: str, number: int) -> None:
    """This person got a mail about this request."""

    def there() -> bool:
        mails = [text for file in stack.mails.glob("*") for text in file.read_text("utf-8").split("-" * 79)]
        return any(f"To: {to}" in mail and f"X-Latch-Story: request-{number}\n" in mail for mail in mails)

    until(there, f"a mail to {to} about request {number}", 30)
