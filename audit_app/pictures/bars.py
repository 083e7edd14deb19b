"""A picture of bars as SVG, one a row: its name, what is said of it, and a bar. Colours are the style sheet's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

# Narrow, so that its words can be read on a telephone.
_WIDTH, _ROW, _BAR, _LETTERS = 340, 36, 10, 50
_LEAST: Final = 2.0


@dataclass(frozen=True)
class Bar:
    """One row: how much of the whole it is, in a number and in words; a whole that is drawn stands behind."""

    name: str
    much: float
    whole: float
    words: str


def bars(title: str, found: Sequence[Bar], *, wholes: bool = False) -> SafeString:
    """Return a bar for each row, from top to bottom; with `wholes` each lies in a paler one, of all it could be."""
    rows = format_html_join(
        "",
        '<text class="pic-text" x="0" y="{1}">{0}</text><text class="pic-said" x="{2}" y="{1}" text-anchor="end">{3}</text>'
        '<rect class="{4}" x="0" y="{5}" width="{2}" height="{6}" rx="3"></rect>'
        '<rect class="pic-door" x="0" y="{5}" width="{7}" height="{6}" rx="3"><title>{8}</title></rect>',
        (_row(bar, number, wholes) for number, bar in enumerate(found)),
    )
    return format_html(
        '<svg class="picture picture-bars" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        _WIDTH,
        _ROW * len(found),
        title,
        rows,
    )


def _row(bar: Bar, number: int, wholes: bool) -> tuple[object, ...]:
    room = _LETTERS - len(bar.words)
    name = bar.name if len(bar.name) <= room else f"{bar.name[: room - 1]}…"
    share = min(1.0, bar.much / bar.whole) if bar.whole else 0.0
    width = max(_LEAST, round(share * _WIDTH, 1)) if bar.much else 0
    behind = "pic-whole" if wholes else "pic-none"
    return (
        name,
        number * _ROW + 13,
        _WIDTH,
        bar.words,
        behind,
        number * _ROW + 18,
        _BAR,
        width,
        f"{bar.name}: {bar.words}",
    )
