"""As whom somebody may decide: a value that is handed around. Finding it is `deciders`."""

from dataclasses import dataclass
from datetime import datetime

from requests_app.models import Person


@dataclass(frozen=True)
class Decider:
    """Somebody who may decide: by themself, or in place of somebody else. Away means not waited for."""

    person: Person
    in_place_of: Person | None = None
    away_until: datetime | None = None

    @property
    def voice(self) -> int:
        """Return whose vote it would be."""
        return self.in_place_of.pk if self.in_place_of else self.person.pk

    def __str__(self) -> str:
        return f"{self.person} for {self.in_place_of}" if self.in_place_of else str(self.person)
