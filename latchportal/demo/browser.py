"""A person's browser without a screen: pages, their links and forms, as HTML gives them. It knows none of our pages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

PATIENCE_SECONDS = 20
UNSEEN = ("script", "style", "template")


class Unexpected(Exception):
    """The site did not answer as a person would need it to. Its text says where and what was seen."""


@dataclass
class Form:
    """One form: where it goes, what it would send as it stands, its buttons and the choices it offers."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)  # name, value, words


@dataclass
class Page:
    """One answer of the site, as a person could read and use it."""

    address: str
    status: int
    text: str
    links: list[tuple[str, str]]  # words, address
    forms: list[Form]
    body: bytes

    def link(self, words: str) -> str:
        """Return where the first link with these words leads. Raises Unexpected where there is none."""
        for said, address in self.links:
            if words.lower() in said.lower():
                return address
        raise Unexpected(f"{self.address} has no link “{words}”. It says: {self.gist()}")

    def form(self, *, action: str = "", button: str = "", has: str = "") -> Form:
        """Return the first form whose action ends so, that has this button's words and this field."""
        for form in self.forms:
            words = " ".join(said for _, _, said in form.buttons).lower()
            if form.action.endswith(action) and button.lower() in words and (not has or has in form.fields):
                return form
        wanted = " ".join(word for word in (action, button, has) if word)
        raise Unexpected(f"{self.address} has no form for “{wanted}”. It says: {self.gist()}")

    def gist(self) -> str:
        """Return the beginning of what the page says."""
        return f"[{self.status}] {self.text[:700]}"


class Browser:
    """One person's session. Every answer but the ones asked for raises Unexpected."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.session = requests.Session()

    def get(self, address: str, *, good: tuple[int, ...] = (200,)) -> Page:
        """Return the page at this address, redirects followed."""
        url = urljoin(self.base, address)
        return self._page(self.session.get(url, timeout=PATIENCE_SECONDS), good)

    def submit(
        self, page: Page, form: Form, fields: Mapping[str, str], *, good: tuple[int, ...] = (200,)
    ) -> Page:
        """Return what follows from sending this form with these fields changed."""
        url = urljoin(page.address, form.action)
        data = {**form.fields, **fields}
        here = urlsplit(page.address)
        headers = {"Referer": page.address, "Origin": f"{here.scheme}://{here.netloc}"}
        if form.method == "get":
            answer = self.session.get(url, params=data, timeout=PATIENCE_SECONDS)
        else:
            answer = self.session.post(url, data=data, headers=headers, timeout=PATIENCE_SECONDS)
        return self._page(answer, good)

    def press(self, page: Page, button: str, *, action: str = "", **fields: str) -> Page:
        """Return what follows from pressing the button with these words, with its own name and value."""
        form = page.form(action=action, button=button)
        own = {name: value for name, value, words in form.buttons if name and button.lower() in words.lower()}
        return self.submit(page, form, {**own, **fields})

    def sign_in(self, person: str) -> Page:
        """Return the site's first page, signed in at the pretend Entra as the person with this object id."""
        page = self.get("/login/?next=/")
        page = self.submit(page, page.form(button=""), {"person": person})
        if not page.address.startswith(self.base):
            raise Unexpected(f"Signing in ended at {page.address}. It says: {page.gist()}")
        return page

    def _page(self, answer: requests.Response, good: tuple[int, ...]) -> Page:
        kind = answer.headers.get("Content-Type", "")
        reader = _Reader()
        if "html" in kind:
            reader.feed(answer.text)
        page = Page(
            address=answer.url,
            status=answer.status_code,
            text=" ".join(reader.said()) if "html" in kind else answer.text[:700],
            links=reader.links,
            forms=reader.forms,
            body=answer.content,
        )
        if answer.status_code not in good:
            raise Unexpected(f"{answer.request.method} {answer.url} was answered {page.gist()}")
        return page


class _Reader(HTMLParser):
    """Reads a page's words, links and forms."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._unseen = 0
        self._link: tuple[str, int] | None = None
        self._button: tuple[str, str, int] | None = None
        self._select = ""
        self._textarea: tuple[str, int] | None = None

    def said(self) -> Iterator[str]:
        """Return the page's words without the blanks between them."""
        return (word for text in self.words for word in text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of what opens."""
        found = {name: value or "" for name, value in attrs}
        here = len(self.words)
        if tag in UNSEEN:
            self._unseen += 1
        elif tag == "a" and found.get("href"):
            self._link = (found["href"], here)
        elif tag == "form":
            self._form = Form(found.get("action", ""), found.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form is not None:
            self._field(self._form, tag, found, here)

    def handle_endtag(self, tag: str) -> None:
        """Take note of what closes."""
        if tag in UNSEEN:
            self._unseen -= 1
        elif tag == "a" and self._link:
            self.links.append((self._since(self._link[1]), self._link[0]))
            self._link = None
        elif tag == "button" and self._button and self._form is not None:
            name, value, start = self._button
            self._form.buttons.append((name, value, self._since(start)))
            self._button = None
        elif tag == "textarea" and self._textarea and self._form is not None:
            self._form.fields[self._textarea[0]] = "".join(self.words[self._textarea[1] :]).strip()
            self._textarea = None
        elif tag == "select":
            self._select = ""
        elif tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        """Take note of words a person sees."""
        if not self._unseen:
            self.words.append(data)

    def _field(self, form: Form, tag: str, found: dict[str, str], here: int) -> None:
        name, value = found.get("name", ""), found.get("value", "")
        if tag == "button":
            self._button = (name, value, here)
        elif tag == "textarea" and name:
            self._textarea = (name, here)
        elif tag == "select" and name:
            self._select = name
            form.fields.setdefault(name, "")
        elif tag == "option" and self._select:
            form.choices.setdefault(self._select, []).append(value)
            if "selected" in found or not form.fields[self._select]:
                form.fields[self._select] = value
        elif tag == "input" and name:
            self._input(form, name, value, found)

    @staticmethod
    def _input(form: Form, name: str, value: str, found: dict[str, str]) -> None:
        kind = found.get("type", "text")
        if kind in ("submit", "image"):
            form.buttons.append((name, value, value))
        elif kind in ("radio", "checkbox"):
            form.choices.setdefault(name, []).append(value)
            if "checked" in found:
                form.fields[name] = value or "on"
        elif "disabled" not in found:
            form.fields[name] = value

    def _since(self, start: int) -> str:
        return " ".join("".join(self.words[start:]).split())
