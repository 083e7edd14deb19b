"""Notices: what do I hear, and when? One's own choices, and nobody else's."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from requests_app.actions import notice_choices
from requests_app.errors import Invalid
from requests_app.models import NoticeChoices
from requests_app.views.http import PortalRequest
from requests_app.views.notices_form import NoticesForm, rows


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def notices(request: PortalRequest) -> HttpResponse:
    """Show the choices; posted, they are as chosen, or as they were at first."""
    chosen = NoticeChoices.objects.filter(person=request.user).first()
    if request.method != "POST":
        return _page(request, NoticesForm(chosen=chosen), chosen)
    if "forget" in request.POST:
        notice_choices.forget(by=request.user)
        messages.success(request, "Everything comes at once again, by mail.")
        return redirect("notices")
    form = NoticesForm(request.POST, chosen=chosen)
    if form.is_valid() and _kept(request, form):
        messages.success(request, "Kept. It holds for every notice from now on.")
        return redirect("notices")
    return _page(request, form, chosen, status=Invalid.status)


def _kept(request: PortalRequest, form: NoticesForm) -> bool:
    said = form.cleaned_data
    try:
        notice_choices.choose(
            by=request.user,
            levels=form.levels,
            quiet=form.quiet,
            digest_at=said["digest_at"],
            time_zone=said["time_zone"],
            channel=said.get("channel", ""),
        )
    except Invalid as error:
        for name, words in error.fields.items():
            form.add_error(name if name in form.fields else None, words)
        return False
    return True


def _page(
    request: PortalRequest, form: NoticesForm, chosen: NoticeChoices | None, status: int = 200
) -> HttpResponse:
    context = {"form": form, "rows": rows(form, request.user), "chosen": chosen}
    return render(request, "requests/notices.html", context, status=status)
