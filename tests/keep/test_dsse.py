"""Signed envelopes."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.core.errors import UsageError
from trailkeep.keep.dsse import decode, encode, new_key, pae, read_signer, seal, signed_by

SIGNER = read_signer(new_key(), name="key")
ENVELOPE = encode(seal(b'{"a":1}', "text/plain", SIGNER))


def test_what_is_signed_has_the_lengths_in_it() -> None:
    """Type and payload are told apart by their lengths in bytes, as DSSE's own example shows."""
    assert (
        pae("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae("\N{LATIN SMALL LETTER E WITH ACUTE}", b"") == b"DSSEv1 2 \xc3\xa9 0 "


def test_an_envelope_is_read_as_it_was_written() -> None:
    """What was sealed is signed by its signer and by nobody else."""
    envelope = decode(ENVELOPE, name="e")
    assert envelope.body == b'{"a":1}'
    assert signed_by(envelope, SIGNER.public_pem)
    assert not signed_by(envelope, read_signer(new_key(), name="other").public_pem)
    assert not signed_by(seal(b"x", "text/plain", None), SIGNER.public_pem)


@given(st.integers(0, len(ENVELOPE) - 1), st.integers(1, 255))
def test_no_byte_of_an_envelope_can_be_changed(at: int, flip: int) -> None:
    """Whatever byte is flipped, the envelope is refused, or its signature, or its key's name is another."""
    data = ENVELOPE[:at] + bytes([ENVELOPE[at] ^ flip]) + ENVELOPE[at + 1 :]
    try:
        envelope = decode(data, name="e")
    except ValueError:
        return
    known = decode(ENVELOPE, name="e").signatures[0].keyid
    assert not signed_by(envelope, SIGNER.public_pem) or envelope.signatures[0].keyid != known


def test_only_keys_that_anybody_can_check_are_taken() -> None:
    """A file that is no key and a curve of another size are refused with what to do."""
    with pytest.raises(UsageError, match=r"expected a private Ed25519 key in PEM"):
        read_signer(b"no key", name="f")
    key = ec.generate_private_key(ec.SECP384R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(UsageError, match=r"f: expected an Ed25519 key, got another type"):
        read_signer(pem, name="f")
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(UsageError, match=r"expected an Ed25519, RSA"):
        signed_by(decode(ENVELOPE, name="e"), public)
