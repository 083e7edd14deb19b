"""Being away, and having somebody decide in one's place: said, and called off. Who decides by it is `deciders`."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet

from audit_app.clock import now
from audit_app.parties import Party
from audit_app.trail import About, record
from requests_app import directory
from requests_app.actions.attempting import attempting
from requests_app.errors import Gone, Invalid, Refused
from requests_app.models import Absence, Delegation, Person
from requests_app.notices import asking

LONGEST = timedelta(days=180)
# The number names this lock among the database's.
_LOCK = 0x6C61746368_02


def go(
    *, by: Person, starts_at: datetime, ends_at: datetime, away: bool, to: str = "", why: str = ""
) -> Delegation | None:
    """The person is away, or somebody decides in their place, or both: all of it or nothing. See `be_away` and `lend`."""
    with attempting("absence.refused", by=by.party, about=about(by)):
        lent = lend(by=by, to=to, starts_at=starts_at, ends_at=ends_at, why=why) if to.strip() else None
        if away:
            be_away(by=by, starts_at=starts_at, ends_at=ends_at)
    return lent


def be_away(*, by: Person, starts_at: datetime, ends_at: datetime, person: Person | None = None) -> Absence:
    """The person (whoever says so, or for an administrator anybody) is away for that time, and not waited for.

    Raises Invalid for times that make no absence, Refused for somebody else's absence.
    """
    whose = person or by
    _check_times(starts_at, ends_at)
    with attempting("absence.refused", by=by.party, about=about(whose)):
        _refuse_stranger(by, whose)
        absence = Absence.objects.create(person=whose, starts_at=starts_at, ends_at=ends_at, made_at=now())
        record("absence.set", by=by.party, about=about(whose), data=_span(starts_at, ends_at))
    return absence


def lend(*, by: Person, to: str, starts_at: datetime, ends_at: datetime, why: str = "") -> Delegation:
    """Whoever signs in as `to` may decide in this person's place for that time, and is told so.

    Raises Invalid for times that make no sense and a name nobody has; refuses oneself, guests, and a circle.
    """
    _check_times(starts_at, ends_at)
    receiver = _named(by, to)
    with attempting("delegation.refused", by=by.party, about=about(by)):
        _one_at_a_time()
        _refuse_receiver(by, receiver)
        _refuse_circle(by, receiver, starts_at, ends_at)
        delegation = Delegation.objects.create(
            giver=by,
            receiver=receiver,
            starts_at=starts_at,
            ends_at=ends_at,
            why=why.strip()[:500],
            made_at=now(),
        )
        record(
            "delegation.lent",
            by=by.party,
            about=about(receiver),
            why=delegation.why,
            data={"giver": by.identity, **_span(starts_at, ends_at)},
        )
        asking.lent(delegation)
    return delegation


def call_off_absence(*, by: Person, absence_id: int) -> None:
    """The person is not away any more, from now on. Raises Gone when it was over; Refused for somebody else's."""
    absence = Absence.objects.select_related("person").get(pk=absence_id)
    with attempting("absence.refused", by=by.party, about=about(absence.person)):
        _refuse_stranger(by, absence.person)
        _call_off(Absence.objects.not_over(now()).filter(pk=absence_id))
        record("absence.called_off", by=by.party, about=about(absence.person))


def call_off_delegation(*, by: Person, delegation_id: int) -> None:
    """Nobody decides in the giver's place any more, from now on. Giver, receiver and administrators may say so.

    Raises Gone when it was over, Refused for anybody else.
    """
    delegation = Delegation.objects.select_related("giver", "receiver").get(pk=delegation_id)
    with attempting("delegation.refused", by=by.party, about=about(delegation.receiver)):
        if by.pk != delegation.receiver_id:
            _refuse_stranger(by, delegation.giver)
        _call_off(Delegation.objects.not_over(now()).filter(pk=delegation_id))
        record(
            "delegation.called_off",
            by=by.party,
            about=about(delegation.receiver),
            data={"giver": delegation.giver.identity},
        )


def take_back(*, by: Party, delegation_id: int, why: str, story: str) -> Delegation | None:
    """A review decided it: nobody decides in the giver's place by this any more, and both are told who said so and why.

    None, and nothing changed, where it was over already.
    """
    with transaction.atomic():
        if not Delegation.objects.not_over(now()).filter(pk=delegation_id).update(called_off_at=now()):
            return None
        delegation = Delegation.objects.select_related("giver", "receiver").get(pk=delegation_id)
        record(
            "delegation.called_off",
            by=by,
            about=replace(about(delegation.receiver), story=story),
            why=why,
            data={"giver": delegation.giver.identity},
        )
        asking.called_off(delegation, by=by.label, why=why)
    return delegation


def about(person: Person) -> About:
    """Return how the trail speaks of somebody who is away or stands in."""
    return About(kind="person", id=str(person.pk), label=str(person), subject=person.party)


def _call_off(rows: QuerySet[Absence] | QuerySet[Delegation]) -> None:
    if not rows.update(called_off_at=now()):
        raise Gone("That is over already.", check="not over", way_on="Nothing has to be done.")


def _check_times(starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at:
        raise Invalid("It has to end after it begins.", fields={"ends_at": "After the beginning."})
    if ends_at <= now():
        raise Invalid("That time is over already.", fields={"ends_at": "Some time from now."})
    if ends_at - starts_at > LONGEST:
        most = f"{LONGEST.days} days"
        raise Invalid(f"At most {most} at once.", fields={"ends_at": f"At most {most} later."})


def _refuse_stranger(by: Person, whose: Person) -> None:
    if by.pk != whose.pk and not by.is_administrator:
        raise Refused(
            "Only the person themself and an administrator can say that.",
            check="own absence",
            way_on="Ask them, or an administrator.",
        )


def _named(by: Person, name: str) -> Person:
    name = name.strip()
    people = Person.objects.filter(tid=by.tid, user_principal_name__iexact=name)
    found = list(people[:2]) if name else []
    if len(found) != 1:
        raise Invalid(
            f"Nobody here signs in as “{name[:80]}”." if name else "Say who decides in your place.",
            fields={"to": "Write the name they sign in with, like mo@example.com."},
        )
    return found[0]


def _refuse_receiver(by: Person, receiver: Person) -> None:
    if receiver.pk == by.pk:
        raise Refused("You decide for yourself already.", check="somebody else", way_on="Name somebody else.")
    if receiver.guest or not directory.knows(receiver, now()):
        raise Refused(
            f"{receiver} is a guest here, or not known to be enabled, and can not decide in your place.",
            check="receiver",
            way_on="Name a member of your organisation.",
        )


def _one_at_a_time() -> None:
    """Two people who lend to each other in the same moment see each other's: the second waits for the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _refuse_circle(giver: Person, receiver: Person, starts_at: datetime, ends_at: datetime) -> None:
    """Refuse where the receiver, in that time, hands their decisions on to the giver, over however many people."""
    overlapping = Delegation.objects.filter(called_off_at=None, starts_at__lt=ends_at, ends_at__gt=starts_at)
    seen, ask = {receiver.pk}, {receiver.pk}
    while ask:
        ask = set(overlapping.filter(giver__in=ask).values_list("receiver", flat=True)) - seen
        if giver.pk in ask:
            raise Refused(
                f"{receiver} has their own decisions made by you, or through others, in that time. Going round in a"
                " circle, nobody would decide.",
                check="no circle",
                way_on="Name somebody else, or have them call theirs off.",
            )
        seen |= ask


def _span(starts_at: datetime, ends_at: datetime) -> dict[str, str]:
    return {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
