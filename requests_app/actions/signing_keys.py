"""The signing keys change hands: a new one is published before it signs, an old one is retired once nothing needs it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q

from audit_app.clock import now
from audit_app.trail import About, Party, record
from requests_app import keyring, vault_keys
from requests_app.actions.attempting import attempting
from requests_app.actions.held import LIVE
from requests_app.codes.keys import begins, file_name, generate_pem, kid_of, pem_of
from requests_app.codes.status import LIFE
from requests_app.errors import Refused
from requests_app.models import LatchCode


@dataclass(frozen=True)
class Key:
    """One key: its id, its file, and from when it signs (None: since it is there).

    One of the vault has a `version` there, and its file is where its public half will lie.
    """

    kid: str
    file: Path
    begins: datetime | None
    version: str = ""


def known() -> list[Key]:
    """Return the keys that sign, will sign, or verify codes: those of the folder, then those of the vault, oldest first."""
    files = keyring.key_files()
    ours = [Key(kid_of(file.read_bytes(), file.stem), file, begins(file.stem)) for file in files]
    if not vault_keys.used():
        return ours
    verifying, folder = keyring.keys().public, Path(settings.LATCH_KEY_DIR)
    return ours + [
        Key(one.kid, folder / f"vault-{one.name}.pem", one.begins, one.name)
        for one in vault_keys.versions()
        if one.kid in verifying
    ]


def rotate(*, by: Party, why: str = "", at_once: bool = False) -> Key:
    """A new key is published, and signs once every verifier had LATCH_KEY_LEAD_SECONDS to fetch it, or at once.

    Refused while another new key waits to sign, and with a key vault, which makes its versions itself. Raises OSError
    where the folder can not be written.
    """
    refuse_in_a_vault()
    moment = now()
    # A file's name holds whole seconds.
    start = moment.replace(microsecond=0)
    start += timedelta(seconds=0 if at_once else settings.LATCH_KEY_LEAD_SECONDS)
    pem = generate_pem()
    name = file_name(moment, start)
    made = Key(kid_of(pem, name), Path(settings.LATCH_KEY_DIR) / f"{name}.pem", start)
    with attempting("key.rotate_refused", by=by, about=_about(made.kid)):
        _refuse_while_one_waits(moment, at_once)
        before = keyring.keys().signing.kid
        data = {"kid": made.kid, "before": before, "signs_from": start.isoformat()}
        record("key.rotated", by=by, about=_about(made.kid), why=why, data=data)
        keyring.add(name, pem)
    return made


def retire(*, by: Party, kid: str, why: str = "") -> Key:
    """This key signs and verifies no code any more; its public half is kept for the trail.

    Refused while anything needs it. Raises OSError where the folder can not be written.
    """
    with attempting("key.retire_refused", by=by, about=_about(kid)):
        found = [key for key in known() if key.kid == kid]
        if not found:
            raise Refused("There is no such key among those that sign or verify codes.", check="key")
        need = needed(kid)
        if need:
            raise Refused(f"It can not be retired yet: {need}.", check="key needed")
        record("key.retired", by=by, about=_about(kid), why=why, data={"kid": kid})
        half = pem_of(keyring.keys().public[kid])
        for key in found:
            if key.version:
                keyring.keep_half(key.file, half)
            else:
                keyring.retire(key.file)
    return found[0]


def needed(kid: str) -> str:
    """Return what still needs this key, in words; nothing where nothing does."""
    moment, signer = now(), keyring.keys().signing.kid
    signing_since = [key.begins for key in known() if key.kid == signer]
    if kid == signer:
        return "it signs"
    if any(key.kid == kid and key.begins and key.begins > moment for key in known()):
        return "it is about to sign"
    if any(start and moment < start + LIFE for start in signing_since):
        return f"status lists that it signed are good for {LIFE.seconds} seconds more at most"
    waiting = Q(spent_at=None, revoked_at=None, expires_at__gt=moment)
    at_work = Q(spent_at__isnull=False, access_request__grants__state__in=LIVE)
    codes = LatchCode.objects.filter(waiting | at_work, kid=kid).distinct().count()
    return f"codes that it signed are still good ({codes})" if codes else ""


def refuse_in_a_vault() -> None:
    """Raises Refused, with the vault's own command, where the signing key is in a key vault."""
    if vault_keys.used():
        raise Refused(
            "The signing key is in a key vault, which makes its new versions itself.",
            check="key vault",
            way_on=f"az keyvault key create {_in_the_vault()} --kty EC --curve P-256 --ops sign verify",
        )


def disable(key: Key) -> str:
    """Return the command by which this version, retired here, is disabled in the vault too."""
    return f"az keyvault key set-attributes {_in_the_vault()} --version {key.version} --enabled false"


def _in_the_vault() -> str:
    vault = (urlsplit(settings.LATCH_KEY_VAULT_URL).hostname or "").partition(".")[0]
    return f"--vault-name {vault} --name {settings.LATCH_KEY_VAULT_KEY}"


def _refuse_while_one_waits(moment: datetime, at_once: bool) -> None:
    for key in known():
        if key.begins and key.begins > moment and not at_once:
            raise Refused(
                f"The key {key.kid} is published already and signs from {key.begins:%Y-%m-%d %H:%M:%S} UTC.",
                check="key waits",
            )


def _about(kid: str) -> About:
    return About(kind="key", id=kid, label=kid)
