"""Blobs by the real SDK over the wire: appended to, put whole, never written over, and every sort of failure told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from requests_app.targets import blobs, credential
from requests_app.targets.azure_cloud import AzureConfig
from requests_app.targets.base import TargetError
from tests.support.devcloud import HEADER, Devcloud, running_devcloud
from tests.support.environment import ROOT

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def _running() -> Iterator[Devcloud]:
    with running_devcloud() as devcloud:
        yield devcloud


@pytest.fixture
def storage(_running: Devcloud, monkeypatch: pytest.MonkeyPatch) -> Devcloud:
    """A storage account with nothing in it."""
    _running.control("POST", "reset")
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{_running.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    return _running


@pytest.fixture
def config(storage: Devcloud) -> AzureConfig:
    return AzureConfig(storage.url, storage.url, allow_cleartext_loopback=True)


def at(storage: Devcloud, path: str) -> str:
    return f"{storage.url}/latchtrail/{path}"


def operations(storage: Devcloud) -> list[str]:
    """What was asked, in order, and how it was answered where that was a refusal."""
    return [
        " ".join((one["operation"], one["code"])).strip() for one in storage.control("GET", "blobs")["calls"]
    ]


def refused(act: Any) -> TargetError:
    with pytest.raises(TargetError) as told:
        act()
    return told.value


def test_the_first_append_makes_the_blob_and_the_second_is_one_call(
    storage: Devcloud, config: AzureConfig
) -> None:
    blobs.append(config, at(storage, "heads/trail"), b"one\n")
    blobs.append(config, at(storage, "heads/trail"), b"two\n")
    assert storage.blob("heads/trail") == b"one\ntwo\n"
    assert storage.blobs()["heads/trail"]["type"] == "AppendBlob"
    assert operations(storage) == ["BLOB_APPEND BlobNotFound", "BLOB_PUT", "BLOB_APPEND", "BLOB_APPEND"]


def test_a_blob_that_somebody_made_in_between_loses_nothing(storage: Devcloud, config: AzureConfig) -> None:
    blobs.append(config, at(storage, "heads/trail"), b"one\n")
    blobs._make(blobs._blob(config, at(storage, "heads/trail")))
    assert storage.blob("heads/trail") == b"one\n"


@pytest.mark.parametrize(("applied", "found"), [(True, b"one\ntwo\n"), (False, b"one\n")])
def test_an_append_without_an_answer_is_not_tried_again_here(
    storage: Devcloud, config: AzureConfig, applied: bool, found: bytes
) -> None:
    blobs.append(config, at(storage, "heads/trail"), b"one\n")
    storage.fault("drop_connection", match={"method": "BLOB_APPEND"}, applied=applied)
    error = refused(lambda: blobs.append(config, at(storage, "heads/trail"), b"two\n"))
    assert error.kind == "unreachable"
    assert storage.blob("heads/trail") == found


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("server_error", "unknown"),
        ("throttle", "throttled"),
        ("forbidden", "forbidden"),
        ("hang", "unreachable"),
    ],
)
def test_every_failure_of_an_append_is_told_after_one_try(
    storage: Devcloud, config: AzureConfig, fault: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(blobs._ONCE, "read_timeout", 0.5)
    storage.fault(fault, match={"method": "BLOB_APPEND"}, times=None)
    error = refused(lambda: blobs.append(config, at(storage, "heads/trail"), b"one\n"))
    assert error.kind == kind
    assert len(operations(storage)) == 1


def test_what_is_wrong_with_the_set_up_is_told_in_azures_words(
    storage: Devcloud, config: AzureConfig
) -> None:
    def told(path: str) -> tuple[str, str]:
        error = refused(lambda: blobs.append(config, at(storage, path), b"one\n"))
        return error.kind, error.message

    kind, words = told("nowhere/trail")
    assert (kind, words) == ("missing", "404 ContainerNotFound: The specified container does not exist.")
    blobs.put(config, at(storage, "heads/block"), [b"x"])
    assert told("heads/block")[1].startswith("409 InvalidBlobType")
    blobs.append(config, at(storage, "heads/trail"), b"one\n")
    storage.control("POST", "blobs", {"immutable": {"heads": "policy"}})
    assert told("heads/trail")[0] == "policy"
    storage.control("POST", "blobs", {"role": False})
    assert told("heads/trail")[1].startswith("403 AuthorizationPermissionMismatch")


def test_a_full_blob_is_told_from_all_else(storage: Devcloud, config: AzureConfig) -> None:
    storage.control("POST", "blobs", {"limits": {"blocks": 1}})
    blobs.append(config, at(storage, "heads/trail"), b"one\n")
    assert refused(lambda: blobs.append(config, at(storage, "heads/trail"), b"two\n")).kind == "full"


def test_the_call_after_a_refused_token_has_a_new_one(
    storage: Devcloud, config: AzureConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credential, "_NEW_SECONDS", 0.0)
    blobs.append(config, at(storage, "heads/trail"), b"one\n")
    storage.fault("token_revoked", match={"method": "BLOB_APPEND"}, times=None)
    assert refused(lambda: blobs.append(config, at(storage, "heads/trail"), b"two\n")).kind == "identity"
    blobs.append(config, at(storage, "heads/trail"), b"two\n")
    assert storage.blob("heads/trail") == b"one\ntwo\n"


def test_a_token_never_leaves_for_a_host_that_is_not_azures(storage: Devcloud, config: AzureConfig) -> None:
    earnest = AzureConfig()
    error = refused(lambda: blobs.append(earnest, at(storage, "heads/trail"), b"one\n"))
    assert (error.kind, error.certain) == ("invalid", True)
    assert operations(storage) == []


def test_without_an_identity_nothing_is_sent(storage: Devcloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    alone = AzureConfig(storage.url, storage.url, client_id="nobody", allow_cleartext_loopback=True)
    error = refused(lambda: blobs.append(alone, at(storage, "heads/trail"), b"one\n"))
    assert "token" in error.message
    assert operations(storage) == []


def test_a_blob_is_put_out_of_blocks_and_marked_with_its_digest(
    storage: Devcloud, config: AzureConfig
) -> None:
    chunks = [bytes([number]) * (MIB + 7) for number in range(9)]
    blobs.put(config, at(storage, "exports/a.csv"), chunks)
    whole = b"".join(chunks)
    assert storage.blob("exports/a.csv") == whole
    told = storage.blobs()["exports/a.csv"]
    assert (told["blocks"], told["metadata"]) == (3, {"latchportal_mark": sha256(whole).hexdigest()})


def test_a_blob_of_nothing_is_there_too(storage: Devcloud, config: AzureConfig) -> None:
    blobs.put(config, at(storage, "exports/empty"), [])
    assert storage.blob("exports/empty") == b""


def test_chunks_that_break_off_leave_nothing_to_be_seen(storage: Devcloud, config: AzureConfig) -> None:
    def breaks() -> Iterator[bytes]:
        yield bytes(5 * MIB)
        raise OSError("the query broke off")

    with pytest.raises(OSError, match="broke off"):
        blobs.put(config, at(storage, "exports/a.csv"), breaks())
    assert storage.blobs() == {}
    blobs.put(config, at(storage, "exports/a.csv"), [b"whole"])
    assert storage.blob("exports/a.csv") == b"whole", "what was left waiting is in nobody's way"


def test_what_is_there_is_never_written_over_and_the_same_is_the_same(
    storage: Devcloud, config: AzureConfig
) -> None:
    blobs.put(config, at(storage, "exports/a"), [b"one"])
    blobs.put(config, at(storage, "exports/a"), [b"o", b"ne"])
    blobs.put(config, at(storage, "exports/m"), [b"manifest 1"], mark="one")
    blobs.put(config, at(storage, "exports/m"), [b"manifest 2"], mark="one")
    assert refused(lambda: blobs.put(config, at(storage, "exports/a"), [b"two"])).code == "BlobAlreadyExists"
    assert (storage.blob("exports/a"), storage.blob("exports/m")) == (b"one", b"manifest 1")


@pytest.mark.parametrize("method", ["BLOB_BLOCK", "BLOB_COMMIT", "BLOB_READ"])
@pytest.mark.parametrize("fault", ["server_error", "throttle", "drop_connection", "lost answer"])
def test_a_passing_failure_is_tried_again_and_harms_nothing(
    storage: Devcloud, config: AzureConfig, method: str, fault: str
) -> None:
    name, options = ("drop_connection", {"applied": True}) if fault == "lost answer" else (fault, {})
    storage.fault(name, match={"method": method}, **options)
    blobs.put(config, at(storage, "exports/a"), [b"whole"])
    assert storage.blob("exports/a") == b"whole"


def test_a_list_whose_answer_never_comes_is_looked_for(storage: Devcloud, config: AzureConfig) -> None:
    storage.fault("drop_connection", match={"method": "BLOB_COMMIT"}, times=None, applied=True)
    blobs.put(config, at(storage, "exports/a"), [b"whole"])
    assert storage.blob("exports/a") == b"whole"


def test_somebody_who_was_faster_is_not_written_over(storage: Devcloud, config: AzureConfig) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"mine"
        blobs.put(config, at(storage, "exports/a"), [b"theirs"])

    assert refused(lambda: blobs.put(config, at(storage, "exports/a"), chunks())).code == "BlobAlreadyExists"
    assert storage.blob("exports/a") == b"theirs"


def test_an_outage_is_told_after_three_tries(storage: Devcloud, config: AzureConfig) -> None:
    storage.fault("server_error", match={"method": "BLOB_BLOCK"}, times=None)
    error = refused(lambda: blobs.put(config, at(storage, "exports/a"), [b"x"]))
    assert error.message.startswith("500 InternalError")
    assert operations(storage).count("BLOB_BLOCK InternalError") == 3
    assert storage.blobs() == {}


PUTS = """
import resource, sys
from requests_app.targets import blobs
from requests_app.targets.azure_cloud import AzureConfig
url = sys.argv[1]
config = AzureConfig(url, url, allow_cleartext_loopback=True)
for name, count in (("small", 12), ("large", 160)):
    blobs.put(config, f"{url}/latchtrail/exports/{name}", (bytes(1 << 20) for _ in range(count)))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_a_large_blob_takes_no_more_memory_than_a_small_one(storage: Devcloud) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PUTS, storage.url], cwd=ROOT, env=os.environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    small, large = (int(line) for line in done.stdout.split())
    assert storage.blobs()["exports/large"]["size"] == 160 * MIB
    assert large - small < 16 * 1024, "kilobytes more for 148 megabytes more"
