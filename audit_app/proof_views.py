"""The proof of one event, to be taken away. How it is made stands in proofs.py; how it is checked, in verify.py."""

from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from audit_app import proofs
from audit_app.access import Unknown, auditors_only
from audit_app.models import Event


@require_GET
@auditors_only
def proof(request: HttpRequest, uid: UUID) -> JsonResponse:
    """Give one event's proof as a file; raises Unknown where there is no such event, NotSealed where it is too young."""
    try:
        said = proofs.proof(uid)
    except Event.DoesNotExist:
        raise Unknown("The trail holds no such event.") from None
    headers = {"Content-Disposition": f'attachment; filename="proof-{uid}.json"'}
    return JsonResponse(said, json_dumps_params={"indent": 1, "ensure_ascii": False}, headers=headers)
