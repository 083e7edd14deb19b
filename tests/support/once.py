"""What every test would work out anew, though it comes out the same each time: worked out once in a process.

Nothing here answers differently from what it stands for; no decisions, no rows.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import pytest
from django.conf import settings
from whitenoise.middleware import WhiteNoiseMiddleware

from requests_app.actions import policy
from requests_app.policy.model import PolicySet


@contextmanager
def worked_out() -> Iterator[None]:
    """Inside, the static files are listed once, and a policy's text is read once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(WhiteNoiseMiddleware, "add_files_from_finders", _listing())
        patched.setattr(policy, "parse", _reading())
        yield


def _listing() -> Any:
    """Each of Django's test clients starts the whole site, which would look at every static file there is."""
    look, known = WhiteNoiseMiddleware.add_files_from_finders, {}

    def listed(self: Any) -> None:
        told = repr(
            (self.static_prefix, settings.STATICFILES_DIRS, settings.STORAGES, vars(self).get("max_age"))
        )
        if told not in known:
            look(self)
            known[told] = dict(self.files)
        self.files.update(known[told])

    return listed


def _reading() -> Any:
    """The policy of most tests is the demo's: the same text is the same policy, which nobody can change."""
    read = policy.parse

    @lru_cache(maxsize=64)
    def known(files: tuple[tuple[str, str], ...]) -> PolicySet:
        return read(dict(files))

    def parse(files: Mapping[str, str]) -> PolicySet:
        return known(tuple(sorted(files.items())))

    return parse
