"""`python -m tests.chaos.load`: people who ask, activate, end, extend and shorten all the time, through our own actions.

A process of its own, with the environment of the stack it loads. Whatever fails because something is being killed is
tried no further: what was answered with success is in the ledger, and nothing else is promised.
"""

import argparse
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import django

from latchportal.demo.surroundings import WORLD
from latchportal.devcloud import world
from tests.chaos.ledger import Ledger
from tests.support.fresh import proved

# Who may have what: one group after the other, the last behind two.
WISHES = (
    ("ada", "prod-web-01-ssh"),
    ("ben", "prod-app-01-ssh"),
    ("ada", "prod-web-02-ssh"),
    ("priya", "build-agent-01-ssh"),
    ("leila", "stg-web-01-ssh"),
    ("ada", "stg-app-01-ssh"),
    ("tomas", "stg-db-01-psql"),
    ("leila", "prod-web-03-ssh"),
)
PEOPLE = ("ada", "ben", "priya", "tomas", "leila", "yuki")
REASON = "Whatever breaks meanwhile"
# The time of those that can be extended, for in its last two minutes nothing can; one in so many has it.
EXTENSIBLE, ONE_IN = (140.0, 180.0), 12
# Kept short of what a killed stack could queue up; a person can hold one right to a thing at a time.
BETWEEN = 0.8


class Load:
    """Random people with a seed."""

    def __init__(
        self, ledger: Ledger, seed: int, lasting: tuple[float, float], *, extensible: bool = False
    ) -> None:
        self.ledger, self.chance, self.lasting = ledger, Random(seed), lasting
        self.extensible = extensible
        self.here = world.load(WORLD)

    def step(self) -> None:
        """Somebody does something; most often they ask, are agreed to, and activate."""
        does: Callable[[], None] = self.chance.choices(
            [self.opens, self.ends, self.shortens, self.extends], weights=[8, 1, 1, 2]
        )[0]
        does()

    def opens(self, key: str = "", entitlement: str = "") -> int:
        """A right is activated; returns the grant's number."""
        from audit_app import origin
        from requests_app.actions import activate, submit
        from requests_app.context import Ask
        from requests_app.models import Entitlement, Grant, Person

        key, entitlement = (key, entitlement) if key else self.chance.choice(WISHES)
        described = self.here.person(key)
        person = Person.objects.get(oid=described.oid)
        extensible = self.extensible and not self.chance.randrange(ONE_IN)
        span = EXTENSIBLE if extensible else self.lasting
        lasting = timedelta(seconds=round(self.chance.uniform(*span), 1))
        with origin.origin(source_address=described.address):
            wish = submit.submit(
                by=person,
                ask=Ask(
                    Entitlement.objects.select_related("resource").get(key=entitlement),
                    lasting,
                    REASON,
                    "INC-2214",
                    described.address,
                ),
                submission_key=uuid4(),
                sign_in=proved(),
            )
            self.ledger.keep("request", pk=wish.pk)
            self._agree(wish)
            activate.activate(by=person, access_request_id=wish.pk, sign_in=proved())
        grant = Grant.objects.get(access_request=wish)
        self.ledger.keep("activated", pk=grant.pk, uid=str(grant.uid))
        return grant.pk

    def _agree(self, wish: Any) -> None:
        from requests_app import deciders
        from requests_app.actions import decide
        from requests_app.models import Stage

        while active := Stage.objects.filter(access_request=wish, state="active").first():
            someone = deciders.of_stage(active, active.access_request, active.activated_at)[0].person
            decide.decide(by=someone, stage_id=active.pk, vote="approve", sign_in=proved())
            self.ledger.keep("decision", request=wish.pk, stage=active.pk, person=someone.pk)

    def ends(self) -> None:
        """Somebody gives something back before its time, or has it taken away."""
        from requests_app.actions import end, revoke
        from requests_app.models import Person

        grant = self._one("opening", "open")
        if grant is None:
            return
        if self.chance.random() < 0.5:
            end.end_now(by=grant.person, grant_id=grant.pk)
        else:
            boss = Person.objects.get(oid=self.here.person("adm").oid)
            revoke.revoke(by=boss, grant_id=grant.pk, reason=REASON)
        self.ledger.keep("ended", pk=grant.pk)

    def shortens(self) -> None:
        """Something ends sooner."""
        from audit_app.clock import now
        from requests_app.actions import shorten

        grant = self._one("open")
        if grant is not None:
            end = now() + timedelta(seconds=2)
            shorten.shorten(by=grant.person, grant_id=grant.pk, end=end, reason=REASON)
            self.ledger.keep("shortened", pk=grant.pk)

    def extends(self) -> None:
        """More time is asked for and agreed to. Only what has two minutes left can get it."""
        from audit_app import origin
        from requests_app.actions import extend

        grant = self._one("open", left=timedelta(seconds=125))
        if grant is None:
            return
        total = grant.duration + timedelta(seconds=60)
        with origin.origin(source_address=grant.source_address):
            wish = extend.ask(
                by=grant.person, grant_id=grant.pk, total=total, reason=REASON, submission_key=uuid4()
            )
            self.ledger.keep("request", pk=wish.pk)
            self._agree(wish)
        self.ledger.keep("extending", pk=grant.pk)

    def finishes(self) -> None:
        """Whoever still holds what lasts long gives it back."""
        from requests_app.actions import end

        grants = self._held("opening", "open", "extending").filter(
            duration__gte=timedelta(seconds=EXTENSIBLE[0])
        )
        for grant in grants:
            end.end_now(by=grant.person, grant_id=grant.pk)
            self.ledger.keep("ended", pk=grant.pk)

    def _one(self, *states: str, left: timedelta = timedelta()) -> Any:
        from audit_app.clock import now

        rows = self._held(*states)
        found = list(rows.filter(expires_at__gte=now() + left) if left else rows)
        return self.chance.choice(found) if found else None

    def _held(self, *states: str) -> Any:
        from requests_app.models import Grant

        return Grant.objects.filter(state__in=states).select_related("person").order_by("pk")


def main() -> None:
    """Load the stack until told to stop, or for so many grants."""
    asked = _parser().parse_args()
    django.setup()
    from django.db import Error, connection

    from audit_app.lifecycle import Stale
    from requests_app.errors import LatchError

    lasting = (asked.shortest, asked.longest)
    load = Load(Ledger(asked.ledger), asked.seed, lasting, extensible=asked.extensible)
    opened = tried = 0
    while not asked.grants or opened < asked.grants:
        try:
            if asked.finish:
                load.finishes()
                return
            if asked.grants:
                tried += 1
                load.opens(*_each(tried))
                opened += 1
            else:
                load.step()
                time.sleep(load.chance.uniform(0, 2 * BETWEEN))
        except (LatchError, Stale):
            # Somebody else was quicker, or policy says no to this pair: the next one.
            time.sleep(0.01 if asked.grants else 0.2)
        except (Error, OSError):
            connection.close()
            time.sleep(0.5)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--shortest", type=float, default=5.0)
    parser.add_argument("--longest", type=float, default=60.0)
    parser.add_argument("--grants", type=int, default=0, help="so many, and then the end; 0: until stopped")
    parser.add_argument("--extensible", action="store_true", help="some last long enough to be extended")
    parser.add_argument("--finish", action="store_true", help="end those, and nothing else")
    return parser


def _each(number: int) -> tuple[str, str]:
    """Return who asks for what as the n-th of many: each pair there is in turn, whether policy allows it or not."""
    from requests_app.models import Entitlement

    keys = list(Entitlement.objects.filter(active=True).order_by("key").values_list("key", flat=True))
    return PEOPLE[number % len(PEOPLE)], keys[(number // len(PEOPLE)) % len(keys)]


if __name__ == "__main__":
    main()
