"""The public keys that sign digests: per region, with a time of validity, pinned by our own SHA-256.

1. ``Fingerprint`` is the MD5 of the DER as ListPublicKeys gives it (checked against AWS's printed samples).
   MD5 is no pin, so the SHA-256 of the DER is kept beside it.
2. The DER is a PKCS#1 RSAPublicKey; one of AWS's samples is a SubjectPublicKeyInfo, which is read too.
3. A key counts for its own region only, and within its validity give or take ``SLACK``.
4. The same fingerprint with another value is refused, and a bundle only ever grows.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
"""

from __future__ import annotations

from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import md5, sha256
from typing import Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from trailkeep.core.errors import UncheckedError

__all__ = [
    "SLACK",
    "BundleKey",
    "KeyRing",
    "PublicKey",
    "SigningKeyError",
    "decode_bundle",
    "encode_bundle",
    "extend_bundle",
    "public_key",
    "rsa_of",
]

SLACK: Final = timedelta(hours=2)
_BITS = 2048


class SigningKeyError(UncheckedError):
    """A key or a bundle of keys is not what it says; nothing signed by it may be believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """One key of one region; ``sha256`` is of ``der``."""

    region: str
    fingerprint: str
    der: bytes
    valid_from: datetime
    valid_until: datetime
    sha256: str


def public_key(
    *, region: str, fingerprint: str, der: bytes, valid_from: datetime, valid_until: datetime
) -> PublicKey:
    """Return a key whose parts agree.

    Raises:
        SigningKeyError: the fingerprint is not the DER's, the DER is no RSA key, or the times are wrong.
    """
    name = f"public key {fingerprint} of {region}"
    actual = md5(der, usedforsecurity=False).hexdigest()
    if actual != fingerprint.lower():
        raise SigningKeyError(f"{name}: expected the MD5 of its DER, got {actual}; fetch the key again")
    if valid_from.tzinfo is None or valid_until.tzinfo is None or valid_until < valid_from:
        raise SigningKeyError(f"{name}: expected a time of validity, got {valid_from} to {valid_until}")
    rsa_of(der)
    return PublicKey(
        region=region,
        fingerprint=actual,
        der=der,
        valid_from=valid_from,
        valid_until=valid_until,
        sha256=sha256(der).hexdigest(),
    )


@lru_cache(maxsize=1024)
def rsa_of(der: bytes) -> RSAPublicKey:
    """Return the RSA key that the DER is, and nothing but it.

    Raises:
        SigningKeyError: the DER is no RSA key of at least 2048 bits, or has something beside it.
    """
    try:
        key = load_der_public_key(der)
    except Exception as error:
        raise SigningKeyError("public key: expected the DER of an RSA key, got other bytes") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < _BITS:
        raise SigningKeyError(f"public key: expected RSA of at least {_BITS} bits, got another key")
    forms = (PublicFormat.PKCS1, PublicFormat.SubjectPublicKeyInfo)
    if der not in [key.public_bytes(Encoding.DER, form) for form in forms]:
        raise SigningKeyError("public key: expected the DER of an RSA key, got bytes beside it")
    return key


class KeyRing:
    """Keys by region and fingerprint."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[PublicKey] = ()) -> None:
        self._keys: dict[str, dict[str, list[PublicKey]]] = {}
        values: dict[str, str] = {}
        for key in keys:
            if values.setdefault(key.fingerprint, key.sha256) != key.sha256:
                raise SigningKeyError(
                    f"public key {key.fingerprint}: expected one value, got two; "
                    "somebody made a second key with the same MD5"
                )
            same = self._keys.setdefault(key.fingerprint, {}).setdefault(key.region, [])
            if key not in same:
                same.append(key)

    @property
    def keys(self) -> tuple[PublicKey, ...]:
        """All keys."""
        return tuple(key for regions in self._keys.values() for same in regions.values() for key in same)

    def find(self, region: str, fingerprint: str, at: datetime) -> PublicKey | str:
        """Return the region's key that was valid at a time, or why there is none."""
        regions = self._keys.get(fingerprint.lower(), {})
        if not regions:
            return f"no key has the fingerprint {fingerprint}"
        if region not in regions:
            return f"the key {fingerprint} belongs to {', '.join(sorted(regions))}, not to {region}"
        for key in regions[region]:
            if key.valid_from - SLACK <= at <= key.valid_until + SLACK:
                return key
        spans = ", ".join(f"{key.valid_from:%F} to {key.valid_until:%F}" for key in regions[region])
        return f"the key {fingerprint} of {region} was valid {spans}, not on {at:%F}"

    def merge(self, other: KeyRing) -> KeyRing:
        """Return the keys of both.

        Raises:
            SigningKeyError: the same fingerprint has two values.
        """
        return KeyRing((*self.keys, *other.keys))


class BundleKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key as a bundle holds it; ``source`` says who answered ListPublicKeys."""

    region: str
    fingerprint: str
    sha256: str
    der_base64: str
    valid_from: datetime
    valid_until: datetime
    fetched_at: datetime
    source: str

    @classmethod
    def of(cls, key: PublicKey, *, fetched_at: datetime, source: str) -> BundleKey:
        """Return the entry of a key that was just fetched."""
        return cls(
            region=key.region,
            fingerprint=key.fingerprint,
            sha256=key.sha256,
            der_base64=b64encode(key.der).decode(),
            valid_from=key.valid_from,
            valid_until=key.valid_until,
            fetched_at=fetched_at,
            source=source,
        )

    def key(self) -> PublicKey:
        """Return the key.

        Raises:
            SigningKeyError: its parts contradict each other.
        """
        try:
            der = a2b_base64(self.der_base64.encode("ascii"), strict_mode=True)
        except (Base64Error, ValueError) as error:
            raise SigningKeyError(f"public key {self.fingerprint}: expected base64, got {error}") from error
        key = public_key(
            region=self.region,
            fingerprint=self.fingerprint,
            der=der,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
        )
        if key.sha256 != self.sha256:
            raise SigningKeyError(
                f"public key {self.fingerprint}: expected SHA-256 {self.sha256}, got {key.sha256}"
            )
        return key


class _Schema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema: Literal["keys/1"] = "keys/1"


class _Bundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    trailkeep: _Schema
    keys: tuple[BundleKey, ...]


def encode_bundle(entries: Sequence[BundleKey]) -> bytes:
    """Return the JSON document of some keys, ordered, so that the same keys give the same bytes."""
    ordered = sorted(entries, key=lambda one: (one.region, one.valid_from, one.fingerprint, one.valid_until))
    text = msgspec.json.encode(_Bundle(trailkeep=_Schema(schema="keys/1"), keys=tuple(ordered)))
    return msgspec.json.format(text, indent=2) + b"\n"


def decode_bundle(data: bytes) -> tuple[BundleKey, ...]:
    """Read a bundle.

    Raises:
        SigningKeyError: it is no bundle, or one of its keys is not what it says.
    """
    try:
        entries = msgspec.json.decode(data, type=_Bundle).keys
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise SigningKeyError(f"key bundle: expected a document keys/1, got {error}") from error
    KeyRing(entry.key() for entry in entries)
    return entries


def extend_bundle(old: Sequence[BundleKey], new: Iterable[BundleKey]) -> tuple[BundleKey, ...]:
    """Return the old entries and behind them those new ones that say something new.

    Raises:
        SigningKeyError: a fingerprint has another value than before.
    """
    kept = [*old]
    known = {(one.region, one.sha256, one.valid_from, one.valid_until) for one in old}
    for one in new:
        mark = (one.region, one.sha256, one.valid_from, one.valid_until)
        if mark not in known:
            known.add(mark)
            kept.append(one)
    KeyRing(entry.key() for entry in kept)
    return tuple(kept)
