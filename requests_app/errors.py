"""The domain's own errors, each with its words.

No HTTP type, no Django and no import of ours belongs here.
"""

from collections.abc import Mapping
from datetime import timedelta


class LatchError(Exception):
    """Something was asked for that does not happen, and the person is told why and what to do next.

    `status` is the number a door answers with, `title` the headline, `check` the name of the check that said
    no,
    `reason` (also `str(error)`) what happened, `way_on` what to do next.
    """

    status: int = 500
    title: str = "That did not work"

    def __init__(self, reason: str = "", *, check: str = "", way_on: str = "", title: str = "") -> None:
        self.title = title or type(self).title
        self.reason = reason or self.title
        self.check = check
        self.way_on = way_on
        super().__init__(self.reason)


class Refused(LatchError):
    """The person may not do this."""

    status = 403
    title = "Refused"


class SignInNeeded(Refused):
    """The person may do this once their sign-in shows more.

    Every one of `contexts` (authentication contexts of Entra), and to be no older than `within`.
    """

    title = "Sign in again first"

    def __init__(
        self,
        reason: str,
        *,
        contexts: tuple[str, ...],
        within: timedelta | None,
        check: str = "",
        way_on: str = "",
    ) -> None:
        self.contexts = contexts
        self.within = within
        super().__init__(reason, check=check, way_on=way_on)


class Missing(LatchError):
    """There is no such thing, or none this person may know of."""

    status = 404
    title = "Not found"


class Gone(LatchError):
    """It was there once and has ended for good."""

    status = 410
    title = "No longer there"


class Invalid(LatchError):
    """What was handed in cannot be used; `fields` says which field and why."""

    status = 422
    title = "Please check what you entered"

    def __init__(
        self,
        reason: str = "",
        *,
        fields: Mapping[str, str] | None = None,
        check: str = "",
        way_on: str = "",
        title: str = "",
    ) -> None:
        self.fields: dict[str, str] = dict(fields or {})
        super().__init__(reason or "; ".join(self.fields.values()), check=check, way_on=way_on, title=title)
