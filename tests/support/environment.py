"""The environment of the tests, made before Django reads it: settings, keys, a database where none is named.

Loaded by `-p tests.support.environment` (pyproject.toml), so that it comes before pytest-django. Workers of
xdist inherit what the controller made here. Nothing here knows a model.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from latchportal.demo.postgres import Postgres
from latchportal.demo.processes import Part
from tests.support import ready

ROOT = Path(__file__).resolve().parents[2]
ORGANISATION = ROOT / "latchportal" / "demo" / "organisation"
TENANT = "6f0b0f5e-3f5f-4c59-9d1b-0c2a4f3c7a10"
CLIENT = "0d9b4c3a-5f1e-4b7e-8a37-5d0c3e2b9f41"
# Said to the workers, who must neither make nor stop what the controller owns.
MADE = "LATCH_TESTS_HOME"
# What a developer's shell may hold and no test may see.
UNWANTED = (
    *("REDIS_URL", "DATABASE_OWNER_URL", "EMAIL_URL", "DEBUG", "LATCH_INSTANCE", "TRUSTED_PROXY_COUNT"),
    *("SENTINEL_ENDPOINT", "SENTINEL_RULE_ID", "SENTINEL_STREAM", "SYSLOG_URL", "SYSLOG_CA_FILE", "OCSF_DIR"),
    *("LOG_ANALYTICS_WORKSPACE", "LOG_ANALYTICS_ENDPOINT"),
    *("EXPORT_DIR", "TRAIL_HEADS"),
    "ALERT_MAIL_TO",
)


class Owned:
    """What this process made and must take down again."""

    postgres: Postgres | None = None
    server: Part | None = None
    ready: Part | None = None
    home: Path | None = None


def prepare() -> None:
    """Every setting the tests stand on is in os.environ, and the database DATABASE_URL names is there."""
    if MADE in os.environ:
        return
    home = Owned.home = Path(tempfile.mkdtemp(prefix="latch-tests-"))
    home.chmod(0o755)  # the embedded database's own user walks through
    for name in UNWANTED:
        os.environ.pop(name, None)
    if not os.environ.get("DATABASE_URL"):
        postgres = Owned.postgres = Postgres(home / "postgres", log=home / "postgres.log")
        Owned.server = postgres.start()
        os.environ["DATABASE_URL"] = postgres.url("latch")
    os.environ.update(settings(home))
    os.environ[MADE] = str(home)


def settings(home: Path) -> dict[str, str]:
    """Return what the site is told under test; its pretend clouds are on ports nobody listens on."""
    return {
        "DJANGO_SETTINGS_MODULE": "latchportal.settings",
        "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
        "LATCH_DEMO": "1",
        "LATCH_INSTANCE": "test",
        "BASE_URL": "http://127.0.0.1:8000",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "ENTRA_TENANT_ID": TENANT,
        "ENTRA_CLIENT_ID": CLIENT,
        "ENTRA_CLIENT_SECRET": "demo-only-secret",
        "ENTRA_AUTHORITY": "http://127.0.0.1:1",
        "ARM_ENDPOINT": "http://127.0.0.1:1",
        "GRAPH_ENDPOINT": "http://127.0.0.1:1",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "POLICY_DIR": str(ORGANISATION / "policy"),
        "LATCH_KEY_DIR": str(key_directory(home / "keys")),
        "EMAIL_URL": "memorymail://",
        "LOG_LEVEL": "WARNING",
    }


def key_directory(folder: Path) -> Path:
    """Return the folder, holding one new signing key for latch codes."""
    folder.mkdir(parents=True)
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "test-key.pem").write_bytes(pem)
    return folder


def pytest_configure(config: pytest.Config) -> None:
    """Where workers will come, the cluster they copy is begun, so that it is there when they have collected."""
    if Owned.postgres is not None and getattr(config.option, "numprocesses", None):
        Owned.ready = ready.begin(Owned.postgres, ROOT)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the collector of garbage look at what tests make, and no more at what was imported and collected for them."""
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Take down what this process made: the controller last of all, after its workers."""
    if Owned.ready is not None:
        Owned.ready.stop()
        os.environ.pop(ready.WHERE, None)
        Owned.ready = None
    if Owned.server is not None:
        Owned.server.stop()
        Owned.server = None
    if Owned.home is not None:
        os.environ.pop(MADE, None)
        shutil.rmtree(Owned.home, ignore_errors=True)
        Owned.home = None


# Until the tests are collected next to nothing is garbage, and looking for it would take half of the time.
gc.disable()
prepare()
