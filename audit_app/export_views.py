"""The pages of exports: the list and what runs, the POST that starts one and records it, the file. Not what it holds."""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from audit_app import exports, manifests, places, presenters, progress, schedules
from audit_app.access import RUN_REVIEWS, NotYours, Unknown, auditors_only, party, runners_only
from audit_app.clock import now
from audit_app.models import Export, ExportSchedule

RECENT: Final = 50
_TYPES: Final = {
    "csv": "text/csv; charset=utf-8; header=present",
    "jsonl": "application/jsonl; charset=utf-8",
}


@never_cache
@require_GET
@auditors_only
def listing(request: HttpRequest) -> HttpResponse:
    """Show what can be exported, the latest exports, and how to read a file; asked by its own poll, what changes."""
    if request.headers.get("HX-Request"):
        response = render(request, "audit/exports.html#made", _made(request))
    else:
        response = _page(request, {})
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_POST
@auditors_only
def export(request: HttpRequest) -> HttpResponse:
    """An export with the posted filter exists and the trail says so; the file follows. A bad filter makes none."""
    of = exports.dataset(request.POST.get("dataset", ""))
    form = of.filters(request.POST)
    if not form.is_valid():
        return _page(request, {of.name: form}, status=422)
    filters = {name: request.POST.get(name, "").strip() for name in form.fields}
    wanted, packed = request.POST.get("form", Export.Form.CSV), request.POST.get("packed") == "on"
    if wanted not in Export.Form.values:
        raise Unknown("A file is written as csv or as jsonl.")
    if every := request.POST.get("every", ""):
        return _plan(request, of, filters, wanted, packed, every)
    made = exports.start(by=party(request), of=of, filters=filters, form=wanted, packed=packed)
    return redirect("audit:export-file", uid=made.uid)


def _plan(
    request: HttpRequest, of: exports.Dataset, filters: dict[str, str], form: str, packed: bool, every: str
) -> HttpResponse:
    if not request.user.has_perm(RUN_REVIEWS):
        raise NotYours(NotYours.reason)
    if every not in ExportSchedule.Every.values:
        raise Unknown("A file is written every day, every week or every month.")
    schedules.plan(by=party(request), of=of, filters=filters, form=form, packed=packed, every=every)
    messages.success(
        request, "Planned. The first file comes when its time is over, with its manifest beside it."
    )
    return redirect("audit:exports")


@require_POST
@runners_only
def stop_schedule(request: HttpRequest, pk: int) -> HttpResponse:
    """No further file of this regular export is written; raises Unknown for none, Stale when it was stopped already."""
    found = ExportSchedule.objects.filter(pk=pk).first()
    if found is None:
        raise Unknown("There is no such regular export.")
    schedules.stop(by=party(request), schedule=found)
    messages.success(request, "Stopped. The files that were written stay where they are.")
    return redirect("audit:exports")


@require_GET
@auditors_only
def export_file(request: HttpRequest, uid: UUID) -> StreamingHttpResponse:
    """Stream the file of an export that was started; raises Unknown for any other."""
    made = Export.objects.filter(uid=uid).first()
    if made is None:
        raise Unknown("There is no such export. An export begins with the button, never with an address.")
    return StreamingHttpResponse(
        exports.stream(made),
        content_type="application/gzip" if made.packed else _TYPES[made.form],
        headers={
            "Content-Disposition": f'attachment; filename="{made.file_name}"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


@require_GET
@auditors_only
def manifest(request: HttpRequest, uid: UUID) -> JsonResponse:
    """Give the signed manifest of an export's file; raises Unknown for none, NotFetched before it was fetched whole."""
    made = Export.objects.filter(uid=uid).first()
    if made is None:
        raise Unknown("There is no such export.")
    headers = {"Content-Disposition": f'attachment; filename="{made.file_name}.manifest.json"'}
    layout = {"indent": 1, "ensure_ascii": False}
    return JsonResponse(manifests.of_export(made), json_dumps_params=layout, headers=headers)


def _page(request: HttpRequest, refused: dict[str, forms.Form], status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        **_made(request),
        "offers": [_offer(of, refused.get(of.name)) for of in exports.datasets()],
        "everies": ExportSchedule.Every.choices if settings.EXPORT_DIR else [],
        "place": places.word() if settings.EXPORT_DIR else "",
    }
    return render(request, "audit/exports.html", context, status=status)


def _made(request: HttpRequest) -> dict[str, Any]:
    """What was made, what is being made, and how far that is."""
    moment = now()
    made = list(Export.objects.order_by("-id")[:RECENT])
    regular = list(ExportSchedule.objects.filter(stopped_at=None))
    news = progress.of_exports({row.uid: row.finished_at for row in made}, moment)
    regular_news = progress.of_schedules({row.pk: row.next_at for row in regular}, moment)
    return {
        "made": [(row, _title(row), presenters.filter_words(row.filters), news.get(row.uid)) for row in made],
        "recent": RECENT,
        "regular": [(row, regular_news.get(row.pk)) for row in regular],
        "running": any(told.runs for told in (*news.values(), *regular_news.values())),
        "may_run": request.user.has_perm(RUN_REVIEWS),
    }


def _offer(of: exports.Dataset, refused: forms.Form | None) -> dict[str, Any]:
    """A dataset with its form; ids differ by dataset, so that every label names one field."""
    form = refused or of.filters(initial={})
    form.auto_id = f"{of.name}-%s"
    return {"dataset": of, "form": form, "open": refused is not None}


def _title(made: Export) -> str:
    known = {of.name: of.title for of in exports.datasets()}
    return known.get(made.dataset, made.dataset)
