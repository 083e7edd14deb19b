"""The signing key in a key vault, by the real SDK: codes and seals of it, new versions, and the vault being away."""

import subprocess
import sys
import time
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client

from audit_app import jose, origin, sealing
from audit_app.clock import now
from audit_app.models import Event, Seal
from audit_app.trail import system
from requests_app import keyring, vault_keys
from requests_app.actions import codes, signing_keys, status_lists
from requests_app.actions.activate import activate_with_code
from requests_app.codes.keys import KeyFault
from requests_app.errors import Refused
from requests_app.models import LatchCode
from tests.audit_app.trail_makers import happened
from tests.support.azure import address_of, approved
from tests.support.environment import key_directory
from tests.support.verifiers import Asking

pytestmark = pytest.mark.django_db
BY = system("command line")
DAY = 86_400


@pytest.fixture(autouse=True)
def vault(azure: Any, settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A vault with one key of one version, and the site pointed at it; a pause between tries is not waited for."""
    settings.LATCH_KEY_DIR = tmp_path / "keys"
    settings.LATCH_KEY_VAULT_URL, settings.LATCH_KEY_VAULT_KEY = azure.url, "latch-codes"
    monkeypatch.setattr(vault_keys, "PAUSE", 0.0)
    vault_keys.forget()
    status_lists.forget()
    yield azure
    vault_keys.forget()
    status_lists.forget()


def changed(vault: Any, **order: Any) -> dict[str, Any]:
    """What the vault tells of its newest version after this order; the portal reads it anew."""
    told = vault.control("POST", "vault", order)
    for seen in vault_keys._seen.values():
        seen.read_again = 0.0
    return dict(told["versions"][-1])


def published(path: str = "jwks.json") -> set[str]:
    return {key["kid"] for key in Client().get(f"/.well-known/{path}").json()["keys"]}


def signer() -> str:
    return keyring.keys().signing.kid


def signed(vault: Any) -> int:
    return sum(call["act"] == "sign" for call in vault.control("GET", "vault")["calls"])


def away(vault: Any, *methods: str) -> None:
    vault.fault(
        "drop_connection", times=None, match={"method": list(methods or ("VAULT_SIGN", "VAULT_LIST"))}
    )


def test_a_code_the_vault_signed_is_as_good_as_any(vault: Any, people: Any, policy: Any) -> None:
    asking = Asking(people["administrator"])
    access_request = approved(people)
    text = codes.get_code(by=people["requester"], access_request_id=access_request.pk)
    code = LatchCode.objects.get()
    assert {code.kid} == published() == {signer()}
    assert signed(vault) == 1
    assert asking.introspect(text)["active"]
    with origin.origin(source_address=address_of(people["requester"])):
        activate_with_code(by=people["requester"], text=text)
    code.refresh_from_db()
    assert code.spent_at


def test_seals_are_signed_in_the_vault_and_wait_while_it_is_away(vault: Any) -> None:
    happened()
    keyring.keys()
    away(vault)
    assert sealing.seal() == 0
    assert not Seal.objects.exists()
    vault.control("DELETE", "faults")
    assert sealing.seal() == 1
    seal = Seal.objects.get()
    assert seal.kid == signer()
    assert jose.checker(keyring.seal_jwks())(seal.signature, jose.SEAL_TYPE)


def test_while_the_vault_is_away_no_code_is_made_and_those_there_are_stay_good(
    vault: Any, people: Any, policy: Any
) -> None:
    asking = Asking(people["administrator"])
    text = codes.get_code(by=people["requester"], access_request_id=approved(people).pk)
    another = approved(people, key="prod-web-02-ssh")
    away(vault)
    changed(vault)
    with pytest.raises(Refused, match="does not answer") as refusal:
        codes.get_code(by=people["requester"], access_request_id=another.pk)
    assert (refusal.value.check, refusal.value.status) == ("signing key", 503)
    assert "nothing is lost" in refusal.value.way_on
    assert LatchCode.objects.count() == 1
    assert not Event.objects.filter(kind="code.minted", object_id=str(another.pk)).exists()
    assert asking.introspect(text)["active"]
    assert published() == {signer()}
    vault.control("DELETE", "faults")
    assert asking.introspect(codes.get_code(by=people["requester"], access_request_id=another.pk))["active"]


def test_a_vault_that_hangs_holds_nobody_for_longer_than_the_deadline(vault: Any) -> None:
    key = keyring.keys().signing.private
    vault.fault("hang", times=None, seconds=10, match={"method": "VAULT_SIGN"})
    began = time.monotonic()
    with pytest.raises(Refused, match="does not answer"):
        jose.sign(key, "kid", b"a seal", jose.SEAL_TYPE)
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("fault", [{"name": "throttle"}, {"name": "server_error", "unavailable": True}])
def test_a_busy_vault_is_asked_once_more_when_it_says_so(vault: Any, fault: dict[str, Any]) -> None:
    key = keyring.keys().signing.private
    vault.fault(**fault, seconds=1, match={"method": "VAULT_SIGN"})
    assert jose.sign(key, "kid", b"a seal", jose.SEAL_TYPE)
    assert signed(vault) == 2
    vault.fault("throttle", times=None, seconds=5, match={"method": "VAULT_SIGN"})
    with pytest.raises(Refused):
        jose.sign(key, "kid", b"a seal", jose.SEAL_TYPE)
    assert signed(vault) == 3


def test_a_new_version_is_published_first_and_signs_later(vault: Any, people: Any, policy: Any) -> None:
    asking = Asking(people["administrator"])
    old = signer()
    text = codes.get_code(by=people["requester"], access_request_id=approved(people).pk)
    made = changed(vault, make={})
    (new,) = published() - {old}
    assert signer() == old
    lead = timedelta(seconds=900)
    with time_machine.travel(now() + lead + timedelta(seconds=2), tick=False):
        assert (signer(), published()) == (new, {old, new})
        assert asking.introspect(text)["active"]
        with pytest.raises(Refused, match="status lists that it signed"):
            signing_keys.retire(by=BY, kid=old)
    changed(vault, change={"version": made["name"], "not_before": made["created"] + 7200})
    with time_machine.travel(now() + lead + timedelta(seconds=2), tick=False):
        assert signer() == old


def test_a_retired_version_checks_seals_alone_and_signs_no_more(vault: Any) -> None:
    happened()
    assert sealing.seal() == 1
    old = signer()
    first = vault.control("GET", "vault")["versions"][0]["name"]
    changed(vault, make={"created": int(time.time()) - DAY // 2})
    assert signer() != old
    out = StringIO()
    call_command("latch_keys", "retire", old, "--reason", "Every year", stdout=out)
    assert f"--name latch-codes --version {first} --enabled false" in out.getvalue()
    assert old not in published()
    changed(vault, change={"version": first, "enabled": False})
    vault_keys.forget()
    assert (published(), published("trail-jwks.json")) == ({signer()}, {signer(), old})
    assert jose.checker(keyring.seal_jwks())(Seal.objects.get().signature, jose.SEAL_TYPE)
    assert Event.objects.get(kind="key.retired").why == "Every year"


def test_keys_of_the_folder_still_verify_when_the_key_moves_into_the_vault(
    settings: Any, tmp_path: Any, people: Any, policy: Any
) -> None:
    asking = Asking(people["administrator"])
    settings.LATCH_KEY_DIR, url = key_directory(tmp_path / "files"), settings.LATCH_KEY_VAULT_URL
    settings.LATCH_KEY_VAULT_URL = ""
    old = signer()
    text = codes.get_code(by=people["requester"], access_request_id=approved(people).pk)
    settings.LATCH_KEY_VAULT_URL = url
    assert signer() != old
    assert published() == {old, signer()}
    assert asking.introspect(text)["active"]


@pytest.mark.parametrize(("curve", "said"), [("P-384", "EC P-384"), ("RSA", "RSA")])
def test_a_key_of_another_kind_is_named_in_words(vault: Any, curve: str, said: str) -> None:
    changed(vault, make={"curve": curve})
    with pytest.raises(KeyFault, match=f"{said}.* P-256"):
        keyring.keys()


@pytest.mark.parametrize("rights", [["get", "list"], []])
def test_without_the_right_an_administrator_is_told_which(vault: Any, rights: list[str]) -> None:
    changed(vault, rights=rights)
    with pytest.raises(Refused, match="does not let") as refusal:
        jose.sign(keyring.keys().signing.private, "kid", b"a seal", jose.SEAL_TYPE)
    assert "get, list and sign" in refusal.value.way_on


def test_without_an_enabled_version_nothing_is_signed(vault: Any, settings: Any) -> None:
    changed(vault, change={"enabled": False})
    with pytest.raises(KeyFault, match="no enabled version"):
        keyring.keys()
    settings.LATCH_KEY_VAULT_KEY = "another"
    with pytest.raises(KeyFault, match="another"):
        keyring.keys()


def test_the_command_lists_versions_and_leaves_making_them_to_the_vault() -> None:
    out = StringIO()
    call_command("latch_keys", "list", stdout=out)
    assert out.getvalue() == f"{signer()}  it signs\n"
    for what in ("make", "rotate"):
        with pytest.raises(CommandError, match=r"az keyvault key create --vault-name .* --name latch-codes"):
            call_command("latch_keys", what)


def test_nothing_of_azure_is_loaded_until_the_vault_is_asked() -> None:
    words = "import sys, requests_app.targets.vault; print([n for n in sys.modules if n.split('.')[0] == 'azure'])"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_who_wants_a_code_meanwhile_reads_what_to_do(
    vault: Any, people: Any, policy: Any, client_for: Any
) -> None:
    access_request = approved(people)
    keyring.keys()
    away(vault)
    client = client_for(people["requester"])
    answer = client.post(f"/requests/{access_request.pk}/code")
    assert answer.status_code == 503
    assert "Try again in a minute; nothing is lost." in answer.content.decode()
    vault.control("DELETE", "faults")
    assert client.post(f"/requests/{access_request.pk}/code").status_code == 200
    assert LatchCode.objects.count() == 1


def test_what_failed_is_not_tried_again_at_once(vault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_keys, "PAUSE", 60.0)
    key = keyring.keys().signing.private
    vault.fault("server_error", match={"method": "VAULT_SIGN"})
    for _ in range(3):
        with pytest.raises(Refused, match="does not answer"):
            jose.sign(key, "kid", b"a seal", jose.SEAL_TYPE)
    assert signed(vault) == 1


def test_a_process_that_never_read_the_vault_says_so_while_it_is_away(vault: Any) -> None:
    away(vault)
    with pytest.raises(Refused, match="does not answer"):
        keyring.keys()
    assert Client().get("/.well-known/jwks.json").status_code == 503
    vault.control("DELETE", "faults")
    assert published() == {signer()}


def test_a_process_reads_the_vault_as_it_starts(vault: Any) -> None:
    vault_keys.read_ahead()
    deadline = time.monotonic() + 5
    while not vault_keys.ever() and time.monotonic() < deadline:
        time.sleep(0.02)
    away(vault)
    assert published() == {signer()}
