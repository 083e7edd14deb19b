"""Open at once, in an emergency, what nobody agreed to yet: never without a reason, a fresh sign-in and a review of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from audit_app import origin
from audit_app.alerts.rules import BREAK_GLASS as BROKEN
from audit_app.clock import now
from audit_app.models import AccessReview
from audit_app.reviews import campaign
from audit_app.trail import About, record
from requests_app import preview
from requests_app.actions import fresh, grants
from requests_app.actions.activate import activate
from requests_app.actions.attempting import attempting
from requests_app.actions.refusals import refuse_unless_allowed, require_armed
from requests_app.actions.stages import WORKFLOW
from requests_app.context import Ask
from requests_app.errors import Refused
from requests_app.models import AccessRequest, Entitlement, Grant, Person, RequestItem
from requests_app.models.person import ADMIN_ROLE
from requests_app.notices import glass
from requests_app.policy.facts import BREAK_GLASS, REQUEST
from requests_app.policy.sign_in import FreshSignIn
from requests_app.preview import Preview
from requests_app.reviewing_glass import SOURCE

REVIEW_WITHIN = timedelta(hours=24)
ALIVE = [Grant.State.ISSUED, Grant.State.OPENING, Grant.State.OPEN, Grant.State.EXTENDING]


@dataclass(frozen=True)
class Skipped:
    """Who would have been asked, by the title of their stage; and everybody who is told, administrators included."""

    stages: tuple[tuple[str, tuple[Person, ...]], ...]
    told: tuple[Person, ...]

    @property
    def titles(self) -> str:
        return ", ".join(title for title, _ in self.stages)

    @property
    def reviewers(self) -> list[Person]:
        """Return who is asked whether it was right: those skipped, or where that is nobody, all who are told."""
        asked = {person.pk: person for _, people in self.stages for person in people}
        return list(asked.values()) or list(self.told)


def break_glass(
    *, by: Person, ask: Ask, submission_key: UUID, sign_in: dict[str, Any] | None = None
) -> AccessRequest:
    """It is opening, with nobody asked: all who were skipped and all administrators are told, and a review runs.

    The same form sent twice breaks it once. Raises Refused, naming the check, when policy says no, while the portal only
    closes, where nobody could be told, and while this person has broken it for the same already; SignInNeeded when only
    `sign_in` is in the way.
    """
    about = About(
        kind="entitlement",
        id=ask.entitlement.key,
        label=ask.entitlement.name,
        resource=ask.entitlement.resource.name,
        subject=by.party,
    )
    with attempting("glass.refused", by=by.party, about=about):
        # The person's row is the lock: two forms at once are one opening and one refusal, the same form is one opening.
        by = Person.objects.select_for_update(no_key=True).get(pk=by.pk)
        earlier = AccessRequest.objects.filter(requester=by, submission_key=submission_key).first()
        if earlier:
            return earlier
        moment = now()
        require_armed()
        _once(by, ask.entitlement)
        seen = _allowed(by, ask, moment, sign_in)
        skipped = whom_it_skips(by, ask, moment)
        if not any(person.mail for person in skipped.told):
            raise Refused(
                "Nobody could be told of it: no approver and no administrator with a mail address is known.",
                check="somebody is told",
                way_on="An administrator sees to it that the directory knows one.",
            )
        access_request = _approved(by, ask, submission_key, seen, moment, sign_in or {})
        activate(by=by, access_request_id=access_request.pk, from_elsewhere=True, sign_in=sign_in)
        _tell_everybody(access_request, skipped, _review(access_request, skipped, moment))
    return access_request


def whom_it_skips(by: Person, ask: Ask, moment: datetime) -> Skipped:
    """Return who would have been asked the usual way, now, away or not, and who is told of it as well."""
    here = origin.current().source_address
    usual = preview.preview(by, ask, observed=here, now=moment, moments=(REQUEST,))
    named = [
        (stage.need.title, [one.oid for one in (*stage.people, *stage.alternates)]) for stage in usual.stages
    ]
    if not named:
        # No rule lets them ask the usual way: then those who stand nearest are told.
        managers = [str(by.manager.oid)] if by.manager else []
        named = [("Manager", managers), ("Owner", [str(ask.entitlement.resource.owner_oid or "")])]
    known = {
        str(person.oid): person
        for person in Person.objects.filter(
            tid=by.tid, oid__in=[oid for _, oids in named for oid in oids if oid], enabled=True
        ).exclude(pk=by.pk)
    }
    stages = tuple(
        (title, tuple(known[oid] for oid in dict.fromkeys(oids) if oid in known)) for title, oids in named
    )
    told = {person.pk: person for _, people in stages for person in people}
    for person in administrators(by):
        told.setdefault(person.pk, person)
    return Skipped(tuple(stage for stage in stages if stage[1]), tuple(told.values()))


def administrators(by: Person) -> list[Person]:
    """Return every other administrator who is enabled."""
    return list(Person.objects.filter(groups__name=ADMIN_ROLE, enabled=True).exclude(pk=by.pk).order_by("pk"))


def broken_for(by: Person, entitlement: Entitlement) -> Grant | None:
    """Return the opening in an emergency that this person has for it already."""
    mine = Grant.objects.filter(person=by, entitlement=entitlement, break_glass=True, state__in=ALIVE)
    return mine.order_by("-pk").first()


def _once(by: Person, entitlement: Entitlement) -> None:
    if broken_for(by, entitlement):
        raise Refused(
            f"You have broken the glass for {entitlement.name} already, and it is not closed yet.",
            check="once at a time",
            way_on="It stands on “My access”; ask for more time there.",
            title="Broken already",
        )


def _allowed(by: Person, ask: Ask, moment: datetime, sign_in: dict[str, Any] | None) -> Preview:
    """Return what policy says of it in an emergency; raises what `break_glass` raises where that is no."""
    here = origin.current().source_address
    seen = preview.preview(by, ask, observed=here, now=moment, moments=(BREAK_GLASS,), sign_in=sign_in)
    if any(check.name != FreshSignIn.name for check in seen.verdict.failed):
        refuse_unless_allowed(seen.verdict, BREAK_GLASS)
    # What the usual rules ask of this moment counts as well.
    fresh.require_at(BREAK_GLASS, by=by, entitlements=[ask.entitlement], sign_in=sign_in, now=moment)
    refuse_unless_allowed(seen.verdict, BREAK_GLASS)
    return seen


def _approved(
    by: Person, ask: Ask, submission_key: UUID, seen: Preview, moment: datetime, sign_in: dict[str, Any]
) -> AccessRequest:
    here = origin.current()
    access_request = AccessRequest.objects.create(
        requester=by,
        break_glass=True,
        reason=ask.reason.strip(),
        ticket=ask.ticket.strip(),
        duration=ask.duration,
        source_address=ask.source,
        observed_address=here.source_address,
        submitted_at=moment,
        activate_within=seen.verdict.activate_within,
        policy_hash=seen.verdict.policy_hash,
        correlation_id=here.correlation_id,
        sign_in=sign_in,
        submission_key=submission_key,
    )
    RequestItem.objects.create(
        access_request=access_request,
        entitlement=ask.entitlement,
        verdict=seen.verdict.to_dict(),
        rules=[rule.to_dict() for rule in seen.rules],
    )
    _record(access_request, seen)
    grants.approve(access_request, moment, why="The glass was broken: nobody was asked.")
    return access_request


def _record(access_request: AccessRequest, seen: Preview) -> None:
    record(
        "request.submitted",
        by=access_request.requester.party,
        about=access_request.about(),
        why=access_request.reason,
        data={
            "break_glass": True,
            "duration_seconds": int(access_request.duration.total_seconds()),
            "source": access_request.source_address,
            "ticket": access_request.ticket,
            "policy": seen.verdict.policy_hash,
            "rules": list(seen.verdict.rules),
        },
    )


def _review(access_request: AccessRequest, skipped: Skipped, moment: datetime) -> AccessReview:
    """Return the review of exactly this, running and due in a day; what nobody decides by then is asked again."""
    label = access_request.about().label
    asked = skipped.reviewers
    others = [one for one in administrators(access_request.requester) if one not in asked]
    review = campaign.plan(
        by=WORKFLOW,
        title=f"Broken glass: {access_request.requester}, {label}"[:120],
        source=SOURCE,
        scope={"requests": [str(access_request.pk)]},
        reviewers=AccessReview.Reviewers.NAMED,
        named=[[one.identity, str(one)] for one in asked],
        escalate_to=[[one.identity, str(one)] for one in others],
        starts_at=moment,
        due_at=moment + REVIEW_WITHIN,
        remind_days=0,
        silence=AccessReview.Silence.ASK_AGAIN,
    )
    campaign.begin(review.pk)
    return review


def _tell_everybody(access_request: AccessRequest, skipped: Skipped, review: AccessReview) -> None:
    grant = Grant.objects.select_related("entitlement__resource", "person").get(access_request=access_request)
    access_request.alerted.set(skipped.told)
    record(
        BROKEN,
        by=access_request.requester.party,
        about=grant.about(),
        why=access_request.reason,
        data={
            "request": access_request.pk,
            "duration_seconds": int(access_request.duration.total_seconds()),
            "skipped": [
                {"stage": title, "people": [one.identity for one in people]}
                for title, people in skipped.stages
            ],
            "told": [one.identity for one in skipped.told],
            "review": str(review.uid),
            "review_due_at": review.due_at.isoformat(),
        },
    )
    glass.broken(access_request, skipped.told, review, skipped.titles)
