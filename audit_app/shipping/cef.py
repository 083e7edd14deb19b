"""PURE: an event in the Common Event Format, inside a syslog line of RFC 5424. No socket is opened here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from audit_app.shipping.acts import act, cut, person, weight
from audit_app.shipping.asim import utc

if TYPE_CHECKING:
    from audit_app.models import Event

# RFC 5424: facility 13 is "log audit"; severities are informational, notice and warning.
_FACILITY: Final = 13
_SEVERITY: Final = {"success": 6, "refused": 5, "failure": 4}
# CEF: 0 to 10.
_CEF_SEVERITY: Final = {"success": 2, "refused": 5, "failure": 7}
_OUTCOME: Final = {"success": "success", "refused": "failure", "failure": "failure"}
_NOT_PRINTABLE: Final = re.compile(r"[^!-~]")
_LONGEST_MESSAGE: Final = 1023
_LONGEST_REASON: Final = 1023
_LONGEST_NAME: Final = 512


def line(event: Event, *, sentence: str, instance: str, version: str) -> str:
    """Return the event as one line of syslog, without framing."""
    priority = _FACILITY * 8 + _SEVERITY[weight(event.kind, event.outcome)]
    head = f"<{priority}>1 {utc(event.at)} {_word(instance, 255)} latchportal - {_word(event.kind, 32)} -"
    return f"{head} {cef(event, sentence=sentence, instance=instance, version=version)}"


def cef(event: Event, *, sentence: str, instance: str, version: str) -> str:
    """Return the event in CEF; `externalId` is the event's own id, the same at every repetition."""
    header = ("latchportal", "latchportal", version, event.kind, cut(sentence, _LONGEST_NAME))
    severity = _CEF_SEVERITY[weight(event.kind, event.outcome)]
    extension = _extension(event, f"{event.actor_label}: {sentence}", instance)
    pairs = " ".join(f"{key}={in_extension(value)}" for key, value in extension.items() if value)
    return f"CEF:0|{'|'.join(in_header(part) for part in header)}|{severity}|{pairs}"


def in_header(text: str) -> str:
    """Return the text as a field of the header: backslash and pipe escaped, on one line."""
    return re.sub(r"[\r\n]+", " ", text).replace("\\", "\\\\").replace("|", "\\|")


def in_extension(text: str) -> str:
    """Return the text as a value of the extension: backslash and equals sign escaped, line ends as \\n and \\r."""
    escaped = text.replace("\\", "\\\\").replace("=", "\\=")
    return escaped.replace("\r", "\\r").replace("\n", "\\n")


def _extension(event: Event, message: str, instance: str) -> dict[str, str]:
    actor_tenant, actor = person(event.actor_id)
    _, subject = person(event.subject_id)
    found = {
        "rt": str(int(event.at.timestamp() * 1000)),
        "externalId": str(event.uid),
        "act": act(event.kind),
        "outcome": _OUTCOME[event.outcome],
        "dvchost": instance,
        **_address(event.source_address or ""),
        "suid": actor,
        "suser": event.actor_label,
        "sntdom": actor_tenant,
        "duid": subject,
        "duser": event.subject_label,
        "msg": cut(message, _LONGEST_MESSAGE),
        "reason": cut(event.why, _LONGEST_REASON),
    }
    named = {
        "request": event.story,
        "correlationId": event.correlation_id,
        "resource": event.resource_label,
        "object": f"{event.object_kind} {event.object_id}".strip(),
    }
    for number, (label, value) in enumerate(named.items(), 1):
        if value:
            found |= {f"cs{number}Label": label, f"cs{number}": value}
    return {**found, "cn1Label": "number", "cn1": str(event.pk)}


def _address(source: str) -> dict[str, str]:
    """CEF's `src` is for IPv4 alone."""
    if ":" in source:
        return {"c6a2Label": "Source IPv6 Address", "c6a2": source}
    return {"src": source}


def _word(text: str, longest: int) -> str:
    """A word of the syslog header: printable ASCII without blanks, or the nil value."""
    return _NOT_PRINTABLE.sub("_", text)[:longest] or "-"
