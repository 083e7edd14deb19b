"""Questions, answers and remarks on a request, and asking one more stage: POSTs that say what became true."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from requests_app.actions import add_stage as adding
from requests_app.actions import talk
from requests_app.errors import Invalid
from requests_app.models import AccessRequest
from requests_app.views.detail import show
from requests_app.views.http import PortalRequest, visible_request, visible_stage


@require_POST
def ask(request: PortalRequest, pk: int) -> HttpResponse:
    """The requester is asked something; nobody decides until they answered."""
    access_request, text = visible_stage(request.user, pk).access_request, _text(request)
    return _said(
        request,
        access_request,
        lambda: talk.ask(by=request.user, stage_id=pk, text=text),
        f"Asked. {access_request.requester} is told; the request comes back here with the answer.",
        form="ask",
        typed=text,
    )


@require_POST
def answer(request: PortalRequest, pk: int) -> HttpResponse:
    """The question is answered, and the request waits for its approvers again."""
    access_request, text = visible_request(request.user, pk), _text(request)
    return _said(
        request,
        access_request,
        lambda: talk.answer(by=request.user, access_request_id=pk, text=text),
        "Answered. Those who decide are told, and their time begins anew.",
        form="answer",
        typed=text,
    )


@require_POST
def take_back(request: PortalRequest, pk: int) -> HttpResponse:
    """The question is not asked any more."""
    access_request = visible_request(request.user, pk)
    talk.take_back(by=request.user, access_request_id=access_request.pk)
    messages.success(request, "The question is taken back; it can be decided again.")
    return redirect("request-detail", pk=pk)


@require_POST
def comment(request: PortalRequest, pk: int) -> HttpResponse:
    """Something was said about the request; it goes on as it did."""
    access_request, text = visible_request(request.user, pk), _text(request)
    return _said(
        request,
        access_request,
        lambda: talk.remark(by=request.user, access_request=access_request, text=text),
        "Said. Everybody concerned is told.",
        form="comment",
        typed=text,
    )


@require_POST
def add_stage(request: PortalRequest, pk: int) -> HttpResponse:
    """One more stage waits behind this one."""
    access_request = visible_stage(request.user, pk).access_request
    asked = {name: request.POST.get(name, "").strip()[:200] for name in ("name", "person", "why")}
    return _said(
        request,
        access_request,
        lambda: adding.add_stage(by=request.user, stage_id=pk, **asked),
        "Added. It is asked once this stage has agreed; your own decision is still open.",
        form="add_stage",
        typed=asked,
    )


def _said(
    request: PortalRequest,
    access_request: AccessRequest,
    act: Callable[[], object],
    words: str,
    *,
    form: str,
    typed: str | dict[str, str],
) -> HttpResponse:
    """Return to the request once it is done; what can not be used comes back on its form, as it was typed."""
    try:
        act()
    except Invalid as error:
        again = {"talk_form": form, "talk_error": error.reason, "talk_typed": typed, "status": error.status}
        return show(request, visible_request(request.user, access_request.pk), **again)
    messages.success(request, words)
    return redirect("request-detail", pk=access_request.pk)


def _text(request: PortalRequest) -> str:
    return request.POST.get("text", "").strip()[: talk.LONGEST]
