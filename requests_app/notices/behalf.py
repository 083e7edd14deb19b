"""What is told where one person asked for another: to whom it is about, and to who asked, what the other one is told.

Opened, closed and ending are told to who holds the access alone: nobody else can do anything about it.
"""

from typing import Any, Final

from requests_app.models import AccessRequest, Person
from requests_app.notices.putting import put

ASKED_FOR_YOU: Final = "asked_for_you"
WITHDRAWN: Final = "withdrawn"


def asked_for_you(access_request: AccessRequest) -> None:
    """Who would get the access is told who asked for it in their stead, and that they may withdraw it."""
    put(f"{ASKED_FOR_YOU}:{access_request.pk}", ASKED_FOR_YOU, access_request.requester, access_request)


def withdrawn(access_request: AccessRequest, *, by: Person) -> None:
    """The other of the two is told who withdrew the request."""
    for person in others(access_request):
        if person != by:
            tell(f"{WITHDRAWN}:{access_request.pk}", WITHDRAWN, person, access_request, by=str(by))


def others(access_request: AccessRequest) -> tuple[Person, ...]:
    """Return both: who gets the access, and who asked for them. Nobody where they asked themself."""
    return (access_request.requester, access_request.asked_by) if access_request.asked_by else ()


def both(key: str, kind: str, access_request: AccessRequest, **words: Any) -> None:
    """The requester finds one message of this key and, where somebody else asked for them, so does that one."""
    for person in others(access_request) or (access_request.requester,):
        tell(key, kind, person, access_request, **words)


def tell(key: str, kind: str, person: Person, access_request: AccessRequest, **words: Any) -> None:
    """This person finds one message of this key; whoever asked for another reads for whom that was."""
    if person.pk == access_request.asked_by_id:
        key, words = f"{key}:asker", {**words, "for_whom": str(access_request.requester)}
    put(key, kind, person, access_request, **words)
