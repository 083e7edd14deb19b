"""Keys are parsed once, named by thumbprint and published without their private half."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from requests_app.codes.keys import KeyFault, KeySet, begins, file_name, generate_pem, kid_of, thumbprint
from requests_app.codes.keys import public_pem as keys_public_pem

PEM = serialization.Encoding.PEM
OLD, NEW = generate_pem(), generate_pem()


def public_pem(private: bytes) -> bytes:
    key = serialization.load_pem_private_key(private, password=None)
    return key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def locked_pem() -> bytes:
    locked = serialization.BestAvailableEncryption(b"secret")
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, locked
    )


def test_the_last_private_key_by_name_signs() -> None:
    keys = KeySet.from_pem({"2026-11": NEW, "2026-05": OLD, "2026-12-next": public_pem(generate_pem())})
    assert keys.signing.kid == KeySet.from_pem({"x": NEW}).signing.kid
    assert len(keys.public) == 3


def test_which_key_signs_can_be_said() -> None:
    keys = KeySet.from_pem({"a": OLD, "b": NEW}, signing="a")
    assert keys.signing.kid == KeySet.from_pem({"x": OLD}).signing.kid


def test_a_set_of_public_keys_only_verifies() -> None:
    keys = KeySet.from_pem({"a": public_pem(OLD)})
    with pytest.raises(KeyFault, match="only public keys"):
        _ = keys.signing


def test_both_halves_of_a_key_are_one_key() -> None:
    assert len(KeySet.from_pem({"a": OLD, "b": public_pem(OLD)}).jwks()["keys"]) == 1


def test_what_is_published_holds_nothing_private() -> None:
    published = KeySet.from_pem({"a": OLD, "b": NEW}).jwks()["keys"]
    assert len(published) == 2
    for key in published:
        assert set(key) == {"kty", "crv", "x", "y", "use", "alg", "kid"}
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")


def test_a_key_is_named_by_its_thumbprint() -> None:
    # The point is RFC 7515's example key (appendix A.3); the thumbprint follows RFC 7638 by hand.
    x = int.from_bytes(
        bytes.fromhex("7fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445"), "big"
    )
    y = int.from_bytes(
        bytes.fromhex("c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5ad"), "big"
    )
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    assert thumbprint(key) == "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        (b"", "not an unencrypted PEM key"),
        (b"nonsense", "not an unencrypted PEM key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not an unencrypted PEM key"),
        (locked_pem(), "not an unencrypted PEM key"),
        (private_pem(ec.generate_private_key(ec.SECP384R1())), "curve P-256"),
        (private_pem(ed25519.Ed25519PrivateKey.generate()), "curve P-256"),
        (private_pem(rsa.generate_private_key(65537, 2048)), "curve P-256"),
        (public_pem(private_pem(ec.generate_private_key(ec.SECP384R1()))), "curve P-256"),
    ],
    ids=["empty", "nonsense", "no key in it", "locked", "P-384", "Ed25519", "RSA", "public P-384"],
)
def test_a_file_that_holds_no_such_key_is_named(pem: bytes, words: str) -> None:
    with pytest.raises(KeyFault, match=words) as fault:
        KeySet.from_pem({"good.pem": OLD, "bad.pem": pem})
    assert "bad.pem" in str(fault.value)


def test_no_key_at_all_is_a_fault() -> None:
    with pytest.raises(KeyFault, match="no key"):
        KeySet.from_pem({})


@pytest.mark.parametrize("signing", ["c", "b"])
def test_a_signing_key_that_is_not_there_is_a_fault(signing: str) -> None:
    with pytest.raises(KeyFault, match="not the name of a private key"):
        KeySet.from_pem({"a": OLD, "b": public_pem(NEW)}, signing=signing)


def test_a_key_that_waits_is_published_and_does_not_sign_unless_there_is_no_other() -> None:
    keys = KeySet.from_pem({"a": OLD, "b": NEW}, waiting={"b"})
    assert keys.signing.kid == kid_of(OLD, "a")
    assert set(keys.public) == {kid_of(OLD, "a"), kid_of(NEW, "b")}
    assert KeySet.from_pem({"b": NEW}, waiting={"b"}).signing.kid == kid_of(NEW, "b")


def test_a_key_s_file_says_from_when_it_signs() -> None:
    noon = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    assert begins(file_name(noon)) is None
    assert begins(file_name(noon, noon + timedelta(minutes=15))) == noon + timedelta(minutes=15)
    assert file_name(noon) < file_name(noon, noon) < file_name(noon + timedelta(seconds=1))
    with pytest.raises(KeyFault, match="no time from which it signs"):
        begins("latch-20261126T120000-from-20269999T999999")


def test_of_a_key_its_public_half_can_be_taken() -> None:
    half = keys_public_pem(OLD, "a")
    assert b"PRIVATE" not in half
    assert kid_of(half, "a") == kid_of(OLD, "a")
    assert keys_public_pem(half, "a") == half
