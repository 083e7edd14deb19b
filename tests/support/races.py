"""Two calls at the same instant, on two real connections, and what to expect of them."""

import threading

from django.db import connection

from audit_app import origin
from audit_app.models import Event
from tests.support.azure import address_of


def at_once(*acts):
    """Run these at the same instant, each on a connection of its own; returns what each returned or raised."""
    barrier = threading.Barrier(len(acts))
    answers = [None] * len(acts)

    def run(number, act):
        try:
            barrier.wait(10)
            answers[number] = act()
        except Exception as error:  # noqa: BLE001 - the answer is the test's to judge
            answers[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads), "two actions wait for each other"
    return answers


def won(answers, *losing):
    """Exactly one came through; the others were told so, by one of these errors."""
    errors = [answer for answer in answers if isinstance(answer, Exception)]
    assert len(errors) == len(answers) - 1, f"not one outcome but: {answers}"
    assert all(isinstance(error, losing) for error in errors), f"lost in the wrong words: {errors!r}"


def from_home(person, act):
    with origin.origin(source_address=address_of(person)):
        return act()


def count(kind, **more):
    return Event.objects.filter(kind=kind, **more).count()
