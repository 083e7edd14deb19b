"""A token that Azure no longer accepts is given up for a new one, by every client of the process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from requests_app.targets import credential
from requests_app.targets.base import TargetError
from requests_app.targets.nsg import NsgTarget
from tests.targets.examples import INSTANCE, a_spec
from tests.targets.pretend import NSG_ID, Pretend

SPEC = a_spec(priority=900)


def read(target: NsgTarget) -> str:
    """Return what came of reading the group: "read", or the kind of error."""
    try:
        target.read(NSG_ID, correlation_id="c-1")
    except TargetError as error:
        return error.kind
    return "read"


def test_the_call_after_a_refused_token_has_a_new_one(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credential, "_NEW_SECONDS", 0.0)
    target = NsgTarget(pretend.config(), INSTANCE)
    assert read(target) == "read"
    pretend.cloud.fault("token_revoked", times=None)
    assert [read(target), read(target)] == ["identity", "read"]
    target.write(NSG_ID, SPEC, correlation_id="c-2")
    assert pretend.rule(SPEC.name) is not None


def test_threads_that_kept_a_client_of_the_old_token_get_one_of_the_new(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credential, "_NEW_SECONDS", 0.0)
    target = NsgTarget(pretend.config(), INSTANCE)
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        assert [pool.submit(read, target).result(5) for pool in (one, other)] == ["read", "read"]
        pretend.cloud.fault("token_revoked", times=None)
        assert [pool.submit(read, target).result(5) for pool in (one, other)] == ["identity", "read"]


def test_a_new_token_that_is_refused_is_kept_for_a_while(pretend: Pretend) -> None:
    config = pretend.config()
    target = NsgTarget(config, INSTANCE)
    assert read(target) == "read"
    pretend.cloud.fault("token_revoked", times=2)
    held = credential.credential(config)
    assert [read(target), read(target), read(target)] == ["identity", "identity", "read"]
    assert credential.credential(config) is held, "Entra would be asked for a token at every refusal"


def test_a_refusal_in_words_sends_nobody_to_look_for_a_role() -> None:
    sentence = TargetError("identity", "x", where="nsg-prod-web").sentence()
    assert "role" not in sentence
    assert "by itself" in sentence
