"""Ask for somebody else, who is found by name and told of it. The request itself is submit.py's."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from audit_app.trail import About
from requests_app import behalf
from requests_app.actions.attempting import attempting
from requests_app.actions.refusals import refuse_unless_all_allowed
from requests_app.actions.submit import submit
from requests_app.context import Ask, active_policy
from requests_app.errors import Invalid
from requests_app.models import AccessRequest, Person
from requests_app.policy.on_behalf import NOBODY, NOTHING
from requests_app.policy.verdict import Verdict


def submit_for(
    *,
    by: Person,
    named: str,
    asks: Sequence[Ask],
    submission_key: UUID,
    sign_in: dict[str, Any] | None = None,
) -> AccessRequest:
    """As `submit`: the request of the person of this name waits, asked by somebody else, and they are told.

    Raises Refused in the same words for somebody nobody knows and for whom one may not ask; Invalid for no name, and for
    one's own. `sign_in` is of who asks: what policy asks for at the request is proved by them.
    """
    if not named.strip():
        raise Invalid("Say for whom you ask.", fields={"person": "Say for whom you ask."})
    whom = behalf.find(by, named)
    if whom is not None and whom.pk == by.pk:
        words = "That is you. Ask for yourself."
        raise Invalid(words, fields={"person": words})
    if whom is None:
        _refuse(by, asks)
    return submit(by=by, whom=whom, asks=asks, submission_key=submission_key, sign_in=sign_in)


def _refuse(by: Person, asks: Sequence[Ask]) -> None:
    """Raises what policy says of anybody for whom this person may not ask, and keeps it in the trail."""
    wanted = [ask.entitlement for ask in asks]
    about = About(
        kind="entitlement",
        id=",".join(one.key for one in wanted)[:80],
        label=", ".join(one.name for one in wanted),
        resource=", ".join(sorted({one.resource.name for one in wanted})),
    )
    no = Verdict("refused", (NOBODY,), (), NOTHING, NOTHING, (), active_policy().hash)
    with attempting("request.refused", by=by.party, about=about):
        refuse_unless_all_allowed({one.name if len(wanted) > 1 else "": no for one in wanted})
