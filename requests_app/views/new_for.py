"""For whom the form of asking asks: oneself, or somebody else. Whether that may be is policy's business."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms

from audit_app.clock import now
from requests_app import behalf, context, directory
from requests_app.errors import LatchError
from requests_app.models import Entitlement, Person
from requests_app.policy.checks import Check
from requests_app.policy.evaluate import eligible
from requests_app.policy.on_behalf import NAME, NOBODY
from requests_app.policy.verdict import Limits
from requests_app.views.on_offer import limits_of

ME, OTHER = "me", "other"
NAMES = "for-names"
# Nobody is named yet: nothing is known, and nothing refused.
_SAY_WHOM = Check(NAME, "It is said for whom", "needed", "Nobody is named yet.", "Write their name or mail address.")  # type: ignore[arg-type]  # fmt: skip


class ForFields(forms.Form):
    """For whom, and the address they come from: it is typed, since who asks is somewhere else."""

    whom = forms.ChoiceField(
        label="For",
        required=False,
        choices=[(ME, "Me"), (OTHER, "Somebody else")],
        widget=forms.RadioSelect,
    )
    person = forms.CharField(
        label="Who",
        required=False,
        max_length=200,
        help_text="Their name, or the name they sign in with. They get the access, are told, and may withdraw it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "list": NAMES}),
    )
    their_source = forms.CharField(
        label="Their address",
        required=False,
        max_length=50,
        help_text="The address they come from. The portal sees yours, so ask them: it is let in, and compared with where "
        "they are when they activate it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )

    @property
    def for_other(self) -> bool:
        """Return whether it is asked for somebody else; of what was typed so far."""
        return bool(self.cleaned_data.get("whom") == OTHER)

    def clean(self) -> dict[str, Any]:
        """Return what was typed; somebody else has to have a name."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        if self.for_other and not said.get("person", "").strip() and "person" not in self.errors:
            self.add_error("person", "Say for whom you ask.")
        return said


@dataclass(frozen=True)
class ForWhom:
    """For whom one form asks, and the most they could get of each thing.

    `offered`: there is a choice. `own`: one may ask for oneself. `person`: somebody else for whom policy lets one ask.
    `check`: why nothing can be said of anybody; policy is then not asked.
    """

    limits: tuple[Limits, ...]
    offered: bool = False
    own: bool = True
    person: Person | None = None
    check: Check | None = None


def for_whom(
    asker: Person,
    wanted: Sequence[Entitlement],
    form: ForFields | None,
    *,
    otherwise: LatchError | None = None,
) -> ForWhom:
    """Return for whom this form, typed as far as it is, asks.

    Raises as `limits_of` does where the asker could ask for one of these for nobody.
    """
    moment, policy = now(), context.active_policy()
    facts = directory.person_facts(asker, moment)
    mine = [eligible(policy, facts, context.entitlement_facts(one)) for one in wanted]
    theirs = [behalf.for_others(policy, facts, one) for one in wanted]
    most = [own or others for own, others in zip(mine, theirs, strict=True)]
    if not all(most):
        limits_of(asker, wanted, otherwise=otherwise)
    limits = tuple(one for one in most if one)
    own, offered = all(mine), any(theirs)
    found = ForWhom(limits, offered, own)
    if own and not (form and form.for_other):
        return found
    return _somebody_else(asker, wanted, form, found)


def _somebody_else(
    asker: Person, wanted: Sequence[Entitlement], form: ForFields | None, found: ForWhom
) -> ForWhom:
    named = form.cleaned_data.get("person", "").strip() if form else ""
    person = behalf.find(asker, named) if named else None
    terms = behalf.terms(asker, person, wanted, now()) if person else None
    if person and terms:
        return replace(found, limits=tuple(terms), person=person)
    return replace(found, check=NOBODY if named else _SAY_WHOM)
