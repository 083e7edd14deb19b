"""The catalogue: what could I ask for? Only what policy lets this person ask for; search and filters in the address."""

from dataclasses import dataclass
from datetime import timedelta

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit_app.clock import now
from requests_app import bundles, context, directory
from requests_app.behalf import for_others
from requests_app.models import AccessRequest, Entitlement, Grant, Person, RequestItem, Resource
from requests_app.policy.evaluate import eligible
from requests_app.policy.verdict import Limits
from requests_app.views.http import PortalRequest
from requests_app.views.stages import usual_waits


@dataclass(frozen=True)
class Offer:
    """One entitlement this person may ask for. `under_way` is their own request for it that is not over.

    `ticked` ones are to be asked for together; they stay in sight whatever is looked for.
    """

    entitlement: Entitlement
    limits: Limits
    usual: timedelta | None
    under_way: int | None
    ticked: bool = False
    # It is offered for other people alone.
    for_others: bool = False


class CatalogueFilter(forms.Form):
    """What the address says: ?q=…&environment=…&kind=… A value nobody offers filters everything away."""

    q = forms.CharField(
        label="Search", required=False, max_length=100, widget=forms.TextInput(attrs={"type": "search"})
    )
    environment = forms.CharField(label="Environment", required=False, max_length=40)
    kind = forms.CharField(label="Kind", required=False, max_length=20)

    def __init__(self, data: object, offers: list[Offer]) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        environments = sorted({offer.entitlement.resource.environment for offer in offers} - {""})
        kinds = sorted({offer.entitlement.resource.kind for offer in offers})
        labels = dict(Resource.Kind.choices)
        self.fields["environment"].widget = forms.Select(
            choices=[("", "All"), *((name, name.capitalize()) for name in environments)]
        )
        self.fields["kind"].widget = forms.Select(
            choices=[("", "All"), *((kind, labels.get(kind, kind)) for kind in kinds)]
        )

    def keeps(self, offer: Offer) -> bool:
        """Return whether this offer is among what was looked for: every word of `q`, anywhere in its names."""
        said = self.cleaned_data
        resource = offer.entitlement.resource
        names = (
            f"{offer.entitlement.name} {offer.entitlement.key} {resource.name} {resource.environment}".lower()
        )
        return (
            all(word in names for word in said.get("q", "").lower().split())
            and said.get("environment", "") in ("", resource.environment)
            and said.get("kind", "") in ("", resource.kind)
        )


@never_cache
@require_safe
def catalogue(request: PortalRequest) -> HttpResponse:
    """Show what this person could ask for, narrowed by the address."""
    ticked_keys = frozenset(request.GET.getlist("entitlement"))
    offers, taken_away, may_break_glass = _offers(request.user, ticked_keys)
    form = CatalogueFilter(request.GET, offers)
    found = [offer for offer in offers if form.is_valid() and form.keeps(offer)]
    ticked = [offer for offer in offers if offer.ticked]
    words = {
        "form": form,
        "offers": [*ticked, *(offer for offer in found if not offer.ticked)],
        "found": len(found),
        "most": bundles.MOST,
        "total": len(offers),
        "filtered": any(request.GET.get(name) for name in form.fields),
        "taken_away": taken_away,
        "may_break_glass": may_break_glass,
    }
    name = "requests/catalogue.html#offers" if request.htmx else "requests/catalogue.html"
    response = render(request, name, words)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _offers(
    person: Person, ticked: frozenset[str]
) -> tuple[list[Offer], list[tuple[Entitlement, str]], bool]:
    """Return what this person may ask for, and what was taken away from them, with who and why in words.

    And whether some rule for emergencies names them: what it lets them open has a page of its own.
    """
    policy = context.active_policy()
    facts = directory.person_facts(person, now())
    on_offer = Entitlement.objects.filter(active=True, resource__active=True).select_related("resource")
    usual, under_way = usual_waits(), _under_way(person)
    found, taken_away = [], []
    for entitlement in on_offer.order_by("resource__environment", "resource__name", "name"):
        limits = eligible(policy, facts, context.entitlement_facts(entitlement))
        if entitlement.key in facts.taken_away:
            taken_away.append((entitlement, facts.taken_away[entitlement.key]))
        most = limits or for_others(policy, facts, entitlement)
        if most is not None:
            waits, own = usual.get(entitlement.pk), under_way.get(entitlement.pk)
            ticks = entitlement.key in ticked
            found.append(Offer(entitlement, most, waits, own, ticks, for_others=limits is None))
    return found, taken_away, any(rule.who.matches(facts) for rule in policy.emergency)


def _under_way(person: Person) -> dict[int, int]:
    """Return, by entitlement, this person's latest request that waits or whose grant is not closed."""
    # Asked apart, each finds its few rows by an index; joined by OR, everything this person ever asked is read.
    waiting = RequestItem.objects.filter(
        access_request__requester=person,
        access_request__state=AccessRequest.State.PENDING,
        left_out_at=None,
    )
    held = Grant.objects.filter(person=person).exclude(state=Grant.State.CLOSED)
    columns = ("access_request", "entitlement")
    found = waiting.order_by().values_list(*columns).union(held.order_by().values_list(*columns))
    return {entitlement: access_request for access_request, entitlement in sorted(found)}
