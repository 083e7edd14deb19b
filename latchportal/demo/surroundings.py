"""What every part of the demo is told by its environment. No process is started here."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from latchportal.devcloud import activity, blob_store, identity, streams, world

ROOT = Path(__file__).resolve().parents[2]
ORGANISATION = Path(__file__).resolve().parent / "organisation"
WORLD = ORGANISATION / "world.yaml"
# A part sees these of our own environment; every setting it is told anew.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Ports:
    """The loopback ports of one stack: the proxy's for people, the site's behind it, Azure's, Redis'."""

    public: int
    site: int
    azure: int
    redis: int


@dataclass(frozen=True)
class Stores:
    """Where the data is: the database as the site and as the tables' owner reach it, and Redis."""

    site: str
    owner: str
    redis: str


def bare() -> dict[str, str]:
    """Return the environment of a part that reads no setting."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), "TZ": "UTC"}


def site(directory: Path, ports: Ports, stores: Stores, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the site, its workers and its commands; `extra` has the last word."""
    here = world.load(WORLD)
    azure = f"http://127.0.0.1:{ports.azure}"
    return {
        **bare(),
        "DJANGO_SETTINGS_MODULE": "latchportal.settings",
        "LATCH_DEMO": "1",
        "LATCH_INSTANCE": "demo",
        "SECRET_KEY": "only-for-the-demo-on-loopback-0123456789-abcdefghijklmnop",
        "BASE_URL": f"http://127.0.0.1:{ports.public}",
        "TRUSTED_PROXY_COUNT": "1",
        "DATABASE_URL": stores.site,
        "DATABASE_OWNER_URL": stores.owner,
        "REDIS_URL": stores.redis,
        "ENTRA_TENANT_ID": here.tenant.id,
        "ENTRA_CLIENT_ID": here.apps[0].client_id,
        "ENTRA_CLIENT_SECRET": here.apps[0].client_secret,
        "ENTRA_AUTHORITY": azure,
        "ARM_ENDPOINT": azure,
        "GRAPH_ENDPOINT": azure,
        "SENTINEL_ENDPOINT": azure,
        "SENTINEL_RULE_ID": streams.RULE,
        "LOG_ANALYTICS_WORKSPACE": activity.WORKSPACE,
        "LOG_ANALYTICS_ENDPOINT": azure,
        "OCSF_DIR": str(directory / "ocsf"),
        "TRAIL_HEADS": f"{azure}/{blob_store.ACCOUNT}/heads/trail",
        "AZURE_CREDENTIAL": "managed",
        "IDENTITY_ENDPOINT": f"{azure}/msi/token",
        "IDENTITY_HEADER": identity.HEADER,
        "POLICY_DIR": str(ORGANISATION / "policy"),
        "EXPORT_DIR": str(_folder(directory / "exports")),
        "LATCH_KEY_DIR": str(_signing_key(directory / "keys")),
        # A fourth slash: django-environ drops the first of the path.
        "EMAIL_URL": f"filemail:///{directory / 'mails'}",
        **extra,
    }


def reaper(site: Mapping[str, str]) -> dict[str, str]:
    """Return what the reaper is told, out of what the site is told: neither database nor broker."""
    names = ("LATCH_DEMO", "LATCH_INSTANCE", "ARM_ENDPOINT", "AZURE_CREDENTIAL", "AZURE_POLL_SECONDS")
    identity_of = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")
    return {**bare(), **{name: site[name] for name in (*names, *identity_of) if name in site}}


def python(*words: str) -> list[str]:
    """Return the command line that runs this Python with these arguments."""
    return [sys.executable, *words]


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _signing_key(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "demo-1.pem"
    if not file.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        file.chmod(0o600)
    return folder
