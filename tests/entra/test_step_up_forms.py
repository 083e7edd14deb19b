"""The other forms that ask for a fresh sign-in: a decision, an activation, a pasted code, more time. Over HTTP."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session

from audit_app.clock import now
from requests_app.actions import activate, codes, decide
from requests_app.models import AccessRequest, Decision, Grant, Person
from tests.entra.visitor import Visitor
from tests.support.azure import active_stage, asked, read_back

pytestmark = pytest.mark.django_db
LOGS = "prod-logs-01-search"


def searching(people: Any) -> AccessRequest:
    """A request to search the logs, which waits for their owner."""
    reason = "Somebody tried passwords on the bastion last night"
    return asked(people["security"], key=LOGS, reason=reason)


def owner_of(wish: AccessRequest) -> Visitor:
    oid = wish.items.get().entitlement.resource.owner_oid
    return Visitor(str(oid))


def test_a_decision_comes_back_with_its_reason_and_to_the_inbox(tenant: Any, people: Any) -> None:
    wish = searching(people)
    owner, stage = owner_of(wish), active_stage(wish)
    assert "Approving asks for the authentication context c1" in owner.site.get("/inbox/").content.decode()
    form = {"vote": "approve", "reason": "Agreed on the phone; only for tonight", "back": "inbox"}
    back = owner.back(owner.sent(owner.site.post(f"/stages/{stage.pk}/decide", form)), mfa="confirmed")
    page = owner.site.get(back["Location"]).content.decode()
    assert form["reason"] in page
    assert 'name="back" value="inbox"' in page
    assert not Decision.objects.exists()
    assert "Approving asks for" not in page
    assert owner.site.post(f"/stages/{stage.pk}/decide", form)["Location"] == "/inbox/"
    assert Decision.objects.get().reason == form["reason"]


def test_a_denial_asks_for_nothing(tenant: Any, people: Any) -> None:
    wish = searching(people)
    owner, stage = owner_of(wish), active_stage(wish)
    form = {"vote": "deny", "reason": "Ask the team that runs it", "back": "inbox"}
    assert owner.site.post(f"/stages/{stage.pk}/decide", form)["Location"] == "/inbox/"
    assert Decision.objects.get().vote == "deny"


def agreed(people: Any) -> AccessRequest:
    wish = searching(people)
    by = Person.objects.get(oid=wish.items.get().entitlement.resource.owner_oid)
    fresh = {"auth_time": now().isoformat(), "acrs": ["c1"]}
    decide.decide(by=by, stage_id=active_stage(wish).pk, vote="approve", sign_in=fresh)
    return wish


def test_activating_leads_through_entra_and_is_pressed_again(tenant: Any, people: Any) -> None:
    wish = agreed(people)
    sol = Visitor("sol")
    assert "Activating asks for" in sol.site.get(f"/requests/{wish.pk}/").content.decode()
    back = sol.back(sol.sent(sol.site.post(f"/requests/{wish.pk}/activate")), mfa="confirmed")
    page = sol.site.get(back["Location"]).content.decode()
    assert "Activate now" in page
    assert Grant.objects.get().state == "issued"
    sol.site.post(f"/requests/{wish.pk}/activate")
    assert Grant.objects.get().state == "opening"


def test_who_meant_another_address_is_not_asked_twice(tenant: Any, people: Any) -> None:
    wish = agreed(people)
    sol = Visitor("sol")
    sol.site.defaults["REMOTE_ADDR"] = "5.45.207.1"
    assert sol.site.post(f"/requests/{wish.pk}/activate").status_code == 403
    answer = sol.site.post(f"/requests/{wish.pk}/activate", {"from_elsewhere": "1"})
    page = sol.site.get(sol.back(sol.sent(answer), mfa="confirmed")["Location"]).content.decode()
    assert 'name="from_elsewhere" value="1"' in page


def test_a_pasted_code_comes_back_once_and_is_kept_no_longer(tenant: Any, people: Any) -> None:
    wish = agreed(people)
    sol = Visitor("sol")
    code = codes.get_code(by=Person.objects.get(oid=sol.person.oid), access_request_id=wish.pk)
    away = sol.sent(sol.site.post("/activate/", {"code": code}))
    assert code not in away
    assert code not in "".join(str(row.get_decoded()) for row in Session.objects.all())
    back = sol.back(away, mfa="confirmed")["Location"]
    assert code in sol.site.get(back).content.decode()
    assert code not in sol.site.get(back).content.decode()
    assert sol.site.post("/activate/", {"code": code}).status_code == 302
    assert Grant.objects.get().state == "opening"


def test_more_time_comes_back_with_what_was_chosen(tenant: Any, people: Any) -> None:
    wish = agreed(people)
    sol = Visitor("sol")
    fresh = {"auth_time": now().isoformat(), "acrs": ["c1"]}
    person = Person.objects.get(oid=sol.person.oid)
    activate.activate(by=person, access_request_id=wish.pk, from_elsewhere=True, sign_in=fresh)
    read_back(Grant.objects.get())
    page = sol.site.get(f"/requests/{wish.pk}/").content.decode()
    total = page.split('<option value="')[2].split('"')[0]
    form = {"total": total, "reason": "The search is not through", "submission_key": str(uuid4())}
    back = sol.back(sol.sent(sol.site.post(f"/requests/{wish.pk}/extend", form)), mfa="confirmed")
    page = sol.site.get(back["Location"]).content.decode()
    assert f'<option value="{total}" selected>' in page
    assert form["reason"] in page
    assert form["submission_key"] in page
    assert AccessRequest.objects.count() == 1
    assert sol.site.post(f"/requests/{wish.pk}/extend", form).status_code == 302
    assert AccessRequest.objects.count() == 2


def test_a_form_is_shown_on_its_own_page_alone(tenant: Any, people: Any) -> None:
    wish, other = searching(people), searching(people)
    owner = owner_of(wish)
    form = {"vote": "approve", "reason": "Meant for the first alone"}
    back = owner.back(
        owner.sent(owner.site.post(f"/stages/{active_stage(wish).pk}/decide", form)), mfa="confirmed"
    )
    assert form["reason"] in owner.site.get(back["Location"]).content.decode()
    elsewhere = back["Location"].replace(f"/{wish.pk}/", f"/{other.pk}/")
    assert form["reason"] not in owner.site.get(elsewhere).content.decode()
