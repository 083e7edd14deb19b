"""Celery's entry points of the audit app: load and call, safe to run twice. What is done stands in the floors below."""

from celery import shared_task

from audit_app import heads, schedules, sealing
from audit_app.activity import reading
from audit_app.alerts import raising
from audit_app.shipping.configured import destinations
from audit_app.shipping.ship import ship


@shared_task(name="audit_app.seal")
def seal() -> int:
    """What is safely committed is sealed, and every seal has left the database, as far as its destination answered."""
    done = sealing.seal()
    heads.hand_over()
    return done


@shared_task(name="audit_app.regular_exports")
def regular_exports() -> int:
    """Every regular export that is due is in its place."""
    return schedules.write_due()


@shared_task(name="audit_app.watch")
def watch() -> int:
    """Every event that was sealed since the last look was shown to the rules of the alerts."""
    return raising.look()


@shared_task(name="audit_app.ship")
def ship_trail() -> int:
    """Every destination has what its round's budget allowed; returns how many events were taken."""
    rounds = [ship(destination) for destination in destinations()]
    return sum(done.taken for done in rounds if done)


@shared_task(name="audit_app.read_activity")
def read_activity(reading_id: int) -> bool:
    """What somebody asked to see of Azure's Activity Log is read, or it is said why not."""
    return reading.read(reading_id)
