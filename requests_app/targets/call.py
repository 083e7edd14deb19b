"""One call to ARM: what goes with it, how long it may take, what its failure means. Not what to call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from requests_app.targets.arm import warm
from requests_app.targets.azure_cloud import AzureConfig, cleartext
from requests_app.targets.base import Receipt, TargetError, seconds_of
from requests_app.targets.credential import no_token, refused, token
from requests_app.targets.kinds import kind_of, surely_refused

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError
    from azure.core.polling import LROPoller
    from azure.mgmt.core.polling.arm_polling import ARMPolling


@dataclass
class Call:
    """One logical call: its ids, its deadline (seconds of the monotonic clock), and what came back first."""

    config: AzureConfig
    where: str
    correlation_id: str
    entered: float
    client_request_id: str = field(default_factory=lambda: str(uuid4()))
    started: float = field(default_factory=time.monotonic)
    first_status: int = 0
    accepted: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def left(self) -> float:
        """Seconds until the deadline, negative after it."""
        return self.entered + self.config.write_deadline_seconds - time.monotonic()

    def options(self) -> dict[str, Any]:
        """The keyword arguments that every operation of this call takes; its polls inherit them."""
        options: dict[str, Any] = {
            "connection_timeout": min(self.config.connect_timeout, max(self.left, 0.1)),
            "read_timeout": min(self.config.read_timeout, max(self.left, 0.1)),
            "request_id": self.client_request_id,
            "raw_response_hook": self._seen,
        }
        if cleartext(self.config.arm_endpoint):  # the configuration only allows it for loopback
            options["enforce_https"] = False
        return options

    def correlation(self) -> dict[str, str]:
        """The header by which Azure's Activity Log carries our correlation id."""
        return {"x-ms-correlation-request-id": self.correlation_id}

    def polling(self) -> ARMPolling:
        """A way of polling that ends at this call's deadline with TargetError (timeout)."""
        return _bounded()(self)

    def finish(self, poller: LROPoller[Any]) -> Receipt:
        """Wait until Azure has ended the write. Raises the SDK's errors or TargetError (timeout)."""
        poller.wait(max(self.left, 0.0) + 1.0)  # the polling ends itself; a second more lets it say why
        if not poller.done():
            raise self.late()
        poller.result()
        return self.receipt()

    def receipt(self) -> Receipt:
        """Azure's ids for this call, as its first answer gave them."""
        return Receipt(
            status=self.first_status,
            azure_request_id=self._header("x-ms-request-id", "x-ms-arm-service-request-id"),
            azure_correlation_id=self._header("x-ms-correlation-request-id"),
            client_request_id=self.client_request_id,
            seconds=round(time.monotonic() - self.started, 3),
        )

    def late(self, retry_after: float | None = None) -> TargetError:
        """The error of a write that Azure accepted and had not finished at the deadline."""
        seconds = self.config.write_deadline_seconds
        message = f"Azure had not finished after {seconds:g} seconds"
        return self.failed("timeout", message, code="DeadlineExceeded", retry_after=retry_after)

    def failed(self, kind: Any, message: str, **more: Any) -> TargetError:
        """A TargetError that carries this call's ids."""
        receipt = self.receipt()
        return TargetError(
            kind,
            message,
            where=self.where,
            azure_request_id=receipt.azure_request_id,
            correlation_id=receipt.azure_correlation_id or self.correlation_id,
            **more,
        )

    def _header(self, *names: str) -> str:
        return next((self.headers[name] for name in names if self.headers.get(name)), "")

    def _seen(self, response: Any) -> None:
        answer = response.http_response
        if (
            not self.accepted
        ):  # a challenge may come first; from then on the first success is the write's answer
            self.first_status = answer.status_code
            self.headers = {key.lower(): value for key, value in answer.headers.items()}
            self.accepted = 200 <= answer.status_code < 300


@contextmanager
def arm_call(config: AzureConfig, azure_id: str, correlation_id: str) -> Iterator[Call]:
    """Make one call to ARM in this block: whatever goes wrong in it leaves as TargetError."""
    from azure.core.exceptions import AzureError

    # The SDK's import (2 s without bytecode) and the token come before anything is sent, so that their failure is
    # known to have changed nothing; but they count against the deadline, which the caller's lease relies on.
    entered = time.monotonic()
    warm()
    token(config, config.arm_scope)
    call = Call(config, azure_id.rsplit("/", 1)[-1], correlation_id, entered)
    if call.left <= 0:
        raise call.failed("timeout", "no time was left to ask Azure", code="DeadlineExceeded", certain=True)
    try:
        yield call
    except TargetError:
        raise
    except (AzureError, OSError, ValueError) as error:  # requests' own errors are OSErrors
        raise _translate(error, call) from error


def _translate(error: Exception, call: Call) -> TargetError:
    from azure.core import exceptions as azure
    from azure.identity import CredentialUnavailableError

    if isinstance(error, CredentialUnavailableError) and not call.accepted:
        return no_token(error)
    if isinstance(error, azure.ClientAuthenticationError) and error.response is None and not call.accepted:
        return no_token(error)
    if isinstance(error, azure.HttpResponseError):
        return _answered(error, call)
    if isinstance(error, azure.ServiceRequestTimeoutError | azure.ServiceResponseTimeoutError):
        return call.failed("timeout", str(error), certain=_never_sent(error, call))
    if isinstance(error, azure.ServiceRequestError | azure.ServiceResponseError | OSError):
        return call.failed("unreachable", str(error), certain=_never_sent(error, call))
    return call.failed("unknown", f"{type(error).__name__}: {error}")


def _answered(error: HttpResponseError, call: Call) -> TargetError:
    codes, message = _azure_words(error)
    status = error.status_code
    if status == 401:
        refused(call.config)
    answer: Any = error.response
    retry_after = answer.headers.get("Retry-After") if answer is not None else None
    # After Azure accepted the write, no later answer (a refused poll, a failed operation) undoes it for sure.
    return call.failed(
        kind_of(status, codes),
        message,
        code=codes[-1] if codes and codes[0] == "RetryableError" else (codes or [""])[0],
        status=status,
        certain=surely_refused(status) and not call.accepted,
        retry_after=seconds_of(retry_after),
    )


def _azure_words(error: HttpResponseError) -> tuple[list[str], str]:
    """The error codes, outermost first, and the message of Azure's answer."""
    if error.error is None:
        return [], error.message or str(error)
    details = list(error.error.details or [])
    codes = [str(item.code) for item in (error.error, *details) if item.code]
    messages = [str(item.message) for item in (error.error, *details) if item.message]
    return codes, " ".join(dict.fromkeys(messages)) or error.message


def _never_sent(error: Exception, call: Call) -> bool:
    """True only when no connection came about, so Azure cannot have seen the request."""
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    if call.accepted or call.first_status:
        return False
    seen: object = getattr(error, "inner_exception", None) or error
    for _ in range(4):
        if isinstance(seen, NewConnectionError | ConnectTimeoutError):
            return True
        seen = getattr(seen, "reason", None) or next(iter(getattr(seen, "args", ())), None)
    return False


def _bounded() -> Callable[[Call], ARMPolling]:
    """The SDK's polling with our gap and deadline; made here, as the SDK is imported only when used."""
    from azure.core.polling.base_polling import OperationFailed
    from azure.mgmt.core.polling.arm_polling import ARMPolling as Base

    class BoundedPolling(Base):
        def __init__(self, call: Call) -> None:
            super().__init__(call.config.poll_seconds, **call.options())
            self._call = call

        def _poll(self) -> None:
            # The SDK asks at once, when nothing can have been done yet, and reads the rule once more at the end, as we
            # do: of a thousand closings in a minute these two calls alone would use up the budget for reading.
            wait = min(self._timeout, max(self._call.left, 0.0))
            while not self.finished():
                self._sleep(wait)
                self.update_status()
                wait = 0.0 if self.finished() else self._next()
            if self.status().lower() in ("failed", "canceled"):
                raise OperationFailed("Operation failed or canceled")

        def _next(self) -> float:
            """Seconds to the next poll. Raises TargetError where that lies beyond the deadline."""
            wait = float(self._extract_delay())
            if wait >= self._call.left:
                raise self._call.late(retry_after=wait)
            return wait

        def request_status(self, status_link: str) -> Any:
            left = max(self._call.left, 0.1)
            config = self._call.config
            self._operation_config["read_timeout"] = min(config.read_timeout, left)
            self._operation_config["connection_timeout"] = min(config.connect_timeout, left)
            return super().request_status(status_link)

    return BoundedPolling
