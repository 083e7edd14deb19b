"""Latch codes at the door: shown once, pasted, spent. A code is never in an address, a message or a log."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from audit_app import origin
from audit_app.clock import now
from requests_app.actions import activate as activating
from requests_app.actions import codes
from requests_app.codes.token import LONGEST
from requests_app.errors import Gone, Refused, SignInNeeded
from requests_app.models import AccessRequest, Grant
from requests_app.views import kept_form
from requests_app.views.http import PortalRequest, sign_in_facts, visible_request

ELSEWHERE = "source address"


class CodeForm(forms.Form):
    """A pasted code; `from_elsewhere` says that another address than the one asked from is meant."""

    code = forms.CharField(
        label="Latch code",
        max_length=LONGEST,
        error_messages={"required": "Paste the code you were shown."},
        widget=forms.Textarea(
            attrs={
                "rows": 5,
                "autocomplete": "off",
                "spellcheck": "false",
                "class": "mono",
                "translate": "no",
            }
        ),
    )
    from_elsewhere = forms.BooleanField(required=False)


@never_cache
@require_POST
def get_code(request: PortalRequest, pk: int) -> HttpResponse:
    """Show a fresh code of this approved request, once."""
    access_request = visible_request(request.user, pk)
    text = codes.get_code(by=request.user, access_request_id=access_request.pk)
    begins = access_request.codes.order_by("-pk").values_list("activate_from", flat=True)[0]
    grants = Grant.objects.filter(access_request=access_request, activate_from=begins)
    context = {
        "code": text,
        "access_request": access_request,
        "grants": list(grants.select_related("entitlement")),
        "begins": begins if begins and begins > now() else None,
    }
    return render(request, "requests/code.html", context)


@never_cache
@require_POST
def activate(request: PortalRequest, pk: int) -> HttpResponse:
    """Make and spend a code in one step; whoever is somewhere else now is asked whether they mean it."""
    access_request = visible_request(request.user, pk)
    meant = request.POST.get("from_elsewhere") == "1"
    try:
        done = activating.activate(
            by=request.user, access_request_id=pk, from_elsewhere=meant, sign_in=sign_in_facts(request)
        )
    except SignInNeeded as error:
        back = reverse("request-detail", kwargs={"pk": pk})
        return kept_form.step_up(request, error, purpose=kept_form.ACTIVATION, back=back)
    except Refused as error:
        if error.check != ELSEWHERE:
            raise
        return elsewhere(request, access_request, error)
    return _opening(request, done)


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def activate_code(request: PortalRequest) -> HttpResponse:
    """Take a pasted code and spend it; a refusal stands on the form, which keeps what was pasted."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    if kept := kept_form.shown(request, kept_form.CODE):
        # A code is kept for no longer than the way to Entra and back takes.
        kept_form.drop(request, kept_form.CODE)
        form = CodeForm(initial={"code": kept.first("code")})
    context: dict[str, object] = {"form": form, "elsewhere": bool(kept and kept.first("from_elsewhere"))}
    context["meant"] = context["elsewhere"]
    status = 200
    if form.is_bound and form.is_valid():
        said = form.cleaned_data
        try:
            done = activating.activate_with_code(
                by=request.user,
                text=said["code"],
                from_elsewhere=said["from_elsewhere"],
                sign_in=sign_in_facts(request),
            )
        except SignInNeeded as error:
            return kept_form.step_up(request, error, purpose=kept_form.CODE, back=request.path)
        except (Refused, Gone) as error:
            context |= {"error": error, "elsewhere": error.check == ELSEWHERE}
            status = error.status
        else:
            return _opening(request, done)
    elif form.is_bound:
        status = 422
    return render(request, "requests/activate.html", context, status=status)


def elsewhere(request: PortalRequest, access_request: AccessRequest, error: Refused) -> HttpResponse:
    """Return the page that asks whoever is at another address whether they mean it; it posts here again."""
    context = {
        "access_request": access_request,
        "error": error,
        "here": origin.current().source_address,
        "action": request.path,
    }
    return render(request, "requests/elsewhere.html", context, status=error.status)


def _opening(request: PortalRequest, done: activating.Activated) -> HttpResponse:
    kept_form.drop(request, kept_form.ACTIVATION, kept_form.CODE)
    messages.success(request, "Activated. It is opening; the time starts when Azure confirms the rule.")
    for _, error in done.refused:
        way_on = error.way_on or "Look at what policy says of it."
        messages.warning(request, f"{error.reason} The others are opening. {way_on}")
    return redirect("request-detail", pk=done.access_request.pk)
