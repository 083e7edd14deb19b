"""Breaking the glass with a sign-in too old: through Entra and back to the same form, which is pressed once more."""

from typing import Any
from uuid import uuid4

import pytest

from requests_app.models import AccessRequest
from tests.entra.visitor import Visitor
from tests.support.azure import SSH
from tests.support.glass import WHY

pytestmark = pytest.mark.django_db
PAGE = "/break-glass/"


def test_the_way_through_entra_keeps_the_form(tenant: Any) -> None:
    leila = Visitor("leila")
    said = {
        "entitlement": SSH,
        "submission_key": str(uuid4()),
        "duration": "25",
        "reason": f"{WHY} & <it> burns",
        "ticket": "INC-2214",
        "source": leila.person.address,
    }
    back = leila.back(leila.sent(leila.site.post(PAGE, said)), mfa="confirmed")
    assert not AccessRequest.objects.exists(), "coming back opens nothing by itself"
    page = leila.site.get(back["Location"]).content.decode()
    assert "Nothing is open yet" in page
    for name in ("submission_key", "duration", "ticket", "source", "entitlement"):
        assert f'value="{said[name]}"' in page, f"{name} is lost"
    assert "&amp; &lt;it&gt; burns" in page
    answer = leila.site.post(PAGE, said)
    made = AccessRequest.objects.get()
    assert answer["Location"] == f"/requests/{made.pk}/"
    assert leila.site.post(PAGE, said)["Location"] == f"/requests/{made.pk}/"
    assert AccessRequest.objects.count() == 1
    assert made.sign_in["acrs"] == ["c1"]
