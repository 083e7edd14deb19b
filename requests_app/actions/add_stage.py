"""An approver asks for one more stage: one that policy knows, or one person. Voting is in decide.py."""

from django.db.models import F, Max

from audit_app.clock import now
from audit_app.trail import record
from requests_app import context, deciders
from requests_app.actions import stages
from requests_app.actions.attempting import attempting
from requests_app.actions.deciding import ASKED_FOR_IT, OWN_REQUEST, locked, require_decider
from requests_app.actions.refusals import require_reason
from requests_app.errors import Invalid, Refused
from requests_app.models import AccessRequest, Person, Stage
from requests_app.policy.model import StageRule

# Every stage is one more person to be waited for.
MOST = 12


def add_stage(*, by: Person, stage_id: int, name: str = "", person: str = "", why: str = "") -> Stage:
    """One more stage waits right behind this one: the policy's of that `name`, or of the one `person` of that sign-in name.

    Refuses who may not decide the stage now, a stage that is there already, and one that nobody could decide. Raises
    Stale when the stage is not waiting, Invalid for a name that nobody has and without a reason.
    """
    why = require_reason(why)
    access_request = AccessRequest.objects.select_related("requester").get(stages=stage_id)
    with attempting("decision.refused", by=by.party, about=access_request.about()):
        access_request, stage = locked(stage_id)
        require_decider(by, access_request, stage, now())
        if access_request.stages.count() >= MOST:
            raise Refused(f"There are {MOST} stages already.", check="stages", way_on="Decide, or deny it.")
        added = _by_person(by, stage, person) if person else _by_name(access_request, name)
        _put_behind(added, stage, by)
        if len(deciders.of_stage(added, access_request, now())) < added.quorum:
            raise Refused(f"Nobody is there who could decide “{added.title}”.", check="approvers")
        record("stage.added", by=by.party, about=added.about(), why=why)
    return added


def addable(access_request: AccessRequest) -> list[StageRule]:
    """Return the stages of the policy in force that this request does not have yet."""
    there = {stage.name for stage in access_request.stages.all()}
    return [rule for rule in context.active_policy().stages if rule.name not in there]


def _by_name(access_request: AccessRequest, name: str) -> Stage:
    found = next((rule for rule in addable(access_request) if rule.name == name), None)
    if found is None:
        raise Invalid(
            "Choose a stage, or name a person.", fields={"stage": "Not a stage that could be added."}
        )
    return stages.build(access_request, found, position=0, step=0)


def _by_person(by: Person, stage: Stage, name: str) -> Stage:
    access_request = stage.access_request
    here = Person.objects.filter(tid=by.tid, enabled=True)
    found = here.filter(user_principal_name__iexact=name.strip())[:2]
    if len(found) != 1:
        raise Invalid(
            f"Nobody here signs in as “{name.strip()[:80]}”.",
            fields={"person": "Write the name they sign in with, like mo@example.com."},
        )
    (person,) = found
    if access_request.is_of(person):
        own = person.pk == access_request.requester_id
        raise Refused(OWN_REQUEST if own else ASKED_FOR_IT, check="own request")
    if person.pk == by.pk or access_request.decisions.filter(person=person).exists():
        raise Refused(
            f"{person} decides on this request already, and nobody does twice.",
            check="one vote per person",
            way_on="Name somebody else.",
        )
    return Stage(
        access_request=access_request,
        name=f"person-{person.pk}",
        title=str(person),
        approver_kind="person",
        approver_person=person,
        lapse_after=stage.lapse_after,
        remind_every=stage.remind_every,
    )


def _put_behind(added: Stage, stage: Stage, by: Person) -> None:
    request_stages = stage.access_request.stages
    if request_stages.filter(name=added.name).exists():
        raise Refused(f"“{added.title}” is a stage of this request already.", check="stages")
    request_stages.filter(state=Stage.State.WAITING, step__gt=stage.step).update(step=F("step") + 1)
    added.step, added.added_by = stage.step + 1, by
    added.position = request_stages.aggregate(last=Max("position"))["last"] + 1
    added.save()
