"""The checks and small readings settings.py needs of its environment. It reads nothing else and imports no app."""

import logging
import re
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
import structlog
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

from requests_app.targets.azure_cloud import (
    PUBLIC_ANALYTICS,
    analytics_host,
    blob_place,
    logs_host,
    microsoft_host,
)
from requests_app.targets.vault_place import vault_fault

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
# A cursor keeps the address as its name.
LONGEST_URL = 280
# What the address of the public keys tells caches.
KEYS_CACHED_SECONDS = 300


def secret(env: environ.Env, name: str, default: str | None = None) -> str:
    """Return NAME, or the text of the file NAME_FILE names; raises ImproperlyConfigured, saying what to set."""
    file = env.str(f"{name}_FILE", default="")
    if file:
        return Path(file).read_text(encoding="utf-8").strip()
    value: str = env.str(name, default=default if default is not None else "")
    if not value and default is None:
        raise ImproperlyConfigured(f"Set {name}, or {name}_FILE to a file that holds it.")
    return value


def tenant(env: environ.Env) -> str:
    """Return the tenant's GUID. `common` and friends would admit any tenant and are refused."""
    value: str = env.str("ENTRA_TENANT_ID", default="")
    if not value:
        return str(uuid.UUID(int=0))
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise ImproperlyConfigured(
            f"ENTRA_TENANT_ID must be your tenant's GUID, not {value!r}: anything else admits other tenants."
        ) from None


def band(text: str) -> range:
    """Return the priorities our rules may take, both ends included; raises ImproperlyConfigured."""
    match = re.fullmatch(r"(\d{3,4})-(\d{3,4})", text)
    first, last = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 100 <= first <= last <= 4096:
        raise ImproperlyConfigured(f"PRIORITY_BAND must be like 200-999, within 100-4096, not {text!r}.")
    return range(first, last + 1)


def lead(seconds: int, *, demo: bool) -> int:
    """Return how long a new key is published before it signs; raises ImproperlyConfigured below what caches may take."""
    if seconds >= KEYS_CACHED_SECONDS or demo:
        return seconds
    raise ImproperlyConfigured(
        f"LATCH_KEY_LEAD_SECONDS must be at least {KEYS_CACHED_SECONDS}, not {seconds}: "
        "so long may verifiers keep the keys they know."
    )


def key_vault(url: str, key: str, *, demo: bool) -> str:
    """Return the vault that holds the signing key, nothing for files; raises ImproperlyConfigured, naming what is wrong."""
    if bool(url) != bool(key):
        raise ImproperlyConfigured("Set both LATCH_KEY_VAULT_URL and LATCH_KEY_VAULT_KEY, or neither.")
    fault = vault_fault(url, key, loopback=demo) if url else ""
    if fault:
        raise ImproperlyConfigured(f"LATCH_KEY_VAULT_URL, LATCH_KEY_VAULT_KEY: {fault}.")
    return url.rstrip("/")


def refuse_pretend_cloud(*, demo: bool, endpoints: dict[str, str], hosts: list[str]) -> None:
    """The site talks to Microsoft's clouds over TLS; to anything else only as a demo on loopback.

    Raises ImproperlyConfigured, naming the setting.
    """
    if demo:
        for host in hosts:
            name = urlsplit(host).hostname if "//" in host else host
            if name not in LOOPBACK:
                raise ImproperlyConfigured(
                    f"LATCH_DEMO=1 trusts a pretend Azure and is refused beyond loopback: {host!r} is not loopback."
                )
    for name, url in endpoints.items():
        parts = urlsplit(url)
        if microsoft_host(url):
            continue
        if not demo:
            raise ImproperlyConfigured(
                f"{name}={url} is not a Microsoft cloud over TLS. Only LATCH_DEMO=1 allows that."
            )
        if parts.hostname not in LOOPBACK:
            raise ImproperlyConfigured(f"{name}={url}: a demo's pretend Azure must be on loopback.")


def hook(url: str, *, demo: bool) -> str:
    """Return the address alerts are posted to; raises ImproperlyConfigured for one that others could read along."""
    parts = urlsplit(url)
    if not url or (parts.scheme == "https" and parts.hostname):
        return url
    if demo and parts.scheme == "http" and parts.hostname in LOOPBACK:
        return url
    raise ImproperlyConfigured(f"ALERT_WEBHOOK_URL must be https://…, not {url!r}.")


def mail_to(text: str) -> tuple[str, ...] | None:
    """Return the addresses that alerts are mailed to, none for `none`; None for `roles`: whoever holds one.

    Raises ImproperlyConfigured for what is no address.
    """
    if text == "roles":
        return None
    addresses = [] if text == "none" else [part.strip() for part in text.split(",")]
    for address in addresses:
        try:
            validate_email(address)
        except ValidationError:
            raise ImproperlyConfigured(
                f"ALERT_MAIL_TO must be roles, none, or addresses with commas between; {address!r} is none of them."
            ) from None
    return tuple(dict.fromkeys(addresses))


def heads(destination: str, *, demo: bool) -> str:
    """Return where every seal of the trail goes; raises ImproperlyConfigured for what is no such place."""
    parts = urlsplit(destination)
    if parts.scheme in ("https", "http"):
        return _blobs("TRAIL_HEADS", destination, demo=demo, named=True)
    local = parts.scheme in ("file", "syslog") and not parts.netloc and parts.path.startswith("/")
    remote = parts.scheme in ("syslog", "syslog+tcp") and parts.hostname and not parts.path.strip("/")
    if not destination or local or remote:
        return destination
    raise ImproperlyConfigured(
        "TRAIL_HEADS must be file:///path, syslog:///dev/log, syslog://host:port, syslog+tcp://host:port or "
        f"https://account.blob.core.windows.net/container/name, not {destination!r}."
    )


def exports(where: str, *, demo: bool) -> str:
    """Return the folder or the container of regular exports; raises ImproperlyConfigured for what is neither."""
    if where.startswith(("https://", "http://")):
        return _blobs("EXPORT_DIR", where, demo=demo, named=False)
    return folder("EXPORT_DIR", where)


def _blobs(name: str, url: str, *, demo: bool, named: bool) -> str:
    """Return this place among a storage account's blobs; raises ImproperlyConfigured for what is none."""
    try:
        place = blob_place(url, loopback=demo)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from None
    if named and not place.name:
        raise ImproperlyConfigured(
            f"{name} must go on after the container with a name for the blobs: {url!r}."
        )
    if len(url) > LONGEST_URL:
        raise ImproperlyConfigured(f"{name} may have {LONGEST_URL} characters, not {len(url)}.")
    return url.rstrip("/")


def sentinel(endpoint: str, rule_id: str, *, demo: bool) -> str:
    """Return the Logs Ingestion endpoint, or nothing; raises ImproperlyConfigured when half-set, or not Azure's."""
    if bool(endpoint) != bool(rule_id):
        raise ImproperlyConfigured("Set both SENTINEL_ENDPOINT and SENTINEL_RULE_ID, or neither.")
    if not endpoint:
        return ""
    parts = urlsplit(endpoint)
    if not (logs_host(endpoint) or (demo and parts.scheme == "http" and parts.hostname in LOOPBACK)):
        raise ImproperlyConfigured(
            f"SENTINEL_ENDPOINT must be like https://….ingest.monitor.azure.com, not {endpoint!r}."
        )
    if not re.fullmatch(r"dcr-[0-9a-f]{32}", rule_id):
        raise ImproperlyConfigured(
            f"SENTINEL_RULE_ID must be the rule's immutable id, dcr-…, not {rule_id!r}."
        )
    return endpoint.rstrip("/")


def log_analytics(endpoint: str, workspace: str, *, demo: bool) -> str:
    """Return where the workspace is queried, nothing without one; raises ImproperlyConfigured for what is not Azure's."""
    if not workspace:
        if endpoint:
            raise ImproperlyConfigured("LOG_ANALYTICS_ENDPOINT is of no use without LOG_ANALYTICS_WORKSPACE.")
        return ""
    try:
        uuid.UUID(workspace)
    except ValueError:
        raise ImproperlyConfigured(
            f"LOG_ANALYTICS_WORKSPACE must be the workspace's id, a GUID, not {workspace!r}."
        ) from None
    endpoint = endpoint or PUBLIC_ANALYTICS
    parts = urlsplit(endpoint)
    if not (analytics_host(endpoint) or (demo and parts.scheme == "http" and parts.hostname in LOOPBACK)):
        raise ImproperlyConfigured(
            f"LOG_ANALYTICS_ENDPOINT must be like {PUBLIC_ANALYTICS}, not {endpoint!r}."
        )
    return endpoint.rstrip("/")


def syslog(url: str, ca_file: str) -> str:
    """Return the collector's address, or nothing; raises ImproperlyConfigured for one that makes no sense."""
    try:
        parts = urlsplit(url)
        sound = not url or (parts.scheme in ("udp", "tcp", "tls") and parts.hostname and parts.port != 0)
        bare = not (parts.path.strip("/") or parts.query or parts.username)
    except ValueError:
        sound = bare = False
    if not (sound and bare):
        raise ImproperlyConfigured(f"SYSLOG_URL must be like tls://host:6514, tcp:// or udp://, not {url!r}.")
    if ca_file and not url.startswith("tls://"):
        raise ImproperlyConfigured("SYSLOG_CA_FILE is for SYSLOG_URL=tls://… alone.")
    if ca_file and not Path(ca_file).is_file():
        raise ImproperlyConfigured(f"SYSLOG_CA_FILE={ca_file} is no file.")
    return url


def folder(name: str, value: str) -> str:
    """Return the folder; raises ImproperlyConfigured for a path that depends on where a process was started."""
    if value and not Path(value).is_absolute():
        raise ImproperlyConfigured(f"{name} must be an absolute path, not {value!r}.")
    return value


def logging_config(*, level: str, style: str) -> dict[str, Any]:
    """Return Django's LOGGING: every line, ours and the libraries', through structlog, as JSON or for a console."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    logging.captureWarnings(True)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            **{name: {"level": "WARNING"} for name in ("azure", "apprise")},  # more would name addresses
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
            "celery": {"level": "INFO"},
        },
    }
