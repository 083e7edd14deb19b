"""The small components that a page shows by the hundred, as tags: including a template for each costs ten times that.

templates/components/ says of each what it takes. Nothing here reads the database.
"""

from datetime import UTC, datetime

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

register = template.Library()
_STYLES = {"date": "%b %Y", "datetime": "%b %Y, %H:%M", "seconds": "%b %Y, %H:%M:%S"}


@register.simple_tag
def icon(name: str = "") -> SafeString:
    """Return one decorative icon of latch/icons.svg; a word stands beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("latch/icons.svg"),
        name,
    )


_icon = icon  # badge() has a parameter of that name, as its callers know it


@register.simple_tag
def badge(label: str = "", icon: str = "", tone: str = "") -> SafeString:
    """Return a word with an icon in a tone: good, wait, bad, accent or quiet."""
    mark = _icon(icon) if icon else ""
    return format_html('<span class="badge-state tone-{}">{}{}</span>', tone or "quiet", mark, label)


@register.simple_tag
def person(name: object = "", hint: str = "", plain: bool = False) -> SafeString:
    """Return a person's name with a monogram (unless plain) and, behind it, a hint."""
    words = str(name)
    mark = format_html('<span class="monogram" aria-hidden="true">{}</span>', words[:1])
    behind = format_html(' <span class="person-hint">{}</span>', hint) if hint else ""
    return format_html(
        '<span class="person">{}<span>{}{}</span></span>', "" if plain else mark, words, behind
    )


@register.simple_tag
def when(at: datetime | None = None, style: str = "") -> SafeString:
    """Return a moment in the server's zone as text; a script turns it into the reader's, with UTC on hover."""
    if not at:
        return format_html('<span class="soft">{}</span>', "never")
    utc, local = at.astimezone(UTC), localtime(at)
    style = style or "datetime"
    if style == "time":
        text = f"{local:%H:%M} {local.tzname()}"
    else:
        text = f"{local.day} {local.strftime(_STYLES.get(style, _STYLES['datetime']))}"
        text = f"{local:%a} {text}" if style == "weekday" else text
        text += "" if style == "date" else f" {local.tzname()}"
    return format_html(
        '<time data-when="{}" datetime="{}" title="{} UTC">{}</time>',
        style,
        f"{utc:%Y-%m-%dT%H:%M:%SZ}",
        f"{utc:%Y-%m-%d %H:%M:%S}",
        text,
    )
