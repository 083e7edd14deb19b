"""A real browser for the tests: Chromium found and started, one person's window in it, and what no page may do.

Pages are known elsewhere (tests/browser). A machine without a browser fails the tests; it does not skip them.
"""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from latchportal.demo.stack import Stack
from tests.support.organisation import the_world

# Without a screen to draw for, the shell needs two thirds of the processor that the whole browser does.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 20_000
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
# What every page met is looked at in, and with which of axe's rules: colours differ by scheme alone, and looking at
# them is most of the work; what stands where differs by width alone.
LOOKS: tuple[tuple[Any, Any, Any], ...] = (
    (WIDE, "light", {}),
    (WIDE, "dark", {"runOnly": ["color-contrast"]}),
    (NARROW, "light", {"rules": {"color-contrast": {"enabled": False}}}),
)
TELL_OF_VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`content policy: ${event.violatedDirective} refused ${event.blockedURI} ${event.sample}`));"""
# What Tab has to reach; an element without a box can not be seen, and need not be reached.
REACHABLE = """() => [...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')]
  .filter((it) => !it.disabled && it.tabIndex >= 0 && it.checkVisibility({visibilityProperty: true}))"""
MARK_REACHED = "document.activeElement?.setAttribute('data-reached', '')"
UNREACHED = "(it) => !it.hasAttribute('data-reached')"
GIST = "(it) => it.outerHTML.slice(0, 120)"


class NoBrowser(Exception):
    """There is no Chromium on this machine; the text says how to get one."""


def chromium_path(own: Path) -> str:
    """Return where Chromium is: on PATH, else Playwright's own. Raises NoBrowser."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    if own.exists():
        return str(own)
    raise NoBrowser(
        f"The browser tests need a Chromium: none of {', '.join(NAMES)} is on PATH, and Playwright's own is not "
        f"at {own}. `make browser` installs one."
    )


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """A headless Chromium, without any connection of its own, until the block ends."""
    with sync_playwright() as playwright:
        path = chromium_path(Path(playwright.chromium.executable_path))
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        expect.set_options(timeout=PATIENCE_MS)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One person's own window: signed in through Entra's page, watched for whatever a page should not do."""

    came_in = False

    def __init__(self, browser: Browser, stack: Stack, key: str, *, scripts: bool = True) -> None:
        self.person = the_world().person(key)
        self.base, self.scripts = stack.base_url, scripts
        self.complaints: list[str] = []
        self.context = browser.new_context(
            base_url=self.base, viewport=WIDE, java_script_enabled=scripts, reduced_motion="reduce"
        )
        self.context.set_default_timeout(PATIENCE_MS)
        if scripts:
            self.context.add_init_script(TELL_OF_VIOLATIONS)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))

    def sign_in(self) -> Page:
        """Return the first page of the site, come to by Entra's page to pick a person."""
        # The way in is the same for everybody: it is looked at once.
        look, Visitor.came_in = not Visitor.came_in, True
        self.page.goto("/login/")
        if look:
            self.fine()
        self.page.get_by_role("button", name="Sign in with Entra ID").click()
        if look:
            self.fine()
        self.page.locator(f'button[value="{self.person.oid}"]').click()
        self.page.wait_for_url(f"{self.base}/")
        return self.page

    def fine(self) -> None:
        """The page as it is has nothing that axe finds, and does not scroll sideways: light, dark, wide, narrow."""
        found: list[str] = []
        for viewport, scheme, rules in LOOKS if self.scripts else ():
            self.page.set_viewport_size(viewport)
            self.page.emulate_media(color_scheme=scheme)
            found += [f"{scheme}, {viewport['width']} px: {words}" for words in self._faults(rules)]
        self.page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        self.page.emulate_media(color_scheme="light")
        assert not found, f"{self.page.url} is not fine:\n" + "\n".join(found)

    def _faults(self, rules: dict[str, Any]) -> Iterator[str]:
        wide = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wide > 0:
            yield f"it scrolls sideways by {wide} px"
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        # Only what it has against the page: to say of everything else that it is in order took as long as looking.
        options = json.dumps({**rules, "resultTypes": ["violations"]})
        for violation in self.page.evaluate(f"axe.run({options}).then((found) => found.violations)"):
            places = ", ".join(str(node["target"]) for node in violation["nodes"][:4])
            yield f"{violation['id']}: {violation['help']} ({places})"

    def unreached_by_tab(self) -> list[str]:
        """Return what Tab, pressed from the page's beginning until it is through, does not come to."""
        self.page.evaluate("document.activeElement?.blur()")
        # A field for a date takes a press for each of its parts.
        for _ in range(2 * self.page.evaluate(f"({REACHABLE})().length") + 20):
            self.page.keyboard.press("Tab")
            if not self.page.evaluate(f"{MARK_REACHED}; ({REACHABLE})().some({UNREACHED})"):
                return []
        return list(self.page.evaluate(f"({REACHABLE})().filter({UNREACHED}).map({GIST})"))

    def close(self) -> None:
        """The window is closed, and no page in it made an error or met its content policy. Raises AssertionError."""
        self.context.close()
        assert not self.complaints, "\n".join(self.complaints)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")


def number_of(page: Page) -> int:
    """Return the number of the request whose page this is."""
    match = re.search(r"/requests/(\d+)/$", page.url)
    assert match, f"{page.url} is no request's page"
    return int(match[1])


def closed_all(visitors: list[Visitor]) -> None:
    """Every window is closed; the first complaint of any is raised when all are."""
    first: Any = None
    for visitor in visitors:
        try:
            visitor.close()
        except AssertionError as error:
            first = first or error
    if first:
        raise first
