"""The main story, told through HTTP as people would: ask, approve twice, activate, open, close, prove.

Each step raises Unexpected, in words, when the site does not do its part. Printing is the caller's.
"""

import csv
import io
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import requests

from latchportal.demo.browser import Browser, Page, Unexpected
from latchportal.demo.stack import Stack
from latchportal.demo.surroundings import WORLD
from latchportal.devcloud import world

T = TypeVar("T")
LOOK_SECONDS = 0.05
ENTITLEMENT, NAME = "prod-web-01-ssh", "SSH to prod-web-01"
NSG, DESTINATION, PORT = "nsg-prod-web", "10.20.1.4", "22"
CONNECT = "ssh azureuser@prod-web-01.northwind-harbour.example"
REASON = "Web workers restart in a loop since the last release"
# What the trail must hold of one request that was used and ran out, in this order.
STEPS = (
    "request.submitted",
    "stage.started",
    "decision.approved",
    "stage.approved",
    "stage.started",
    "decision.approved",
    "stage.approved",
    "request.approved",
    "grant.issued",
    "code.minted",
    "code.spent",
    "grant.activated",
    "grant.opened",
    "grant.expired",
    "grant.closed",
)


@dataclass
class Story:
    """One request from asking to proof, on a running stack."""

    stack: Stack
    seconds: int = 25
    number: int = 0
    rule_name: str = ""
    events: list[dict[str, str]] = field(default_factory=list)
    grant: dict[str, str] = field(default_factory=dict)
    _people: dict[str, Browser] = field(default_factory=dict)

    def person(self, key: str) -> Browser:
        """Return this person's browser, signed in."""
        if key not in self._people:
            browser = Browser(self.stack.base_url)
            browser.sign_in(world.load(WORLD).person(key).oid)
            self._people[key] = browser
        return self._people[key]

    @property
    def address(self) -> str:
        """Where the request's own page is."""
        return f"/requests/{self.number}/"

    def find(self) -> Page:
        """Ada finds the entitlement in the catalogue and follows it to the form."""
        catalogue = self.person("ada").get("/catalogue/?q=prod-web-01")
        if NAME not in catalogue.text:
            raise Unexpected(f"The catalogue does not offer “{NAME}”. It says: {catalogue.gist()}")
        link = next((to for _, to in catalogue.links if f"entitlement={ENTITLEMENT}" in to), "")
        return self.person("ada").get(link or catalogue.link(NAME))

    def preview(self, page: Page) -> Page:
        """Ada sees before asking which stages decide and the rule that will be written."""
        form = page.form(has="submission_key")
        data = {"duration": f"{self.seconds}s", "reason": REASON, "preview": "1"}
        seen = self.person("ada").submit(page, form, data)
        for word in ("Manager", "Security", NSG, DESTINATION, world.load(WORLD).person("ada").address):
            if word not in seen.text and not any(
                word in value for form in seen.forms for value in form.fields.values()
            ):
                raise Unexpected(f"The preview does not say “{word}”. It says: {seen.gist()}")
        return seen

    def ask(self, page: Page) -> None:
        """The request waits for its first stage."""
        form = page.form(has="submission_key")
        answer = self.person("ada").submit(page, form, {"duration": f"{self.seconds}s", "reason": REASON})
        parts = answer.address.rstrip("/").split("/")
        if parts[-2:-1] != ["requests"] or not parts[-1].isdigit():
            raise Unexpected(f"Asking led to {answer.address}. It says: {answer.gist()}")
        self.number = int(parts[-1])

    def approve(self, key: str) -> None:
        """This person finds the request in their inbox, and approves it."""
        browser = self.person(key)
        inbox = browser.get("/inbox/")
        # Others may wait there as well.
        if not any(self.address in to for _, to in inbox.links):
            raise Unexpected(f"Request {self.number} is not in the inbox of {key}. It says: {inbox.gist()}")
        browser.press(browser.get(self.address), "Approve", action="/decide", vote="approve")

    def get_code(self) -> Page:
        """Ada gets the latch code, shown this once."""
        page = self.person("ada").get(self.address)
        shown = self.person("ada").press(page, "Get code", action="/code")
        if not any(form.fields.get("code") for form in shown.forms):
            raise Unexpected(f"No latch code was shown. The page says: {shown.gist()}")
        return shown

    def activate(self, page: Page) -> None:
        """Ada spends the code; from here on it opens by itself."""
        self.person("ada").press(page, "Activate")

    def rules(self) -> list[dict[str, Any]]:
        """Return the portal's rules in the NSG, as the pretend Azure holds them."""
        answer = requests.get(f"{self.stack.azure_url}/_control/nsgs", timeout=10)
        groups = [nsg for nsg in answer.json()["nsgs"] if nsg["name"] == NSG]
        ours = [rule for nsg in groups for rule in nsg["rules"] if rule["name"].startswith("latch-")]
        return [rule for rule in ours if f"req={self.number}" in rule["description"].split()]

    def wait_open(self) -> dict[str, Any]:
        """Return the rule, written into the pretend Azure, once the page says that it is open."""
        rule = until(lambda: next(iter(self.rules()), None), "a rule in Azure", 30)
        expected = {
            "access": "Allow",
            "direction": "Inbound",
            "sourceAddressPrefix": world.load(WORLD).person("ada").address,
            "destinationAddressPrefix": DESTINATION,
            "destinationPortRange": PORT,
        }
        wrong = {name: rule.get(name) for name, value in expected.items() if plain(rule.get(name)) != value}
        if wrong:
            raise Unexpected(f"The rule in Azure differs from what was asked for: {wrong}")
        self.rule_name = str(rule["name"])
        self.wait_state("Open")
        if CONNECT not in self.person("ada").get(self.address).text:
            raise Unexpected(f"The page does not say how to connect: {CONNECT}")
        return rule

    def wait_closed(self) -> None:
        """The rule is gone from Azure and the page says that the grant is closed."""
        self.wait_gone()
        self.wait_state("Closed")

    def wait_gone(self) -> None:
        """The rule is gone from Azure."""
        until(lambda: not self.rules(), "the rule's removal from Azure", self.seconds + 60)

    def wait_state(self, words: str, *, seconds: float = 30) -> None:
        """Ada's page of the request shows this state."""
        ada, badge = self.person("ada"), re.compile(rf"{re.escape(NAME)} {words}\b")
        until(lambda: badge.search(ada.get(self.address).text), f"the page saying “{words}”", seconds)

    def mailed(self, recipients: set[str]) -> bool:
        """Every one of these got a mail about what was asked for."""
        return until(lambda: recipients <= self._recipients(), f"mails to {recipients}", 30)

    def prove(self) -> None:
        """The auditor finds every step in the trail, in order, and downloads it."""
        self.events = self._export(f"/audit/events/?story={self.number}", "events")
        # An alert that looks at several stories ("asked for again and again") may stand in this one; it is no step of it.
        kinds = [row["kind"] for row in self.events if not row["kind"].startswith("alert.")]
        if kinds != list(STEPS):
            raise Unexpected(f"The trail's steps are {kinds}, and should be {list(STEPS)}.")

    def moment(self, kind: str) -> datetime:
        """Return when the trail says that this happened, the last time."""
        return max(datetime.fromisoformat(row["at"]) for row in self.events if row["kind"] == kind)

    def summary(self) -> dict[str, Any]:
        """Return the story's times by the trail, and how late it closed."""
        opened = next(row for row in self.events if row["kind"] == "grant.opened")
        expires = datetime.fromisoformat(json.loads(opened["data"])["expires_at"])
        closed = self.moment("grant.closed")
        return {
            "requested_at": self.moment("request.submitted").isoformat(),
            "approved_at": self.moment("request.approved").isoformat(),
            "opened_at": self.moment("grant.opened").isoformat(),
            "expires_at": expires.isoformat(),
            "closed_at": closed.isoformat(),
            "close_lag_s": round((closed - expires).total_seconds(), 3),
        }

    def _recipients(self) -> set[str]:
        mails = [file.read_text(encoding="utf-8") for file in self.stack.mails.glob("*")]
        single = [mail for text in mails for mail in text.split("-" * 79)]
        about = [mail for mail in single if NAME in mail]
        lines = [line for mail in about for line in mail.splitlines() if line.startswith("To: ")]
        return {line.removeprefix("To: ").strip() for line in lines}

    def _export(self, address: str, what: str) -> list[dict[str, str]]:
        browser = self.person("aud")
        page = browser.get(address)
        answer = browser.press(page, "Export", action="/exports/new")
        rows = list(csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig"))))
        if not rows:
            raise Unexpected(f"The CSV of {what} is empty: {answer.gist()}")
        return rows


def plain(value: object) -> str:
    """Return an address or port as it stands, without the mask of a single one."""
    return str(value).removesuffix("/32")


def until(look: Callable[[], T | None], what: str, seconds: float) -> T:
    """Return what `look` found, once it finds something. Raises Unexpected after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        if time.monotonic() > end:
            raise Unexpected(f"Waited {seconds:.0f} s in vain for {what}.")
        time.sleep(LOOK_SECONDS)
