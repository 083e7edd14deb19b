"""The way to Azure's Logs Ingestion, handed down to the audit app, which knows neither SDK nor credential."""

from django.conf import settings

from audit_app.shipping import sentinel
from audit_app.shipping.destination import Refused, Unavailable
from requests_app import gateways
from requests_app.targets import logs
from requests_app.targets.base import TargetError


def upload(body: bytes) -> None:
    """Azure took this JSON array. Raises Refused or Unavailable, in the audit app's own words."""
    try:
        logs.upload(gateways.azure_config(), settings.SENTINEL_RULE_ID, settings.SENTINEL_STREAM, body)
    except TargetError as error:
        if error.kind == "invalid":
            raise Refused(error.message) from error
        raise Unavailable(error.message, retry_after=error.retry_after) from error


def register_all() -> None:
    """The trail can be shipped to Microsoft Sentinel, once the settings say where."""
    sentinel.hand_down(upload)
