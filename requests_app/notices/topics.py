"""What notices are about, and what each person may choose of it. Pure: no Django."""

from typing import Final

APPROVAL_NEEDED: Final = "approval_needed"
SETTLED: Final = "settled"
OVERDUE: Final = "overdue"
# What asks somebody to decide a stage, the first time or again; each says which by `stage_id`.
ASKING: Final = (APPROVAL_NEEDED, "reminded", "escalated")
# What may go to a channel of many: it is not about what the reader holds.
ROUTED: Final = (*ASKING, OVERDUE)
