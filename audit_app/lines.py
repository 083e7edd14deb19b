"""The lines of an export: places and seals as JSON, written and read back. No file here.

    {"position": 7, "leaf": "…", "event": {…}, "personal": {…}, "salt": "…"}
    {"seal": "a compact JWS"}

Where the event is not what was sealed, or was erased, the line also holds its `commitments`, and under `sealed` its id
and times as they were. An event that is gone is `null`.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from typing import Any

from audit_app.chain import PERSONAL, PUBLIC, Evidence, Malformed, Seal
from audit_app.walk import Place, leaf_now


def event_line(place: Place) -> dict[str, Any]:
    """Return the line of one place."""
    event = place.event
    line: dict[str, Any] = {"position": place.position, "leaf": place.leaf.hex(), "event": None}
    if event is not None:
        salt = event.salt.hex() if event.salt is not None else None
        line |= {"event": dict(event.public), "personal": dict(event.personal), "salt": salt}
    if event is None or event.salt is None or leaf_now(place, event) != place.leaf:
        line["commitments"] = place.commitments.hex()
        line["sealed"] = {"uid": place.uid, "at": place.at, "written_at": place.written_at}
    return line


def read_place(line: Any) -> Place:
    """Return the place of a line; raises Malformed."""
    try:
        event = _event(line) if line["event"] is not None else None
        sealed = line.get("sealed") or line["event"]
        return Place(
            position=int(line["position"]),
            uid=str(sealed["uid"]),
            leaf=bytes.fromhex(line["leaf"]),
            commitments=bytes.fromhex(line.get("commitments", "")),
            at=str(sealed["at"]),
            written_at=str(sealed["written_at"]),
            event=event,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"this is no line of an event: {error}") from None


def seal_line(token: str) -> dict[str, Any]:
    """Return the line of a signed seal."""
    return {"seal": token}


def read_seal(token: Any) -> tuple[Seal, str]:
    """Return the seal a token holds, its signature not yet looked at; raises Malformed."""
    try:
        middle = str(token).split(".")[1]
        return Seal.from_bytes(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4))), str(token)
    except (IndexError, binascii.Error):
        raise Malformed("this is no signed seal") from None


def read(lines: Iterable[bytes]) -> Iterator[Place | tuple[Seal, str]]:
    """Yield what these lines hold; raises Malformed, with the line's number."""
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            yield read_seal(line["seal"]) if "seal" in line else read_place(line)
        except (ValueError, TypeError) as error:
            raise Malformed(f"line {number}: {error}") from None


def _event(line: Any) -> Evidence:
    public = {name: line["event"][name] for name in PUBLIC}
    personal = {name: line["personal"][name] for name in PERSONAL}
    texts = [*public.values(), *(value for value in personal.values() if value is not None)]
    if any(not isinstance(value, str | int) for value in texts) or set(line["event"]) != set(PUBLIC):
        raise Malformed("its fields are not those of an event")
    return Evidence(public, personal, None if line["salt"] is None else bytes.fromhex(line["salt"]))
