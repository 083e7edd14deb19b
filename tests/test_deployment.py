"""What the site refuses at start-up, and that every setting it reads is documented."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from latchportal import deployment

ROOT = Path(__file__).resolve().parents[1]
MICROSOFT = {
    "ENTRA_AUTHORITY": "https://login.microsoftonline.com",
    "ARM_ENDPOINT": "https://management.azure.com",
    "GRAPH_ENDPOINT": "https://graph.microsoft.com",
}
SENTINEL = "https://latch-ab12.westeurope-1.ingest.monitor.azure.com"
RULE = "dcr-" + "0" * 32
WORKSPACE = "3f1d9a52-7c64-4e0b-9b1e-5a2f60c7d811"
BLOBS = "https://latchtrail.blob.core.windows.net"


def start(**environment: str) -> subprocess.CompletedProcess[str]:
    """The site's settings read by a fresh process of this environment alone."""
    bare = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "long enough for a test and not used for anything else at all",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "DJANGO_SETTINGS_MODULE": "latchportal.settings",
    }
    order = [sys.executable, "-c", "from django.conf import settings; settings.DEBUG"]
    return subprocess.run(
        order, cwd=ROOT, env={**bare, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("roles", None),
        ("none", ()),
        ("soc@example.org", ("soc@example.org",)),
        ("soc@example.org, ada@example.org,soc@example.org", ("soc@example.org", "ada@example.org")),
    ],
)
def test_alerts_are_mailed_to_roles_to_nobody_or_to_addresses(
    text: str, meant: tuple[str, ...] | None
) -> None:
    assert deployment.mail_to(text) == meant


@pytest.mark.parametrize("text", ["", "everybody", "soc@example.org,", "soc@example.org; ada@example.org"])
def test_what_is_no_address_stops_the_start(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="ALERT_MAIL_TO"):
        deployment.mail_to(text)


def test_microsofts_clouds_are_accepted_without_a_word() -> None:
    deployment.refuse_pretend_cloud(demo=False, endpoints=MICROSOFT, hosts=["latch.example.org"])


@pytest.mark.parametrize("name", list(MICROSOFT))
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9700",
        "https://login.microsoftonline.com.evil.example",
        "http://management.azure.com",
        "https://graph.microsoft.com@evil.example",
        "https://azure.internal",
    ],
)
def test_any_other_cloud_is_refused_in_earnest_and_named(name: str, url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        deployment.refuse_pretend_cloud(demo=False, endpoints={**MICROSOFT, name: url}, hosts=["127.0.0.1"])


@pytest.mark.parametrize(
    "host", ["latch.example.org", "*", "0.0.0.0", "10.0.0.4", "https://latch.example.org"]
)
def test_a_demo_is_refused_beyond_loopback(host: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="LATCH_DEMO"):
        deployment.refuse_pretend_cloud(demo=True, endpoints=MICROSOFT, hosts=["127.0.0.1", host])


def test_a_demos_pretend_azure_must_be_on_loopback_too() -> None:
    elsewhere = {**MICROSOFT, "ARM_ENDPOINT": "http://10.0.0.9:9700"}
    with pytest.raises(ImproperlyConfigured, match="ARM_ENDPOINT"):
        deployment.refuse_pretend_cloud(demo=True, endpoints=elsewhere, hosts=["127.0.0.1"])


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"ENTRA_TENANT_ID": "common"}, "tenant's GUID"),
        ({"ARM_ENDPOINT": "http://127.0.0.1:9"}, "ARM_ENDPOINT"),
        ({"LATCH_DEMO": "1", "ALLOWED_HOSTS": "latch.example.org"}, "loopback"),
        ({"DATABASE_URL": "sqlite:///here"}, "PostgreSQL"),
        ({"PRIORITY_BAND": "50-90"}, "PRIORITY_BAND"),
        ({"LATCH_KEY_VAULT_URL": "https://latch.vault.azure.net"}, "LATCH_KEY_VAULT_KEY"),
        ({"LATCH_KEY_VAULT_URL": "https://vault.example.org", "LATCH_KEY_VAULT_KEY": "codes"}, "key vault"),
        ({"LATCH_KEY_VAULT_URL": "http://127.0.0.1:9", "LATCH_KEY_VAULT_KEY": "codes"}, "key vault"),
        (
            {"LATCH_KEY_VAULT_URL": "https://latch.vault.azure.net/keys", "LATCH_KEY_VAULT_KEY": "codes"},
            "follow",
        ),
        ({"LATCH_KEY_VAULT_URL": "https://latch.vault.azure.net", "LATCH_KEY_VAULT_KEY": "a/b"}, "no key"),
        ({"TRAIL_HEADS": "https://heads.example.org"}, "TRAIL_HEADS"),
        ({"TRAIL_HEADS": "file://heads.jsonl"}, "TRAIL_HEADS"),
        ({"TRAIL_HEADS": "http://127.0.0.1:9/latchtrail/heads/trail"}, "TRAIL_HEADS"),
        ({"TRAIL_HEADS": f"{BLOBS}/heads"}, "TRAIL_HEADS"),
        ({"TRAIL_HEADS": f"{BLOBS}/heads/trail?sig=abc"}, "TRAIL_HEADS"),
        ({"TRAIL_HEADS": f"{BLOBS}/heads/{'a' * 300}"}, "TRAIL_HEADS"),
        ({"EXPORT_DIR": "https://exports.example.org/exports"}, "EXPORT_DIR"),
        ({"EXPORT_DIR": f"{BLOBS}.evil.example/exports"}, "EXPORT_DIR"),
        ({"EXPORT_DIR": BLOBS}, "EXPORT_DIR"),
        ({"EXPORT_DIR": "here"}, "EXPORT_DIR"),
        ({"SENTINEL_ENDPOINT": SENTINEL}, "SENTINEL_RULE_ID"),
        ({"SENTINEL_RULE_ID": RULE}, "SENTINEL_ENDPOINT"),
        ({"SENTINEL_ENDPOINT": SENTINEL, "SENTINEL_RULE_ID": "my-rule"}, "immutable id"),
        ({"SENTINEL_ENDPOINT": "https://logs.example.org", "SENTINEL_RULE_ID": RULE}, "SENTINEL_ENDPOINT"),
        ({"SENTINEL_ENDPOINT": "http://127.0.0.1:9", "SENTINEL_RULE_ID": RULE}, "SENTINEL_ENDPOINT"),
        ({"LOG_ANALYTICS_WORKSPACE": "logs-prod"}, "LOG_ANALYTICS_WORKSPACE"),
        ({"LOG_ANALYTICS_ENDPOINT": "https://api.loganalytics.us"}, "LOG_ANALYTICS_WORKSPACE"),
        (
            {"LOG_ANALYTICS_WORKSPACE": WORKSPACE, "LOG_ANALYTICS_ENDPOINT": "https://logs.example.org"},
            "LOG_ANALYTICS_ENDPOINT",
        ),
        (
            {"LOG_ANALYTICS_WORKSPACE": WORKSPACE, "LOG_ANALYTICS_ENDPOINT": "http://127.0.0.1:9"},
            "LOG_ANALYTICS_ENDPOINT",
        ),
        ({"SYSLOG_URL": "siem.example.org"}, "SYSLOG_URL"),
        ({"SYSLOG_URL": "http://siem.example.org"}, "SYSLOG_URL"),
        ({"SYSLOG_URL": "udp://siem.example.org", "SYSLOG_CA_FILE": "/ca.pem"}, "SYSLOG_CA_FILE"),
        ({"SYSLOG_URL": "tls://siem.example.org", "SYSLOG_CA_FILE": "/no/such.pem"}, "SYSLOG_CA_FILE"),
        ({"OCSF_DIR": "here"}, "OCSF_DIR"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_says_which(environment: dict[str, str], words: str) -> None:
    done = start(**environment)
    assert done.returncode != 0
    assert words in done.stderr.splitlines()[-1], done.stderr[-400:]


def test_a_sound_environment_starts() -> None:
    done = start(ENTRA_TENANT_ID="0b3c1f7e-5d0a-4d57-9a55-3f1f0a3f6c11")
    assert done.returncode == 0, done.stderr


def test_every_destination_of_the_trail_can_be_switched_on_at_once() -> None:
    done = start(
        SENTINEL_ENDPOINT=SENTINEL,
        SENTINEL_RULE_ID=RULE,
        SYSLOG_URL="tls://siem.example.org:6514",
        OCSF_DIR="/var/lib/latchportal/ocsf",
        TRAIL_HEADS=f"{BLOBS}/heads/trail",
        EXPORT_DIR=f"{BLOBS}/exports",
    )
    assert done.returncode == 0, done.stderr


def test_the_activity_log_is_switched_on_by_the_workspace_alone() -> None:
    endpoint = "https://api.loganalytics.azure.com"
    assert deployment.log_analytics("", "", demo=False) == ""
    assert deployment.log_analytics("", WORKSPACE, demo=False) == endpoint
    done = start(LOG_ANALYTICS_WORKSPACE=WORKSPACE, LOG_ANALYTICS_ENDPOINT="")
    assert done.returncode == 0, done.stderr


def test_every_setting_that_is_read_is_documented_and_no_other() -> None:
    code = (ROOT / "latchportal" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', code))
    read |= set(re.findall(r'deployment\.secret\(env, "([A-Z_]+)"', code)) | {"ENTRA_TENANT_ID"}
    documented = set(
        re.findall(r"`([A-Z][A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"))
    )
    assert read <= documented, f"say in docs/settings.md what these mean: {sorted(read - documented)}"
    rows = re.findall(
        r"^\| (`[A-Z_`, ]+`) \|", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), re.M
    )
    named = {name for row in rows for name in re.findall(r"[A-Z_]{3,}", row)}
    assert named <= read, f"nobody reads these any more: {sorted(named - read)}"


def test_a_new_key_is_published_for_as_long_as_the_old_ones_may_be_kept() -> None:
    assert deployment.lead(300, demo=False) == 300
    assert deployment.lead(1, demo=True) == 1
    with pytest.raises(ImproperlyConfigured, match="LATCH_KEY_LEAD_SECONDS must be at least 300"):
        deployment.lead(299, demo=False)
