"""The site of a test shipping to the pretend Azure's Logs endpoint, by the real SDK and the real credential."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from audit_app.models import Event, ShippingCursor
from audit_app.shipping.sentinel import Sentinel
from audit_app.shipping.ship import Round, ship
from latchportal.devcloud import streams
from requests_app import gateways
from tests.support.devcloud import Devcloud


@dataclass
class Sent:
    """What the pretend Azure has received, and a way to go on shipping."""

    azure: Devcloud
    settings: Any

    def uids(self) -> list[str]:
        """The ids of the events received, in order, repetitions included."""
        return [one["record"]["EventUid"] for one in self.azure.control("GET", "logs")["records"]]

    def records(self) -> list[dict[str, Any]]:
        """The records received, in order."""
        return [one["record"] for one in self.azure.control("GET", "logs")["records"]]

    def statuses(self) -> list[int]:
        """How each call was answered."""
        return [call["status"] for call in self.azure.control("GET", "logs")["calls"]]

    def repeated(self) -> dict[str, int]:
        """Which events came more than once, and how often."""
        return {uid: times for uid, times in Counter(self.uids()).items() if times > 1}

    def again(self) -> Round:
        """One more round, its pause and whatever hold there was being over."""
        ShippingCursor.objects.update(due_at=None, held_by="", held_until=None)
        done = ship(Sentinel())
        assert done is not None
        return done

    def endpoint(self, url: str) -> None:
        """From now on this is where the site sends to."""
        self.settings.SENTINEL_ENDPOINT = url
        gateways.azure_config.cache_clear()


@pytest.fixture
def sent(azure: Devcloud, settings: Any) -> Iterator[Sent]:
    """The site ships to a pretend Azure that has received nothing yet."""
    settings.SENTINEL_RULE_ID = streams.RULE
    settings.SENTINEL_STREAM = "Custom-LatchAudit"
    found = Sent(azure, settings)
    found.endpoint(azure.url)
    yield found
    gateways.azure_config.cache_clear()


@pytest.fixture
def trail() -> Callable[[], list[str]]:
    """Return a reader of every event's id, in the trail's order."""
    return lambda: [str(uid) for uid in Event.objects.order_by("id").values_list("uid", flat=True)]
