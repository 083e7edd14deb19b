"""One check and its words.

What every part of a verdict is made of; which checks there are stands elsewhere.
"""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["pass", "fail", "error", "warn"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing policy looked at. `fail` and `error` refuse, `warn` is said and does not."""

    name: str
    title: str
    outcome: Outcome
    reason: str
    way_on: str = ""

    @property
    def refuses(self) -> bool:
        return self.outcome in ("fail", "error")
