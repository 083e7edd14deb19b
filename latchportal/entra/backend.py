"""What a signed-in person may do in the admin, by app role. Nobody signs in here: no local passwords."""

from typing import Any, Final

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model

from requests_app.models import Person
from requests_app.models.person import ADMIN_ROLE, AUDITOR_ROLE

_REQUESTS: Final = (
    "absence", "accessrequest", "arming", "attempt", "comment", "container", "containersnapshot", "decision", "delegation",
    "directorygroup", "directorymembership", "eligibilityspan", "entitlement", "grant", "heartbeat", "latchcode", "message",
    "noticechoices", "opening", "person", "policyversion", "requestitem", "resource", "rota", "shift", "signin", "stage",
    "takenaway", "verifier",
)  # fmt: skip
_AUDIT: Final = (
    "accessreview", "activityreading", "alert", "alertcursor", "event", "export", "exportrun", "exportschedule",
    "headcursor", "reviewitem", "seal", "sealedevent", "shippingcursor",
)  # fmt: skip
_VIEW: Final = frozenset(
    {*(f"audit_app.view_{model}" for model in _AUDIT), *(f"requests_app.view_{model}" for model in _REQUESTS)}
)
_CATALOGUE: Final = frozenset(
    f"requests_app.{verb}_{model}"
    for verb in ("add", "change", "delete")
    for model in ("resource", "entitlement")
)
_CAMPAIGNS: Final = frozenset({"audit_app.change_accessreview"})
# Requests, grants and events are for reading, whoever reads: they move by actions alone.
PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    AUDITOR_ROLE: _VIEW,
    ADMIN_ROLE: _VIEW | _CATALOGUE | _CAMPAIGNS,
}


class EntraBackend(BaseBackend):
    """Finds people by id and answers for their rights; BaseBackend's authenticate() lets nobody in."""

    def get_user(self, user_id: int) -> Person | None:
        """Return the person of a session; None where there is none any more."""
        return Person.objects.filter(pk=user_id).first()

    def get_group_permissions(self, user_obj: Person | AnonymousUser, obj: Model | None = None) -> set[str]:
        """Return "app.verb_model" for each right the person's app roles bring; none on single objects."""
        if obj is not None or not isinstance(user_obj, Person) or user_obj.enabled is False:
            return set()
        return {right for role in user_obj.role_names for right in PERMISSIONS.get(role, ())}

    def has_module_perms(self, user_obj: Person | AnonymousUser, app_label: str) -> bool:
        """Return whether the person may see anything of this app in the admin."""
        return any(right.startswith(f"{app_label}.") for right in self.get_all_permissions(user_obj))

    def get_all_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        """Return the same: rights come by role alone."""
        return self.get_group_permissions(user_obj, obj)
