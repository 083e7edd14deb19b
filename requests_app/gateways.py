"""The targets and readers of this installation, made from the site's settings. No call to Azure happens here."""

from functools import cache

from django.conf import settings

from requests_app.targets.azure_cloud import AzureConfig
from requests_app.targets.base import Target
from requests_app.targets.graph import GraphReader
from requests_app.targets.nsg import NsgTarget


@cache
def azure_config() -> AzureConfig:
    """Return how this installation reaches Azure."""
    return AzureConfig(
        arm_endpoint=settings.ARM_ENDPOINT,
        graph_endpoint=settings.GRAPH_ENDPOINT,
        credential=settings.AZURE_CREDENTIAL,
        client_id=settings.AZURE_CLIENT_ID,
        allow_cleartext_loopback=settings.LATCH_DEMO,
        poll_seconds=settings.AZURE_POLL_SECONDS,
    )


@cache
def target(kind: str) -> Target:
    """Return what reads and writes containers of this kind; KeyError for an unknown kind."""
    return {"nsg": NsgTarget(azure_config(), settings.LATCH_INSTANCE)}[kind]


def graph_reader() -> GraphReader:
    """Return a reader of the directory, with a deadline that starts now."""
    return GraphReader(azure_config())
