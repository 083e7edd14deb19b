"""Pictures as SVG: a day of open doors, the hours of a week. Colours are the style sheet's; a table says the same."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit_app.pictures.doors import DAY, Door

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WIDTH, _LEFT, _ROW = 960, 190, 22
_CELL, _GAP = 34, 3
_SHADES: Final = 5


def doors(found: Sequence[Door], moment: datetime, zone: str) -> SafeString:
    """Return a bar for each door over the last day, the newest on top; an open one reaches the right edge."""
    height = _ROW * len(found) + 26
    begin, across = moment - DAY, _WIDTH - _LEFT - 8

    def x(at: datetime) -> float:
        return round(_LEFT + max(0.0, (at - begin) / DAY) * across, 1)

    ticks = [begin + timedelta(hours=hours) for hours in range(0, 25, 4)]
    grid = format_html_join(
        "",
        '<line class="pic-grid" x1="{0}" x2="{0}" y1="0" y2="{1}"></line><text class="pic-text" x="{0}" y="{2}" '
        'text-anchor="{4}">{3}</text>',
        (
            (
                x(at),
                height - 22,
                height - 6,
                f"{at.astimezone(ZoneInfo(zone)):%H:%M}",
                "end" if at == moment else "middle",
            )
            for at in ticks
        ),
    )
    bars = format_html_join(
        "",
        '<text class="pic-text" x="0" y="{1}">{0}</text><rect class="{2}" x="{3}" y="{4}" width="{5}" height="{6}" '
        'rx="3"><title>{7}</title></rect>',
        (_bar(door, number, moment, x) for number, door in enumerate(found)),
    )
    return _svg(_WIDTH, height, "Open windows of the last 24 hours", grid, bars)


def _bar(door: Door, number: int, moment: datetime, x: Callable[[datetime], float]) -> tuple[object, ...]:
    left = x(door.opened_at)
    width = max(3.0, x(door.closed_at or moment) - left)
    until = f"{door.closed_at:%H:%M:%S}" if door.closed_at else "now"
    words = f"{door.what}, {door.whom}: {door.opened_at:%d %b %H:%M:%S} to {until} UTC"
    label = door.what if len(door.what) <= 26 else f"{door.what[:25]}…"
    kind = "pic-open" if door.closed_at is None else "pic-door"
    return label, number * _ROW + 15, kind, left, number * _ROW + 3, round(width, 1), _ROW - 7, words


def week(hours: dict[tuple[int, int], int]) -> SafeString:
    """Return a cell for each hour of the week, the fuller the more was asked in it; each cell holds its number."""
    most = max(hours.values(), default=0)
    left, top, step = 40, 18, _CELL + _GAP
    heads = format_html_join(
        "",
        '<text class="pic-text" x="{}" y="12" text-anchor="middle">{}</text>',
        ((left + hour * step + _CELL / 2, hour) for hour in range(24)),
    )
    names = format_html_join(
        "",
        '<text class="pic-text" x="0" y="{}">{}</text>',
        ((top + day * step + _CELL * 0.62, name) for day, name in enumerate(DAYS)),
    )
    cells = format_html_join(
        "",
        '<rect class="pic-shade-{}" x="{}" y="{}" width="{}" height="{}" rx="4"><title>{}</title></rect>'
        '<text class="pic-number" x="{}" y="{}" text-anchor="middle">{}</text>',
        (
            _cell(day, hour, hours.get((day, hour), 0), most, left, top)
            for day in range(1, 8)
            for hour in range(24)
        ),
    )
    return _svg(left + 24 * step, top + 7 * step, "Requests by hour and weekday", heads, names, cells)


def _cell(day: int, hour: int, times: int, most: int, left: int, top: int) -> tuple[object, ...]:
    step = _CELL + _GAP
    x, y = left + hour * step, top + (day - 1) * step
    shade = 0 if not times else 1 + round((_SHADES - 1) * times / most)
    words = f"{DAYS[day - 1]} {hour:02}:00: {times} request{'' if times == 1 else 's'}"
    return shade, x, y, _CELL, _CELL, words, x + _CELL / 2, y + _CELL * 0.62, times or ""


def _svg(width: int, height: int, title: str, *parts: SafeString) -> SafeString:
    return format_html(
        '<svg class="picture" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        width,
        height,
        title,
        format_html_join("", "{}", ((part,) for part in parts)),
    )
