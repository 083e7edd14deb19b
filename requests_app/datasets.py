"""What the audit pages can export of this app: grants and requests, one row each. Reading only; no page here."""

from typing import Any

from django import forms
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Extract

from audit_app.clock import now
from audit_app.exports import Column, Dataset, register
from audit_app.filters import Period, UtcField
from requests_app.dataset_columns import decisions, joined, minutes, moments, yes
from requests_app.models import AccessRequest, EligibilitySpan, Grant, RequestItem


class AskedFor(Period):
    """Which requests and grants: asked when, by whom, for what."""

    person = forms.CharField(label="Person", required=False, max_length=200)
    resource = forms.CharField(label="Resource", required=False, max_length=200)

    field_order = ("person", "resource", "since", "until")


class AsOf(forms.Form):
    """Who could ask for what at one moment; empty: now."""

    as_of = UtcField(
        label="As of (UTC)",
        required=False,
        error_messages={"invalid": "Write a date and a time, such as 2026-11-22 14:00."},
    )
    person = forms.CharField(label="Person", required=False, max_length=200)
    resource = forms.CharField(label="Resource", required=False, max_length=200)


_ELIGIBILITY = (
    Column("person", "Who, by name."),
    Column("person_id", "Who: tenant and object id."),
    Column("entitlement", "The way in they could have."),
    Column("entitlement_key", "Its key in the policy's files."),
    Column("way", "How: ask, or break_glass, which opens at once with nobody asked."),
    Column("resource", "What it leads to."),
    Column("environment", "Where that belongs."),
    Column("stages", "The stages a request had to pass, in order."),
    Column("max_minutes", "For how long at most.", "plain"),
    Column("policy", "The policy in force when it began, by hash."),
    Column("since", "Since when, as far as the portal looked: every two minutes.", "time"),
    Column("until", "Until when; empty: still.", "time"),
)
_REQUEST = (
    Column("request", "The request's number.", "plain"),
    Column("person", "Who gets the access, by name."),
    Column("person_id", "Who gets it: tenant and object id."),
)
_WAY = (
    Column("resource", "What it is for."),
    Column("entitlement", "The way in."),
    Column("source", "The address or range it is open to."),
    Column("minutes", "For how long it was asked.", "plain"),
)
_ASKING = (
    Column("reason", "Why, in the requester's words."),
    Column("ticket", "The ticket that was named."),
    Column("asked_at", "When it was asked.", "time"),
    Column(
        "decisions",
        "Each decision: time, who (and in whose place), vote, stage and reason, one after the other.",
    ),
    Column("decided_at", "When the last decision fell, or the request ended without one.", "time"),
    Column("break_glass", "true: opened in an emergency, with nobody asked.", "plain"),
    Column("asked_by", "Who asked for them, by name; empty: they themself."),
    Column("asked_by_id", "Who asked for them: tenant and object id."),
)
_GRANT = (
    Column("grant", "The grant's own id, as it stands in the trail.", "plain"),
    Column("state", "Where it stands now."),
    Column("issued_at", "When it was agreed to.", "time"),
    Column("activate_from", "When its window began, if it was asked for later; empty: at once.", "time"),
    Column("closes_by", "When its window ended, and it with it at the latest.", "time"),
    Column("activated_at", "When its holder activated it.", "time"),
    Column("opened_at", "When the rule was read back from Azure.", "time"),
    Column("expires_at", "When its time is up.", "time"),
    Column("ended_at", "When closing became due, for whatever reason.", "time"),
    Column("closed_at", "When the rule's absence was read back from Azure.", "time"),
    Column("close_lag_seconds", "From due to closed, Azure's own time included.", "plain"),
    Column("ended_why", "Why it ended."),
    Column("ended_note", "What was said when it ended."),
)


# In the order of the dataset's columns.
_GRANT_COLUMNS = (
    "access_request_id",
    "person__display_name",
    "person__key",
    "entitlement__resource__name",
    "entitlement__name",
    "source_address",
    "minutes",
    "access_request__reason",
    "access_request__ticket",
    "access_request__submitted_at",
    "told",
    "access_request__decided_at",
    "broken",
    "access_request__asked_by__display_name",
    "access_request__asked_by__key",
    "uid",
    "state",
    "issued_at",
    "activate_from",
    "closes_by",
    "activated_at",
    "opened_at",
    "expires_at",
    "ending_at",
    "closed_at",
    "lag",
    "ended_why",
    "ended_note",
)


def _grants(asked: dict[str, Any]) -> "QuerySet[Any, Any]":
    found = Grant.objects.all()
    if asked.get("person"):
        either = Q(person__display_name__icontains=asked["person"])
        found = found.filter(either | Q(access_request__asked_by__display_name__icontains=asked["person"]))
    if asked.get("resource"):
        found = found.filter(entitlement__resource__name__icontains=asked["resource"])
    if asked.get("since"):
        found = found.filter(access_request__submitted_at__gte=asked["since"])
    if asked.get("until"):
        found = found.filter(access_request__submitted_at__lte=asked["until"])
    times = found.annotate(
        told=decisions("access_request"),
        minutes=minutes("duration"),
        broken=yes("break_glass"),
        lag=Extract(F("closed_at") - F("ending_at"), "epoch"),
    )
    return times.order_by("id").values_list(*_GRANT_COLUMNS)


_REQUEST_COLUMNS = (
    "id",
    "requester__display_name",
    "requester__key",
    "resources",
    "ways",
    "source_address",
    "minutes",
    "begins",
    "reason",
    "ticket",
    "submitted_at",
    "told",
    "decided_at",
    "broken",
    "asked_by__display_name",
    "asked_by__key",
    "state",
    "policy_hash",
)


def _requests(asked: dict[str, Any]) -> "QuerySet[Any, Any]":
    found = AccessRequest.objects.all()
    if asked.get("person"):
        either = Q(requester__display_name__icontains=asked["person"])
        found = found.filter(either | Q(asked_by__display_name__icontains=asked["person"]))
    if asked.get("resource"):
        about = RequestItem.objects.filter(entitlement__resource__name__icontains=asked["resource"])
        found = found.filter(pk__in=about.values("access_request"))
    if asked.get("since"):
        found = found.filter(submitted_at__gte=asked["since"])
    if asked.get("until"):
        found = found.filter(submitted_at__lte=asked["until"])
    return (
        found.annotate(
            told=decisions("pk"),
            resources=joined("entitlement__resource__name"),
            ways=joined("entitlement__name"),
            minutes=minutes("duration"),
            begins=moments("starts"),
            broken=yes("break_glass"),
        )
        .order_by("id")
        .values_list(*_REQUEST_COLUMNS)
    )


def _eligibility(asked: dict[str, Any]) -> "QuerySet[Any, Any]":
    moment = asked.get("as_of") or now()
    found = EligibilitySpan.objects.filter(since__lte=moment).filter(Q(until=None) | Q(until__gt=moment))
    if asked.get("person"):
        found = found.filter(person_label__icontains=asked["person"])
    if asked.get("resource"):
        found = found.filter(resource_label__icontains=asked["resource"])
    return found.order_by("person_label", "resource_label", "right_label", "way", "id").values_list(
        "person_label",
        "person_id",
        "right_label",
        "right_key",
        "way",
        "resource_label",
        "environment",
        "stages",
        "max_minutes",
        "policy_hash",
        "since",
        "until",
    )


def register_all() -> None:
    """Grants, requests and eligibility can be exported from the audit pages."""
    register(
        Dataset(
            "eligibility",
            "Eligibility",
            "Who could have what and how, as of any moment since the portal looks: a row for each person, right and way.",
            _ELIGIBILITY,
            AsOf,
            _eligibility,
        )
    )
    register(
        Dataset(
            "grants",
            "Grants",
            "One row for each grant, with every time: asked, decided, activated, opened, due, closed.",
            (*_REQUEST, *_WAY, *_ASKING, *_GRANT),
            AskedFor,
            _grants,
        )
    )
    register(
        Dataset(
            "requests",
            "Requests",
            "One row for each request, granted or not, with every decision on it.",
            (
                *_REQUEST,
                *_WAY,
                Column("windows", "When each window began, if it was asked for later; empty: at once."),
                *_ASKING,
                Column("state", "Where it stands now."),
                Column("policy", "The policy it was asked under, by hash."),
            ),
            AskedFor,
            _requests,
        )
    )
