"""People who are away, stand in, or wait; and the demo's policy with other stages. No assertions here."""

from datetime import timedelta
from typing import Any

import time_machine

from audit_app.clock import now
from requests_app.actions import cover
from requests_app.actions.policy import load
from requests_app.models import Absence, Delegation, DirectoryGroup, Message, Person
from tests.support.organisation import policy_files

HOUR = timedelta(hours=1)


def stage_says(administrator: Person, name: str, *lines: str) -> None:
    """The demo's policy is in force, its stage of that name with these lines instead; `key:` alone leaves one out."""
    documents = policy_files()
    said = f"  - name: {name}\n"
    more = said + "".join(f"    {line}\n" for line in lines if not line.endswith(":"))
    stages, gone = documents["stages.yaml"], {line.split(":")[0] for line in lines}
    head, tail = stages.split(said)
    own, *rest = tail.split("  - name: ")
    kept = "".join(line + "\n" for line in own.splitlines() if line.strip().split(":")[0] not in gone)
    documents["stages.yaml"] = head + more + "  - name: ".join([kept, *rest])
    load(by=administrator.party, documents=documents)


def away(person: Person, *, hours: float = 24, starts: float = -1) -> Absence:
    moment = now()
    return cover.be_away(
        by=person,
        starts_at=moment + starts * HOUR,
        ends_at=moment + hours * HOUR,
    )


def lends(giver: Person, receiver: Person, *, hours: float = 24, starts: float = -1) -> Delegation:
    moment = now()
    return cover.lend(
        by=giver,
        to=receiver.user_principal_name,
        starts_at=moment + starts * HOUR,
        ends_at=moment + hours * HOUR,
    )


def later(moment: Any, **delta: float) -> Any:
    return time_machine.travel(moment + timedelta(**delta), tick=False)


def refreshed() -> None:
    """The directory copy is as fresh as the moment."""
    Person.objects.update(directory_read_at=now())
    DirectoryGroup.objects.update(read_at=now())


def told(kind: str, person: Person) -> int:
    return Message.objects.filter(kind=kind, recipient=person).count()
