"""Keys change hands without anybody being refused: published first, signing later, retired once nothing needs them."""

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client

from audit_app import jose, sealing, signing
from audit_app.clock import now
from audit_app.models import Alert, Event, Seal
from audit_app.tasks import watch
from audit_app.trail import system
from requests_app import keyring
from requests_app.actions import codes, end, revoke, signing_keys, status_lists
from requests_app.actions.activate import activate_with_code
from requests_app.errors import Refused
from requests_app.models import Grant, LatchCode
from tests.audit_app.trail_makers import happened
from tests.support.azure import approved, read_back
from tests.support.environment import key_directory
from tests.support.verifiers import Asking
from tests.support.waiting import until

pytestmark = pytest.mark.django_db
BY = system("command line")
LEAD = timedelta(seconds=900)
SECOND, MINUTE = timedelta(seconds=1), timedelta(seconds=61)


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Any) -> Any:
    status_lists.forget()
    settings.LATCH_KEY_DIR = key_directory(tmp_path / "keys")
    settings.LATCH_KEY_DIR.joinpath("test-key.pem").rename(tmp_path / "keys" / "latch-20260101T000000.pem")
    return settings.LATCH_KEY_DIR


def signer() -> str:
    return keyring.keys().signing.kid


def published(path: str = "jwks.json") -> set[str]:
    return {key["kid"] for key in Client().get(f"/.well-known/{path}").json()["keys"]}


def at(moment: Any) -> Any:
    return time_machine.travel(moment, tick=False)


def said(*words: str) -> str:
    out = StringIO()
    call_command("latch_keys", *words, stdout=out)
    return out.getvalue()


def test_a_new_key_is_published_at_once_and_signs_when_its_time_has_come(folder: Any) -> None:
    old = signer()
    new = signing_keys.rotate(by=BY, why="Every year")
    assert (signer(), published()) == (old, {old, new.kid})
    with at(new.begins - 2 * SECOND):
        assert signer() == old
    with at(new.begins):
        assert (signer(), published()) == (new.kid, {old, new.kid})
    event = Event.objects.get(kind="key.rotated")
    assert (event.why, event.actor_id, event.object_id) == ("Every year", "system:command line", new.kid)
    assert event.data == {"kid": new.kid, "before": old, "signs_from": new.begins.isoformat()}
    assert LEAD - SECOND < new.begins - event.at <= LEAD
    assert new.file.stat().st_mode & 0o777 == 0o600


def test_codes_of_both_keys_are_good_while_they_overlap(people: Any, policy: Any) -> None:
    asking = Asking(people["administrator"])
    before = codes.get_code(by=people["requester"], access_request_id=approved(people).pk)
    new = signing_keys.rotate(by=BY, at_once=True)
    another = approved(people, key="prod-web-02-ssh")
    after = codes.get_code(by=people["requester"], access_request_id=another.pk)
    assert asking.introspect(before)["active"]
    assert asking.introspect(after)["active"]
    assert LatchCode.objects.latest("pk").kid == new.kid


def refused(kid: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        signing_keys.retire(by=BY, kid=kid)
    assert Event.objects.filter(kind="key.retire_refused", outcome="refused").exists()
    assert kid in published() or words == "no such key"


def test_what_signs_or_will_sign_is_not_retired(folder: Any) -> None:
    old = signer()
    new = signing_keys.rotate(by=BY)
    refused(old, "it signs")
    refused(new.kid, "about to sign")
    refused("nobody", "no such key")


def test_the_last_status_lists_of_a_key_outlive_it_by_a_minute(folder: Any) -> None:
    old = signer()
    new = signing_keys.rotate(by=BY, at_once=True)
    refused(old, "status lists")
    with at(new.begins + MINUTE):
        signing_keys.retire(by=BY, kid=old)
    assert published() == {new.kid}


def _used(people: Any, text: str) -> Grant:
    activate_with_code(by=people["requester"], text=text, from_elsewhere=True)
    return read_back(Grant.objects.get())


def _is_over(people: Any, text: str) -> Any:
    return LatchCode.objects.get().expires_at


def _was_revoked(people: Any, text: str) -> Any:
    revoke.revoke_everything(by=people["administrator"], reason="News")
    return now() + MINUTE


def _was_used_and_ended(people: Any, text: str) -> Any:
    grant = _used(people, text)
    refused(LatchCode.objects.get().kid, "still good")
    end.end_now(by=people["requester"], grant_id=grant.pk)
    return now() + MINUTE


@pytest.mark.parametrize("until", [_is_over, _was_revoked, _was_used_and_ended])
def test_a_key_is_needed_until_the_last_code_it_signed_is_over(people: Any, policy: Any, until: Any) -> None:
    old = signer()
    text = codes.get_code(by=people["requester"], access_request_id=approved(people).pk)
    with at(now()) as clock:
        new = signing_keys.rotate(by=BY, at_once=True)
        clock.move_to(new.begins + MINUTE)
        refused(old, "codes that it signed are still good")
        clock.move_to(until(people, text))
        signing_keys.retire(by=BY, kid=old, why="Nothing needs it")
        assert published() == {new.kid}
    assert Event.objects.get(kind="key.retired").data == {"kid": old}


@pytest.mark.django_db(transaction=True)
def test_of_a_retired_key_the_public_half_is_left_and_the_trail_is_still_proved(folder: Any) -> None:
    old = signer()
    happened()
    sealing.seal()
    signing_keys.rotate(by=BY, at_once=True)
    # Other tests' open transactions in the same cluster hold the horizon back.
    until(lambda: sealing.seal() and Seal.objects.count() > 1, "the second seal", 60)
    assert list(Seal.objects.order_by("sequence").values_list("kid", flat=True)) == [old, signer()]
    watch()
    assert Alert.objects.get(rule="keys_rotated").cause == signer()
    (old_file, _) = keyring.key_files()
    with at(now() + MINUTE):
        signing_keys.retire(by=BY, kid=old)
    assert not old_file.exists()
    (kept,) = keyring.retired_files()
    assert b"PUBLIC KEY" in kept.read_bytes()
    assert b"PRIVATE" not in kept.read_bytes()
    for seal in Seal.objects.all():
        assert jose.checker(signing.jwks())(seal.signature, jose.SEAL_TYPE)
    assert published("trail-jwks.json") == {old, signer()}
    assert published() == {signer()}
    call_command("verify_trail", stdout=StringIO())


def test_a_code_of_a_retired_key_opens_nothing_and_is_not_good(people: Any, policy: Any) -> None:
    asking = Asking(people["administrator"])
    old = signer()
    text = codes.get_code(by=people["requester"], access_request_id=approved(people).pk)
    signing_keys.rotate(by=BY, at_once=True)
    revoke.revoke_everything(by=people["administrator"], reason="The key leaked")
    with at(now() + MINUTE):
        signing_keys.retire(by=BY, kid=old)
        assert asking.introspect(text) == {"active": False}
        with pytest.raises(Refused, match="key this portal does not have"):
            activate_with_code(by=people["requester"], text=text)


def test_one_new_key_waits_at_a_time_but_an_emergency_does_not() -> None:
    waits = signing_keys.rotate(by=BY)
    with pytest.raises(Refused, match="published already"):
        signing_keys.rotate(by=BY)
    assert Event.objects.filter(kind="key.rotate_refused").count() == 1
    with at(now() + SECOND):
        urgent = signing_keys.rotate(by=BY, at_once=True)
        assert signer() == urgent.kid
    with at(waits.begins + MINUTE):
        assert signer() == urgent.kid, "the older one that waited took over again"


def test_nothing_is_made_where_the_trail_can_not_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(signing_keys, "record", fail)
    with pytest.raises(RuntimeError):
        signing_keys.rotate(by=BY)
    assert len(keyring.key_files()) == 1


def test_the_command_makes_the_first_key_and_no_second(folder: Any) -> None:
    with pytest.raises(CommandError, match="latch_keys rotate"):
        said("make")
    for file in keyring.key_files():
        file.unlink()
    assert "latch_keys make" in said("list")
    with pytest.raises(CommandError, match="latch_keys make"):
        said("rotate")
    assert said("make").startswith("made latch-")
    assert signer()


def test_the_command_rotates_lists_and_retires(folder: Any) -> None:
    old = signer()
    assert re.search(r"made latch-\S+-from-\S+\.pem; \S+ signs from 20", said("rotate", "--reason", "Yearly"))
    new = next(key.kid for key in signing_keys.known() if key.kid != old)
    listed = said("list")
    assert f"{old}  it signs" in listed
    assert f"{new}  it is about to sign" in listed
    with pytest.raises(CommandError, match="it signs"):
        said("retire", old)
    with at(now() + LEAD + MINUTE):
        assert f"{old}  not needed" in said("list")
        assert said("retire", old).startswith(f"retired {old}")
        assert f"{old}  retired" in said("list")
    assert Event.objects.get(kind="key.rotated").why == "Yearly"


def test_a_folder_that_can_not_be_written_is_said_in_words(
    folder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(keyring, "_write", fail)
    with pytest.raises(CommandError, match="can not be read or written here"):
        said("rotate")
    assert not Event.objects.filter(kind="key.rotated").exists()
