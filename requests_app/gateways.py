"""The targets and readers of this installation, made from the site's settings. No call to Azure happens here."""

from functools import cache

from django.conf import settings

from requests_app.targets.around import Around
from requests_app.targets.around_reader import read_around
from requests_app.targets.azure_cloud import AzureConfig
from requests_app.targets.base import ContainerState, Target
from requests_app.targets.graph import GraphReader
from requests_app.targets.nsg import NsgTarget


@cache
def azure_config() -> AzureConfig:
    """Return how this installation reaches Azure."""
    return AzureConfig(
        arm_endpoint=settings.ARM_ENDPOINT,
        graph_endpoint=settings.GRAPH_ENDPOINT,
        logs_endpoint=settings.SENTINEL_ENDPOINT,
        analytics_endpoint=settings.LOG_ANALYTICS_ENDPOINT,
        credential=settings.AZURE_CREDENTIAL,
        client_id=settings.AZURE_CLIENT_ID,
        allow_cleartext_loopback=settings.LATCH_DEMO,
        poll_seconds=settings.AZURE_POLL_SECONDS,
    )


@cache
def target(kind: str) -> Target:
    """Return what reads and writes containers of this kind; KeyError for an unknown kind."""
    return {"nsg": NsgTarget(azure_config(), settings.LATCH_INSTANCE)}[kind]


def around(state: ContainerState, correlation_id: str) -> Around:
    """Return what lies around a group that was read; what can not be read is unchecked in it."""
    return read_around(azure_config(), state, correlation_id=correlation_id)


def graph_reader() -> GraphReader:
    """Return a reader of the directory, with a deadline that starts now."""
    return GraphReader(azure_config())
