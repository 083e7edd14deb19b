"""The story's steps by the actions themselves, in this process: what a measure needs to be there before it is timed."""

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.benchmarks.setting import Setting
from tests.support.fresh import proved

if TYPE_CHECKING:
    from requests_app.models import AccessRequest, Grant, Person

REASON = "Find out why the queue grows since this morning"
TICKET = "INC-2214"


def person(setting: Setting, key: str) -> "Person":
    """Return the row of this person."""
    from requests_app.models import Person

    return Person.objects.get(oid=setting.described(key).oid)


def asked(setting: Setting, key: str, entitlement: str, lasting: timedelta) -> "AccessRequest":
    """Return a request of this person, waiting for its first stage."""
    from audit_app import origin
    from requests_app.actions import submit
    from requests_app.context import Ask
    from requests_app.models import Entitlement

    address = setting.described(key).address
    found = Entitlement.objects.select_related("resource").get(key=entitlement)
    with origin.origin(source_address=address):
        return submit.submit(
            by=person(setting, key),
            ask=Ask(found, lasting, REASON, TICKET, address),
            submission_key=uuid4(),
            sign_in=proved(),
        )


def approved(setting: Setting, access_request: "AccessRequest") -> None:
    """Everybody who has to has said yes."""
    from requests_app import deciders
    from requests_app.actions import decide
    from requests_app.models import Stage

    while active := Stage.objects.filter(access_request=access_request, state="active").first():
        someone = deciders.of_stage(active, active.access_request, active.activated_at)[0].person
        decide.decide(by=someone, stage_id=active.pk, vote="approve", sign_in=proved())


def activated(setting: Setting, access_request: "AccessRequest") -> "Grant":
    """Return the grant, on its way to being open."""
    from audit_app import origin
    from requests_app.actions import activate
    from requests_app.models import Grant

    requester = access_request.requester
    with origin.origin(source_address=access_request.source_address):
        activate.activate(by=requester, access_request_id=access_request.pk, sign_in=proved())
    return Grant.objects.get(access_request=access_request)
