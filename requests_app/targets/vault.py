"""Azure Key Vault: which versions one key has, and a signature by one of them, by the SDK, within a deadline.

The private half never leaves the vault, and nothing is changed there. What is signed is not known here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from requests_app.targets.azure_cloud import AzureConfig, cleartext
from requests_app.targets.base import TargetError, seconds_of
from requests_app.targets.credential import credential, refused
from requests_app.targets.kinds import Kind

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.exceptions import HttpResponseError
    from azure.keyvault.keys import KeyClient
    from azure.keyvault.keys.crypto import CryptographyClient

# Every cloud has it; it gives all that is asked for here.
_VERSION: Final = "7.4"
# Of a signature or a reading in all, with its token and one more try.
DEADLINE: Final = 3.0
_TIMES: Final[dict[str, Any]] = {"connection_timeout": 1, "read_timeout": 2}
# So many may wait for the vault at once; whoever comes then waits in line, no longer than the deadline either.
_AT_ONCE: Final = 4
_T = TypeVar("_T")


@dataclass(frozen=True)
class VaultKey:
    """One key by its name in one vault, and who asks."""

    config: AzureConfig
    url: str
    name: str


@dataclass(frozen=True)
class KeyVersion:
    """One version of a key, as the vault tells it; times are aware."""

    name: str
    enabled: bool
    created: datetime | None
    not_before: datetime | None
    expires: datetime | None


class _Process:
    """What one process has for the vault. Threads share it; a child of a fork has its own."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="vault")
        self.clients: dict[VaultKey, tuple[TokenCredential, KeyClient]] = {}
        self.signers: dict[tuple[KeyClient, str], CryptographyClient] = {}


_process: _Process | None = None
_making = Lock()


def versions(key: VaultKey) -> tuple[KeyVersion, ...]:
    """Return every version of this key, in no order; none where there is no such key. Raises TargetError."""
    found = _within(key, lambda client: list(client.list_properties_of_key_versions(key.name, **_TIMES)))
    return tuple(
        KeyVersion(one.version or "", bool(one.enabled), one.created_on, one.not_before, one.expires_on)
        for one in found
    )


def public_half(key: VaultKey, version: str) -> tuple[str, str, bytes, bytes]:
    """Return kind, curve, x and y of this version's public key, empty where it has none. Raises TargetError."""
    jwk = _within(key, lambda client: client.get_key(key.name, version, **_TIMES)).key
    kind, curve = (str(getattr(said, "value", said) or "") for said in (jwk.kty, jwk.crv))  # type: ignore[attr-defined]
    return kind, curve, bytes(jwk.x or b""), bytes(jwk.y or b"")  # type: ignore[attr-defined]


def sign(key: VaultKey, version: str, digest: bytes) -> bytes:
    """Return R and S of this version's ES256 signature over a SHA-256 digest. Raises TargetError."""

    def ask(client: KeyClient) -> bytes:
        from azure.keyvault.keys.crypto import SignatureAlgorithm

        # It fetches the public half before its first signature, so it is kept.
        signers = _here().signers
        if (client, version) not in signers:
            signers[client, version] = client.get_cryptography_client(key.name, key_version=version)
        return signers[client, version].sign(SignatureAlgorithm.es256, digest, **_TIMES).signature

    return _within(key, ask)


def _within(key: VaultKey, ask: Callable[[KeyClient], _T]) -> _T:
    """What this asks of the vault, by DEADLINE. The sockets' own limits start anew with each call and each byte."""
    end = time.monotonic() + DEADLINE
    waiting = _here().pool.submit(_patiently, key, ask, end)
    try:
        return waiting.result(DEADLINE)
    except TimeoutError:
        waiting.cancel()
        raise TargetError("timeout", f"no answer within {DEADLINE:.0f} s", where=key.name) from None


def _patiently(key: VaultKey, ask: Callable[[KeyClient], _T], end: float) -> _T:
    """Once, and once more where the vault said when, if that is soon enough."""
    try:
        return _asked(key, ask)
    except TargetError as error:
        if error.status not in (429, 503) or error.retry_after is None:
            raise
        if time.monotonic() + error.retry_after >= end:
            raise
        time.sleep(error.retry_after)
    return _asked(key, ask)


def _asked(key: VaultKey, ask: Callable[[KeyClient], _T]) -> _T:
    from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

    try:
        return ask(_client(key))
    except HttpResponseError as error:
        if error.status_code == 401 or isinstance(error, ClientAuthenticationError):
            refused(key.config)
        raise _answered(error, key.name) from error
    except (AzureError, OSError, ValueError) as error:
        raise TargetError("unreachable", f"{type(error).__name__}: {error}", where=key.name) from error


def _answered(error: HttpResponseError, where: str) -> TargetError:
    answer: Any = error.response
    headers = answer.headers if answer is not None else {}
    status = error.status_code or 0
    code = str(getattr(error.error, "code", "") or "")
    known: dict[int, Kind] = {
        400: "invalid",
        401: "identity",
        403: "forbidden",
        404: "missing",
        429: "throttled",
        503: "unreachable",
    }
    return TargetError(
        known.get(status, "unknown"),
        (error.message or "").partition("\n")[0],
        code=code,
        status=status,
        where=where,
        azure_request_id=headers.get("x-ms-request-id", ""),
        retry_after=seconds_of(headers.get("Retry-After")),
    )


def _client(key: VaultKey) -> KeyClient:
    own, here = credential(key.config), _here()
    with here.lock:
        if key not in here.clients or here.clients[key][0] is not own:
            here.clients[key] = own, _made(key, own)
            here.signers.clear()
        return here.clients[key][1]


def _made(key: VaultKey, own: TokenCredential) -> KeyClient:
    from azure.core.pipeline.policies import RetryPolicy
    from azure.keyvault.keys import KeyClient

    options: dict[str, Any] = {}
    address = key.url
    if cleartext(key.url):  # the settings only allow it for loopback
        # The SDK hands a token to https alone, and to hosts of the challenge's domain.
        address = f"https://{urlsplit(key.url).netloc}"
        options = {"transport": _in_cleartext(), "verify_challenge_resource": False}
    return KeyClient(
        address,
        own,
        api_version=_VERSION,
        retry_policy=RetryPolicy.no_retries(),
        permit_redirects=False,
        use_env_settings=not cleartext(key.url),  # no proxy stands before loopback
        **options,
    )


def _in_cleartext() -> Any:
    from azure.core.pipeline.transport import RequestsTransport

    class Cleartext(RequestsTransport):  # type: ignore[misc]
        """Carries to loopback without TLS what the SDK means for https."""

        def send(self, request: Any, **options: Any) -> Any:
            request.url = request.url.replace("https://", "http://", 1)
            try:
                return super().send(request, **options)
            finally:
                request.url = request.url.replace("http://", "https://", 1)

    return Cleartext(use_env_settings=False)


def _here() -> _Process:
    global _process
    with _making:
        if _process is None:
            _process = _Process()
        return _process


def _after_fork() -> None:
    """A child shares its parent's sockets, and none of its threads: it starts anew."""
    global _process, _making
    _process, _making = None, Lock()


os.register_at_fork(after_in_child=_after_fork)
