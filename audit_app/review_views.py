"""The pages of access reviews: campaigns, one campaign's rows, its evidence. Decisions themselves are in reviews/."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit_app import lifecycle
from audit_app.access import RUN_REVIEWS, VIEW_EVENTS, Unknown, party, runners_only
from audit_app.models import AccessReview, ReviewItem
from audit_app.review_forms import CampaignForm, RowFilter
from audit_app.reviews import campaign, decide, evidence
from audit_app.reviews.source import Source, UnknownSource, source, sources

RECENT, PAGE = 50, 50


@dataclass(frozen=True)
class Line:
    """One row as the reader sees it: what they may do with it, and what was learnt about it."""

    item: ReviewItem
    decidable: bool
    undoable: bool
    last_used: datetime | None
    last_sign_in: datetime | None
    since: datetime | None
    until: datetime | None


@never_cache
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Show the campaigns this person may see, with how far each is, and how many rows wait for them."""
    me = party(request).id
    reviews = _visible(request).annotate(
        rows=Count("items"),
        decided=Count("items", filter=~Q(items__state=ReviewItem.State.UNDECIDED)),
    )
    words = {
        "reviews": reviews.order_by("-id")[:RECENT],
        "recent": RECENT,
        "waiting": ReviewItem.objects.asked_of(me).waiting().count(),
        "may_run": request.user.has_perm(RUN_REVIEWS),
        "may_read": request.user.has_perm(VIEW_EVENTS),
    }
    return render(request, "audit/reviews.html", words)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@runners_only
def new(request: HttpRequest) -> HttpResponse:
    """Show the form of a campaign about what ?of=… names; by POST, it is planned, and begins by the clock."""
    of = _chosen(request.GET.get("of", ""))
    form = CampaignForm(request.POST if request.method == "POST" else None, of)
    if request.method == "POST" and form.is_valid():
        made = campaign.plan(by=party(request), source=of.name, **form.fields_of_campaign())
        messages.success(
            request, "Planned. It begins within a minute of its start, and its reviewers get a mail."
        )
        return redirect("audit:review", uid=made.uid)
    shown = {
        "form": form,
        "of": of,
        "all": sources(),
        "first": [form[name] for name in ("reviewers", "due_at", "silence", "recurrence")],
        "scope_fields": [form[name] for name in form.dimensions],
        "scope_words": ", ".join(str(form[name].label) for name in form.dimensions).lower(),
        "narrowed": form.holds_any_of(form.dimensions),
        "timed": form.holds_any_of(["starts_at", "remind_days", "escalate_to"]),
    }
    return render(request, "audit/review_new.html", shown, status=422 if form.errors else 200)


def _chosen(name: str) -> Source:
    """Return what people can make a campaign about by this name, the usual one without; raises UnknownSource."""
    found = [one for one in sources() if name in ("", one.name)]
    if not found:
        raise UnknownSource(name[:40])
    return found[0]


@never_cache
@require_GET
def review(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show a campaign and the rows this person may see, narrowed by the address."""
    return _page(request, _found(request, uid))


@require_POST
def decide_rows(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The posted rows are decided; what is wrong is said on the page, with what was chosen and typed kept."""
    found = _found(request, uid)
    chosen = [
        int(number) for number in request.POST.getlist("item") if number.isdecimal() and len(number) < 19
    ]
    choice = request.POST.get("choice", "")
    if not chosen or choice not in ReviewItem.Choice.values:
        words = "Choose at least one row, and whether to keep or to remove."
        return _page(request, found, error=words, status=422, chosen=chosen)
    rows = found.items.filter(pk__in=chosen).values_list("pk", flat=True)
    try:
        decided = decide.decide(
            by=party(request), item_ids=rows, choice=choice, why=request.POST.get("reason", "")[:1000]
        )
    except decide.NeedsReason as refusal:
        words = f"{refusal.reason} {refusal.way_on}"
        return _page(request, found, error=words, status=refusal.status, chosen=chosen)
    except lifecycle.Stale as refusal:
        return _page(request, found, error=f"{refusal} They are shown as they stand now.", status=409)
    messages.success(request, _said(choice, decided))
    return redirect(f"{request.path.removesuffix('decide')}?{request.POST.get('back', '')[:500]}".rstrip("?"))


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """The row is undecided again."""
    item = ReviewItem.objects.select_related("review").filter(pk=pk).first()
    if item is None:
        raise Unknown("There is no such row.")
    decide.undo(by=party(request), item_id=pk)
    messages.success(request, f"Undone: {item}.")
    return redirect("audit:review", uid=item.review.uid)


@require_POST
@runners_only
def sign_off(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The campaign is closed, if everything is decided."""
    campaign.sign_off(
        by=party(request), review=_found(request, uid), note=request.POST.get("reason", "")[:1000]
    )
    messages.success(request, "Signed off. The evidence pack is ready when everything is carried out.")
    return redirect("audit:review", uid=uid)


@require_POST
@runners_only
def call_off(request: HttpRequest, uid: UUID) -> HttpResponse:
    """A planned campaign never begins."""
    campaign.call_off(
        by=party(request), review=_found(request, uid), why=request.POST.get("reason", "")[:1000]
    )
    messages.success(request, "Called off.")
    return redirect("audit:review", uid=uid)


@require_POST
def evidence_pack(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Send the evidence of a campaign whose rows are all settled, and say so in the trail. For auditors and runners."""
    if not request.user.has_perm(VIEW_EVENTS):
        raise Unknown("There is no such campaign, or none whose evidence you may read.")
    found = _found(request, uid)
    pack = evidence.pack(by=party(request), review=found)
    name = f"review-{found.pk}-evidence.zip"
    return HttpResponse(
        pack,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


def _visible(request: HttpRequest) -> QuerySet[AccessReview]:
    """Return all campaigns for those who may read the trail, else those with rows for this person."""
    if request.user.has_perm(VIEW_EVENTS):
        return AccessReview.objects.all()
    mine = ReviewItem.objects.asked_of(party(request).id)
    return AccessReview.objects.filter(pk__in=mine.values("review"))


def _found(request: HttpRequest, uid: UUID) -> AccessReview:
    found = _visible(request).filter(uid=uid).first()
    if found is None:
        raise Unknown("There is no such campaign, or none with rows for you.")
    return found


def _page(
    request: HttpRequest,
    found: AccessReview,
    *,
    error: str = "",
    status: int = 200,
    chosen: Iterable[int] = (),
) -> HttpResponse:
    me, of = party(request).id, source(found.source)
    # Where a decision was refused, the page is the one it was made on.
    asked_for = QueryDict(request.POST.get("back", "")[:500]) if request.method == "POST" else request.GET
    everything = request.user.has_perm(VIEW_EVENTS)
    rows: QuerySet[ReviewItem] = found.items.all() if everything else found.items.asked_of(me)
    form = RowFilter(asked_for)
    shown = _narrowed(rows, form) if form.is_valid() else rows.none()
    after = asked_for.get("after", "")
    after = after if after.isdecimal() and len(after) < 19 else ""
    page = list(shown.filter(pk__gt=int(after or 0))[: PAGE + 1])
    asked = {name: value for name, value in asked_for.items() if name in form.fields and value}
    words = {
        "review": found,
        "form": form,
        "filtered": bool(asked),
        "lines": [_line(item, me, found) for item in page[:PAGE]],
        "older": urlencode({**asked, "after": page[PAGE - 1].pk}) if len(page) > PAGE else "",
        "back": urlencode({**asked, "after": after} if after else asked),
        "chosen": set(chosen),
        "counts": _counts(rows),
        "mine": found.items.asked_of(me).filter(state=ReviewItem.State.UNDECIDED).count(),
        "scope": _scope_words(found),
        "of": of,
        "asked_are": of.reviewers.get(found.reviewers, found.get_reviewers_display()),
        "everything": everything,
        "may_run": request.user.has_perm(RUN_REVIEWS),
        "settled": evidence.is_ready(found),
        "error": error,
        "typed": request.POST.get("reason", "") if error else "",
    }
    return render(request, "audit/review.html", words, status=status)


def _line(item: ReviewItem, me: str, found: AccessReview) -> Line:
    mine = me in item.reviewer_ids and me != item.person_id and found.state == AccessReview.State.OPEN
    events = {transition.event for transition in lifecycle.ITEMS.open_to(item.state, frozenset({"reviewer"}))}
    return Line(
        item,
        decidable=mine and "keep" in events,
        undoable=mine and "undo" in events,
        last_used=_moment(item, "last_used"),
        last_sign_in=_moment(item, "last_sign_in"),
        since=_moment(item, "since"),
        until=_moment(item, "until"),
    )


def _moment(item: ReviewItem, name: str) -> datetime | None:
    said = item.facts.get(name)
    return datetime.fromisoformat(said) if said else None


def _narrowed(rows: QuerySet[ReviewItem], form: RowFilter) -> QuerySet[ReviewItem]:
    said = form.cleaned_data
    for word in said["q"].split():
        rows = rows.filter(
            Q(person_label__icontains=word)
            | Q(right_label__icontains=word)
            | Q(resource_label__icontains=word)
        )
    if said["state"]:
        rows = rows.filter(state=said["state"])
    if said["recommended"]:
        rows = rows.filter(recommendation=said["recommended"])
    return rows.filter(never_used=True) if said["never_used"] else rows


def _counts(rows: QuerySet[ReviewItem]) -> dict[str, int]:
    """Return how many rows there are, by what was decided, and how many nobody can decide."""
    return dict(
        rows.aggregate(
            all=Count("pk"),
            undecided=Count("pk", filter=Q(decision="")),
            keep=Count("pk", filter=Q(decision="keep")),
            remove=Count("pk", filter=Q(decision="remove")),
            applied=Count("pk", filter=Q(decision="remove", state="applied")),
            nobody=Count("pk", filter=Q(reviewer_ids=[])),
        )
    )


def _scope_words(found: AccessReview) -> str:
    labels = {dimension.name: dimension for dimension in source(found.source).dimensions()}
    said = []
    for name, values in found.scope.items():
        names = dict(labels[name].choices) if name in labels else {}
        said.append(", ".join(str(names.get(value, value)) for value in values))
    return "; ".join(said) or "Everything"


def _said(choice: str, decided: decide.Decided) -> str:
    rows = f"{decided.done} row{'' if decided.done == 1 else 's'}"
    words = (
        f"{rows} kept."
        if choice == ReviewItem.Choice.KEEP
        else (f"{rows} removed. It is carried out in two minutes; until then it can be undone.")
    )
    return f"{words} {decided.left} had been decided before and stay as they were." if decided.left else words
