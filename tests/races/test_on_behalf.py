"""The same form for somebody else sent twice at the same instant, on two real connections."""

from typing import Any
from uuid import uuid4

import pytest

from requests_app.models import AccessRequest, Message
from tests.support.behalf import asked_for
from tests.support.races import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


def test_the_same_form_sent_twice_is_one_request_and_one_notice(people: Any, policy: Any) -> None:
    for _ in range(3):
        key = uuid4()

        def send(key: Any = key) -> AccessRequest:
            return asked_for(people["ben"], people["requester"], submission_key=key)

        at_once(send, send)
        made = AccessRequest.objects.get(submission_key=key)
        assert Message.objects.filter(key=f"asked_for_you:{made.pk}").count() == 1
