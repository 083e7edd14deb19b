"""What notices are about, and what each person may choose of it. Pure: no Django.

A kind of notice that stands in no topic is sent at once, always: nobody loses what was forgotten here.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

APPROVAL_NEEDED: Final = "approval_needed"
SETTLED: Final = "settled"
OVERDUE: Final = "overdue"
# In no topic: nobody can put it off.
BREAK_GLASS: Final = "break_glass"
# What asks somebody to decide a stage, the first time or again; each says which by `stage_id`.
ASKING: Final = (APPROVAL_NEEDED,)
# What may go to a channel of many: it is not about what the reader holds.
ROUTED: Final = (*ASKING, OVERDUE, BREAK_GLASS)

NOW, DIGEST, OFF = "now", "digest", "off"
LEVELS: Final = {NOW: "At once", DIGEST: "In the digest", OFF: "Not at all"}


@dataclass(frozen=True)
class Topic:
    """One line of the page of notices: what it is about, which kinds, what may be chosen, whether quiet hours hold it."""

    name: str
    title: str
    kinds: tuple[str, ...]
    levels: tuple[str, ...]
    waits: bool
    note: str = ""


TOPICS: Final = (
    Topic("decide", "A request waits for my decision", ASKING, (NOW, DIGEST), waits=True),
    Topic(
        "settled", "Somebody else decided it, or nobody needs to", (SETTLED,), (NOW, DIGEST, OFF), waits=True
    ),
    Topic("question", "A question about my request", ("question", "nobody_there"), (NOW, DIGEST), waits=True),
    Topic(
        "remark",
        "A comment on a request of mine, or one I decide",
        ("remark",),
        (NOW, DIGEST, OFF),
        waits=True,
    ),
    Topic(
        "outcome",
        "My request was approved, denied or lapsed",
        ("decided", "lapsed", "withdrawn"),
        (NOW, DIGEST, OFF),
        waits=True,
    ),
    Topic(
        "beginning", "A time that was agreed to beforehand begins", ("beginning",), (NOW, OFF), waits=False
    ),
    Topic("opened", "My access is open", ("opened",), (NOW, OFF), waits=False),
    Topic("ending", "My access ends in ten minutes", ("ending",), (NOW, OFF), waits=False),
    Topic("moved", "The end of my access was moved", ("extended", "shortened"), (NOW, OFF), waits=False),
    Topic("closed", "My access is closed", ("closed",), (NOW, DIGEST, OFF), waits=True),
    Topic("removed", "Somebody took my access away in Azure", ("removed",), (NOW,), waits=False),
    Topic(
        "reviews",
        "An access review needs me",
        ("review_started", "review_reminder", "review_escalated"),
        (NOW, DIGEST),
        waits=True,
    ),
    Topic(
        "overdue",
        "A closing is late",
        (OVERDUE,),
        (NOW,),
        waits=False,
        note="Administrators get it, and nobody else.",
    ),
)
NAMES: Final = tuple(topic.name for topic in TOPICS)
_BY_KIND: Final = {kind: topic for topic in TOPICS for kind in topic.kinds}


def of(kind: str) -> Topic | None:
    """Return what this kind of notice is about; None where nobody has a choice."""
    return _BY_KIND.get(kind)


def allowed(topic: Topic, always: Collection[str]) -> tuple[str, ...]:
    """Return what may be chosen, where the operator said which topics always come at once."""
    return (NOW,) if topic.name in always else topic.levels
