"""Which hosts are Microsoft's, and which configurations are refused."""

from __future__ import annotations

from typing import Any

import pytest

from requests_app.targets.azure_cloud import (
    AzureConfig,
    BlobPlace,
    analytics_host,
    blob_place,
    is_loopback,
    microsoft_host,
)


@pytest.mark.parametrize(
    "url",
    [
        "https://management.azure.com",
        "https://management.azure.com:443/",
        "https://login.microsoftonline.com/6f0b/v2.0",
        "https://graph.microsoft.com/v1.0",
        "https://management.usgovcloudapi.net",
        "https://login.microsoftonline.us/x",
        "https://graph.microsoft.us",
        "https://management.chinacloudapi.cn",
        "https://LOGIN.partner.microsoftonline.cn",
        "https://microsoftgraph.chinacloudapi.cn",
    ],
)
def test_microsofts_hosts_are_known(url: str) -> None:
    assert microsoft_host(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://management.azure.com",
        "https://management.azure.com:8443",
        "https://management.azure.com.evil.example",
        "https://evil.example/management.azure.com",
        "https://management.azure.com@evil.example",
        "https://evil@management.azure.com",
        "https://127.0.0.1",
        "https://[bad",
        "management.azure.com",
        "",
    ],
)
def test_every_other_host_is_not(url: str) -> None:
    assert not microsoft_host(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:9000", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:9000", True),
        ("http://localhost:9000", True),
        ("http://0.0.0.0", False),
        ("http://localhost.evil.example", False),
        ("http://10.0.0.1", False),
        ("http://[bad", False),
    ],
)
def test_loopback_is_this_machine_alone(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"arm_endpoint": "http://127.0.0.1:1"}, "arm_endpoint"),
        ({"graph_endpoint": "http://10.0.0.1", "allow_cleartext_loopback": True}, "graph_endpoint"),
        ({"arm_endpoint": "ftp://management.azure.com"}, "arm_endpoint"),
        ({"arm_endpoint": "https://management.azure.com/path"}, "arm_endpoint"),
        ({"arm_endpoint": "https://user@management.azure.com"}, "arm_endpoint"),
        ({"analytics_endpoint": "http://127.0.0.1:1"}, "analytics_endpoint"),
        ({"analytics_endpoint": "https://api.loganalytics.azure.com/v1"}, "analytics_endpoint"),
        ({"credential": "default"}, "credential"),
        ({"poll_seconds": 0}, "poll_seconds"),
        ({"read_timeout": -1}, "read_timeout"),
    ],
)
def test_a_configuration_that_could_never_be_right_is_refused(values: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        AzureConfig(**values)


def test_each_cloud_has_its_own_token_scopes() -> None:
    gov = AzureConfig("https://management.usgovcloudapi.net", "https://graph.microsoft.us")
    assert gov.arm_scope == "https://management.core.usgovcloudapi.net/.default"
    assert gov.graph_scope == "https://graph.microsoft.us/.default"
    demo = AzureConfig("http://127.0.0.1:1", "http://127.0.0.1:1", allow_cleartext_loopback=True)
    assert demo.arm_scope == "https://management.azure.com/.default"
    assert demo.graph_scope == "https://graph.microsoft.com/.default"


@pytest.mark.parametrize(
    ("endpoint", "audience"),
    [
        ("https://api.loganalytics.azure.com", "https://api.loganalytics.io"),
        ("https://api.loganalytics.io", "https://api.loganalytics.io"),
        ("https://api.loganalytics.us", "https://api.loganalytics.us"),
        ("https://api.loganalytics.azure.cn", "https://api.loganalytics.azure.cn"),
    ],
)
def test_each_clouds_log_analytics_has_its_own_audience(endpoint: str, audience: str) -> None:
    assert analytics_host(endpoint)
    assert AzureConfig(analytics_endpoint=endpoint).analytics_scope == f"{audience}/.default"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.loganalytics.io",
        "https://api.loganalytics.io.evil.example",
        "https://evil@api.loganalytics.io",
        "https://api.loganalytics.io/v1",
        "https://api.loganalytics.io:8443",
        "https://[bad",
    ],
)
def test_a_query_goes_to_azure_alone(url: str) -> None:
    assert not analytics_host(url)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (
            "https://latch1.blob.core.windows.net/heads/trail",
            BlobPlace("https://latch1.blob.core.windows.net", "heads", "trail"),
        ),
        (
            "https://latch1.blob.core.usgovcloudapi.net/ex-ports/",
            BlobPlace("https://latch1.blob.core.usgovcloudapi.net", "ex-ports", ""),
        ),
        (
            "https://latch1.blob.core.chinacloudapi.cn/heads/prod/trail",
            BlobPlace("https://latch1.blob.core.chinacloudapi.cn", "heads", "prod/trail"),
        ),
        (
            "https://latch1.z07.blob.storage.azure.net/heads/trail",
            BlobPlace("https://latch1.z07.blob.storage.azure.net", "heads", "trail"),
        ),
    ],
)
def test_a_storage_account_of_each_cloud_is_known(url: str, place: BlobPlace) -> None:
    assert blob_place(url, loopback=False) == place


@pytest.mark.parametrize(
    "url",
    [
        "http://latch1.blob.core.windows.net/heads/trail",
        "https://latch1.blob.core.windows.net:8443/heads/trail",
        "https://latch1.blob.core.windows.net.evil.example/heads/trail",
        "https://evil.example/latch1.blob.core.windows.net/heads/trail",
        "https://latch1.blob.core.windows.net@evil.example/heads/trail",
        "https://a@latch1.blob.core.windows.net/heads/trail",
        "https://a.b.blob.core.windows.net/heads/trail",
        "https://latch1-secondary.blob.core.windows.net/heads/trail",
        "https://latch1.dfs.core.windows.net/heads/trail",
        "https://latch1.blob.core.windows.net",
        "https://latch1.blob.core.windows.net/He/trail",
        "https://latch1.blob.core.windows.net/heads/../other/trail",
        "https://latch1.blob.core.windows.net/heads//trail",
        "https://latch1.blob.core.windows.net/heads/trail%2e",
        "https://latch1.blob.core.windows.net/heads/trail?sp=racw&sig=x",
        "https://latch1.blob.core.windows.net/heads/trail#x",
        "http://127.0.0.1:9700/latchtrail/heads/trail",
    ],
)
def test_every_other_place_of_blobs_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"blob"):
        blob_place(url, loopback=False)


def test_a_demo_keeps_blobs_on_this_machine_with_the_account_in_the_path() -> None:
    found = blob_place("http://127.0.0.1:9700/latchtrail/heads/trail", loopback=True)
    assert found == BlobPlace("http://127.0.0.1:9700/latchtrail", "heads", "trail")
    with pytest.raises(ValueError, match="Microsoft"):
        blob_place("http://10.0.0.4:9700/latchtrail/heads/trail", loopback=True)
