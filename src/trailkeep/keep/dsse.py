"""Signed envelopes: what is signed, how the envelope is written, and who may sign.

Source: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md (DSSE v1).
The algorithm follows from the type of the key, never from the envelope, so that nobody can choose a weaker
one: Ed25519 as it is, RSA with PKCS #1 v1.5 and SHA-256, curves of 256 bits with ECDSA and SHA-256.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Protocol

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from trailkeep.core.errors import UsageError

__all__ = [
    "Ed25519Signer",
    "Envelope",
    "Signature",
    "Signer",
    "decode",
    "encode",
    "key_id",
    "new_key",
    "pae",
    "read_signer",
    "seal",
    "signed_by",
]

_PEM = serialization.Encoding.PEM
_SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
_RSA_BITS = 2048


class Signer(Protocol):
    """Who signs: ``sign`` returns the signature of bytes, ``public_pem`` what checks it."""

    @property
    def public_pem(self) -> bytes:
        """The public key as PEM (SubjectPublicKeyInfo)."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message."""


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signature; ``keyid`` is a hint that nothing relies on."""

    keyid: str
    sig: str


class Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payload in base64 with its signatures; none where nobody signed."""

    payload: str
    payload_type: str = msgspec.field(name="payloadType")
    signatures: tuple[Signature, ...]

    @property
    def body(self) -> bytes:
        """The payload."""
        return base64.b64decode(self.payload, validate=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ed25519Signer:
    """Signs with a key that is at hand."""

    key: ed25519.Ed25519PrivateKey

    @property
    def public_pem(self) -> bytes:
        """The public key as PEM."""
        return self.key.public_key().public_bytes(_PEM, _SPKI)

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature."""
        return self.key.sign(message)


def new_key() -> bytes:
    """Return a new private Ed25519 key as PEM (PKCS #8, not encrypted)."""
    return ed25519.Ed25519PrivateKey.generate().private_bytes(
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_signer(pem: bytes, *, name: str) -> Ed25519Signer:
    """Return who signs with a private key; ``name`` is the file that messages name.

    Raises:
        UsageError: the bytes are no private Ed25519 key in PEM without a password.
    """
    advice = "make one with 'trailkeep verify-report --new-key FILE'"
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{name}: expected a private Ed25519 key in PEM, got {error}; {advice}") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise UsageError(f"{name}: expected an Ed25519 key, got another type of key; {advice}")
    return Ed25519Signer(key=key)


def key_id(public_pem: bytes, *, name: str = "key") -> str:
    """Return the hex SHA-256 of the DER of a public key.

    Raises:
        UsageError: the bytes are no public key in PEM.
    """
    key = _public(public_pem, name)
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, _SPKI)).hexdigest()


def pae(payload_type: str, body: bytes) -> bytes:
    """Return the bytes that are signed.

    >>> pae("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def seal(body: bytes, payload_type: str, signer: Signer | None) -> Envelope:
    """Return the envelope of a payload, without a signature where nobody signs."""
    signatures: tuple[Signature, ...] = ()
    if signer is not None:
        sig = base64.b64encode(signer.sign(pae(payload_type, body))).decode()
        signatures = (Signature(keyid=key_id(signer.public_pem), sig=sig),)
    return Envelope(payload=base64.b64encode(body).decode(), payload_type=payload_type, signatures=signatures)


def encode(envelope: Envelope) -> bytes:
    """Return the envelope as one line of JSON: always the same bytes for the same envelope."""
    return msgspec.json.encode(envelope) + b"\n"


def decode(data: bytes, *, name: str) -> Envelope:
    """Return the envelope in some bytes, which must be exactly as ``encode`` writes it.

    Raises:
        ValueError: they are not; what is beside an envelope is not signed.
    """
    try:
        envelope = msgspec.json.decode(data, type=Envelope)
        is_exact = encode(envelope) == data and base64.b64encode(envelope.body).decode() == envelope.payload
    except (msgspec.MsgspecError, ValueError) as error:
        raise ValueError(f"{name}: expected a DSSE envelope, got {error}") from error
    if not is_exact:
        raise ValueError(
            f"{name}: expected a DSSE envelope as it is written, got one with something beside it"
        )
    return envelope


def signed_by(envelope: Envelope, public_pem: bytes, *, name: str = "key") -> bool:
    """Say whether one of the signatures is by this key.

    Raises:
        UsageError: the key is no public key in PEM, or of a type that is not accepted.
    """
    key = _public(public_pem, name)
    message = pae(envelope.payload_type, envelope.body)
    return any(_checks(key, one.sig, message) for one in envelope.signatures)


def _checks(
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey, sig: str, message: bytes
) -> bool:
    try:
        signature = base64.b64decode(sig, validate=True)
        match key:
            case ed25519.Ed25519PublicKey():
                key.verify(signature, message)
            case rsa.RSAPublicKey():
                key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
            case _:
                key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _public(pem: bytes, name: str) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{name}: expected a public key in PEM, got {error}; name another file") from error
    match key:
        case ed25519.Ed25519PublicKey():
            return key
        case rsa.RSAPublicKey() if key.key_size >= _RSA_BITS:
            return key
        case ec.EllipticCurvePublicKey() if key.key_size == 256:
            return key
        case _:
            raise UsageError(
                f"{name}: expected an Ed25519, RSA (2048 bits or more) or 256-bit EC key, got another; "
                "sign with such a key"
            )
