"""The overview's pictures of bars, each with its table: the same figures twice. Counting is figures.py's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.utils.safestring import SafeString

from audit_app.pictures.bars import Bar, bars
from audit_app.pictures.figures import PERIOD, TOP, Figures
from audit_app.words import kind_label

_TOOK: Final = ("under 5 min", "5 to 15 min", "15 min to 1 h", "1 to 4 h", "4 to 24 h", "over a day")
_ALWAYS: Final = PERIOD / timedelta(minutes=1)


@dataclass(frozen=True)
class Picture:
    """A picture and the table that says the same; each row begins with its name."""

    title: str
    drawn: SafeString
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def table(self) -> list[list[tuple[str, str]]]:
        """Return the rows, each value with the head it stands under."""
        return [list(zip(self.heads, row, strict=True)) for row in self.rows]


def exposure(found: Figures) -> Picture | None:
    """Return how long each resource was open, against always open; None where nothing was opened."""
    shown = found.exposure[:TOP]
    title = "Minutes open, against always open"
    return _picture(
        title,
        [
            Bar(one.resource, one.minutes, _ALWAYS, f"{one.minutes:,.0f} min, {one.reduced:.2f} % shut")
            for one in shown
        ],
        ("Resource", "Openings", "Minutes open", "Shut, of the time"),
        [(one.resource, f"{one.openings}", f"{one.minutes:,.0f}", f"{one.reduced:.2f} %") for one in shown],
        wholes=True,
    )


def wanted(found: Figures) -> Picture | None:
    """Return which resources are asked for most; None where nothing was asked for."""
    most = max((one.asked for one in found.wanted), default=0)
    return _picture(
        "Requests by resource",
        [
            Bar(one.resource, one.asked, most, f"{one.asked:,} asked, {one.opened:,} opened")
            for one in found.wanted
        ],
        ("Resource", "Requests", "Openings", "People"),
        [(one.resource, f"{one.asked:,}", f"{one.opened:,}", f"{one.people:,}") for one in found.wanted],
    )


def took(found: Figures) -> Picture | None:
    """Return how many approvals took how long; None where nothing was approved."""
    if not found.decided:
        return None
    pairs = list(zip(_TOOK, found.took, strict=True))
    shares = [f"{100 * times / found.decided:.0f} %" for _, times in pairs]
    return _picture(
        "Approvals by how long they took",
        [
            Bar(name, times, max(found.took), f"{times:,} ({share})")
            for (name, times), share in zip(pairs, shares, strict=True)
        ],
        ("From asking to approval", "Requests", "Of all"),
        [(name, f"{times:,}", share) for (name, times), share in zip(pairs, shares, strict=True)],
    )


def refusals(found: Figures) -> Picture | None:
    """Return how often each check refused; None where nothing was refused."""
    # What no check names is told by its kind.
    named = [(kind_label(name) if "." in name else name, times) for name, times in found.refusals]
    most = max((times for _, times in named), default=0)
    return _picture(
        "Refusals by check",
        [Bar(name, times, most, f"{times:,}") for name, times in named],
        ("Check", "Refusals"),
        [(name, f"{times:,}") for name, times in named],
    )


def reviews(found: Sequence[tuple[str, int, int]]) -> SafeString:
    """Return how far these reviews are: title, rows decided, rows."""
    drawn = [Bar(title, decided, rows, f"{decided:,} of {rows:,} decided") for title, decided, rows in found]
    return bars("Reviews, by how much is decided", drawn, wholes=True)


def _picture(
    title: str,
    found: Sequence[Bar],
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    wholes: bool = False,
) -> Picture | None:
    return Picture(title, bars(title, found, wholes=wholes), heads, rows) if found else None
