"""What a made-up past is written with: ids, chance, and the rows so far. What happened is told in history.py."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.db import models

from audit_app.models import Event
from audit_app.trail import About, Party
from requests_app.management.seeding.copying import copy_rows, take_ids
from requests_app.models import Container

AT_ONCE = 1000


@dataclass
class Pen:
    """Rows that were thought of and not written yet. The same seed tells the same past."""

    chance: Random
    instance: str
    rows: dict[type[models.Model], list[models.Model]] = field(default_factory=lambda: defaultdict(list))
    events: list[Event] = field(default_factory=list)
    containers: dict[str, Container] = field(default_factory=dict)
    _ids: dict[type[models.Model], Iterator[int]] = field(default_factory=dict)

    def add(self, model: type[models.Model], **values: Any) -> Any:
        """Return a new row of this model, its id set, to be written with the next flush."""
        row = model(pk=self._next_id(model), **values)
        self.rows[model].append(row)
        return row

    def event(
        self, kind: str, at: datetime, by: Party, about: About, correlation_id: str, **more: Any
    ) -> None:
        """The trail will hold this line."""
        subject = about.subject or Party("", "")
        self.events.append(
            Event(
                uid=self.uuid(),
                at=at,
                kind=kind,
                actor_id=by.id,
                actor_label=by.label,
                subject_id=subject.id,
                subject_label=subject.label,
                object_kind=about.kind,
                object_id=about.id,
                object_label=about.label,
                resource_label=about.resource,
                story=about.story,
                correlation_id=correlation_id,
                **more,
            )
        )

    def flush(self) -> None:
        """Everything thought of is in the database, parents before children, events in the order of time."""
        for model in list(self.rows):
            copy_rows(self.rows.pop(model))
        self.events.sort(key=lambda event: event.at)
        for event in self.events:
            event.pk = self._next_id(Event)
        copy_rows(self.events)
        self.events.clear()

    def uuid(self) -> UUID:
        """Return a random UUID."""
        return UUID(int=self.chance.getrandbits(128), version=4)

    def soon(self, minutes: float, at_most: float) -> timedelta:
        """Return how long people take: `minutes` on average, now and then much longer, never past `at_most`."""
        return timedelta(minutes=min(at_most, 0.3 + self.chance.expovariate(1 / minutes)))

    def seconds(self, low: float, high: float) -> timedelta:
        """Return a span between these many seconds."""
        return timedelta(seconds=self.chance.uniform(low, high))

    def _next_id(self, model: type[models.Model]) -> int:
        found = next(self._ids.setdefault(model, iter(())), None)
        if found is None:
            self._ids[model] = take_ids(model, AT_ONCE)
            found = next(self._ids[model])
        return found
