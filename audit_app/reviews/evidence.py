"""The evidence of a campaign as one ZIP: rows, decisions, reminders, which policy, proofs, and a signed manifest."""

import csv
import io
import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from django.db import transaction
from django.db.models import QuerySet

from audit_app import manifests, proofs
from audit_app.chain import canonical
from audit_app.clock import now
from audit_app.models import AccessReview, Event, ReviewItem
from audit_app.parties import Party
from audit_app.trail import record
from audit_app.verify import MANIFEST_FILE, PACK, PROOFS_FILE, TOLD_FILE

_TAKEN: Final = "review.evidence_taken"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_ROW: Final = (
    "person_label", "person_id", "right_label", "right_key", "resource_label", "recommendation",
    "recommendation_why", "reviewer_labels", "state", "decision", "decided_by_label", "decided_by_id", "decided_at",
    "reason", "applied_at", "applied_note",
)  # fmt: skip
_FACTS: Final = (
    "asked",
    "approved",
    "refused",
    "used",
    "minutes_used",
    "last_used",
    "last_sign_in",
    "overlapping",
    "giver",
    "since",
    "until",
    "lent_why",
)
_EVENT: Final = (
    "id", "uid", "at", "kind", "outcome", "actor_label", "actor_id", "subject_label", "subject_id", "object_label",
    "why", "correlation_id",
)  # fmt: skip


class NotSettled(Exception):
    """The evidence of a campaign was asked for before everything that it decided was carried out."""

    status = 409
    title = "Not everything is carried out"
    check = "every row carried out"
    way_on = "Removals take up to five minutes after the campaign was closed. Try again then."
    reason = "Some rows of this campaign are not settled yet."


def is_settled(review: AccessReview) -> bool:
    """Return whether the campaign is closed and nothing of it is left to be carried out."""
    moving = [ReviewItem.State.KEEP, ReviewItem.State.REMOVE]
    if review.silence != AccessReview.Silence.ASK_AGAIN:
        moving.append(ReviewItem.State.UNDECIDED)
    return review.state == AccessReview.State.CLOSED and not review.items.filter(state__in=moving).exists()


def is_ready(review: AccessReview) -> bool:
    """Return whether the evidence can be taken: everything is carried out, and all that was recorded of it is sealed."""
    return is_settled(review) and _is_sealed(review)


def _is_sealed(review: AccessReview) -> bool:
    return proofs.is_sealed(_told(review).exclude(kind=_TAKEN))


def _told(review: AccessReview) -> QuerySet[Event]:
    return Event.objects.filter(story=review.story)


def pack(*, by: Party, review: AccessReview) -> bytes:
    """Return the evidence as a ZIP, and the trail says who took it. Raises NotSettled before everything is carried out.

    Also raises NotSealed for the moment until all of it is sealed, NoKey where the portal has nothing to sign with.
    """
    if not is_settled(review):
        raise NotSettled(NotSettled.reason)
    if not _is_sealed(review):
        raise proofs.NotSealed
    proved = list(proofs.of_story(review.story))
    sealed = {line["event"]["event"]["id"] for line in proved if "event" in line}
    files = {
        "campaign.json": _json(_campaign(review)),
        "rows.csv": _csv((*_ROW, *_FACTS), _rows(review)),
        TOLD_FILE: _csv((*_EVENT, "data"), _events(review, sealed)),
        PROOFS_FILE: b"".join(canonical(line) + b"\n" for line in proved),
    }
    manifest = {
        "format": PACK,
        "title": review.title,
        "campaign": str(review.uid),
        "made_by": {"id": by.id, "label": by.label},
        "policy_hash": review.policy_hash,
        "files": {
            name: {"sha256": sha256(body).hexdigest(), "bytes": len(body)} for name, body in files.items()
        },
    }
    files[MANIFEST_FILE] = _json(manifests.signed(manifest))
    with transaction.atomic():
        record(
            _TAKEN,
            by=by,
            about=review.about(),
            data={"manifest_sha256": sha256(files[MANIFEST_FILE]).hexdigest()},
        )
    return _zip(files)


def _zip(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(ZipInfo(name, date_time=now().timetuple()[:6]), body, ZIP_DEFLATED)
    return out.getvalue()


def _campaign(review: AccessReview) -> dict[str, Any]:
    names = (
        "uid", "title", "source", "scope", "reviewers", "named", "escalate_to", "starts_at", "due_at", "recurrence",
        "remind_days", "silence", "state", "made_by_id", "made_by_label", "created_at", "opened_at", "reminded_at",
        "escalated_at", "closed_at", "closed_by_id", "closed_by_label", "closing_note", "policy_hash",
    )  # fmt: skip
    return {name: getattr(review, name) for name in names}


def _rows(review: AccessReview) -> Iterable[list[Any]]:
    for item in review.items.order_by("pk").iterator(chunk_size=1000):
        facts = [item.facts.get(name, "") for name in _FACTS]
        yield [*(getattr(item, name) for name in _ROW), *facts]


def _events(review: AccessReview, sealed: set[int]) -> Iterable[list[Any]]:
    """Return every event of the campaign: begun, reminded, each decision, what was undone, what was carried out.

    That somebody took the evidence a moment ago is told once it is sealed.
    """
    for event in _told(review).order_by("id").iterator(chunk_size=1000):
        if event.id not in sealed:
            continue
        yield [*(getattr(event, name) for name in _EVENT), json.dumps(event.data, sort_keys=True)]


def _csv(header: Iterable[str], rows: Iterable[list[Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    """Return the cell as text; what a spreadsheet would take for a formula gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, default=str, ensure_ascii=False).encode()
