"""Asserts that an action was refused: the error, its words, one line in the trail, and nothing changed."""

from collections import Counter

import pytest

from audit_app.lifecycle import Stale
from audit_app.models import Event
from requests_app.models import (
    AccessRequest,
    Grant,
    LatchCode,
    Opening,
    Stage,
)


def states():
    """Return everything a refusal must leave as it was."""
    return {
        "requests": list(
            AccessRequest.objects.order_by("pk").values_list("pk", "state", "decided_at", "lapses_at")
        ),
        "stages": list(Stage.objects.order_by("pk").values_list("pk", "state", "decided_at")),
        "grants": list(Grant.objects.order_by("pk").values_list("pk", "state", "ended_why")),
        "codes": list(LatchCode.objects.order_by("pk").values_list("pk", "spent_at", "revoked_at")),
        "openings": list(Opening.objects.order_by("pk").values_list("pk", "desired", "due_at")),
        "decisions": AccessRequest.objects.values_list("decisions").count(),
    }


def events():
    return Counter(Event.objects.values_list("kind", flat=True))


def refused(error, words, kind, act):
    """The action raises this error with these words, nothing has changed, and the trail has one line more: `kind`."""
    before, told = states(), events()
    with pytest.raises(error, match=words or None):
        act()
    assert states() == before, "a refusal changed something"
    assert events() - told == (Counter({kind: 1}) if kind else Counter()), "the trail does not say it"
    if kind:
        event = Event.objects.filter(kind=kind).first()
        assert event.outcome == "refused"
        assert event.why
        assert event.actor_id


def stale(act):
    """The action says that somebody was first, and nothing changed, neither in the rows nor in the trail."""
    refused(Stale, "Nothing was changed", "", act)
