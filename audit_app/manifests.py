"""Manifests of files that left the portal: what is in them, by whose word, signed. Checked by verify.py; no page here."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from audit_app import exports, sealing, signing
from audit_app.chain import canonical, instant
from audit_app.clock import now
from audit_app.jose import MANIFEST_TYPE
from audit_app.models import Export
from audit_app.verify import FILE


class NotFetched(Exception):
    """A manifest was asked for before its file was fetched whole: until then nobody knows what the file holds."""

    status = 409
    title = "Fetch the file first"
    check = "fetched whole"
    way_on = "Download the file to its end, then its manifest."
    reason = "This export was not fetched whole yet, so its digest and its rows are not known."


def of_export(made: Export, file: str = "") -> dict[str, Any]:
    """Return the signed manifest of an export as it was fetched last, whatever the file is called now.

    Raises NotFetched, and NoKey without a key.
    """
    if made.finished_at is None or not made.digest:
        raise NotFetched(NotFetched.reason)
    of = exports.dataset(made.dataset)
    return signed(
        {
            "format": FILE,
            "file": file or made.file_name,
            "sha256": made.digest,
            "bytes": made.size,
            "rows": made.rows,
            "form": made.form,
            "gzip": made.packed,
            "dataset": made.dataset,
            "filter": made.filters,
            "columns": {column.name: column.doc for column in of.columns},
            "asked_at": instant(made.created_at),
            "asked_by": {"id": made.made_by_id, "label": made.made_by_label},
            "fetched_at": instant(made.finished_at),
            "trail_up_to_event": made.last_event,
        }
    )


def signed(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return this with where and when it was signed, the trail's newest seal, and the signature; raises NoKey."""
    seal = sealing.last_seal()
    whole = {
        **said,
        "instance": settings.LATCH_INSTANCE,
        "signed_at": instant(now()),
        "seal": {"sequence": seal.sequence, "hash": seal.hash().hex()} if seal else None,
    }
    return {"manifest": whole, "signature": signing.signer().sign(canonical(whole), MANIFEST_TYPE)}
