"""CloudTrail's signing keys: RSA, one after the other in each Region, with overlapping validity, and listed.

::

    key n      |<--------- valid ---------->|
    key n + 1            |<--------- valid ---------->|
                         ^ from here on key n + 1 signs

A key follows from its Region and number alone, so that archives are the same every time; it is found once in
a process. Whoever reads this can sign as the sandbox does: these keys protect nothing.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import gcd, prod
from random import Random
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from werkzeug.wrappers import Response

from trailkeep.sandbox.faults import Fault, json_answer

__all__ = ["ALGORITHM", "Rotation", "SigningKey", "SigningKeys"]

ALGORITHM = "SHA256withRSA"
_EPOCH = datetime(2013, 11, 13, tzinfo=UTC)  # the day CloudTrail was announced
_EXPONENT = 65537
_PRIME_BITS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How often a Region gets a new key, and how long the one before it stays valid."""

    every: timedelta = timedelta(days=60)
    overlap: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One key; ``der`` is the public half as PKCS#1 DER, ``fingerprint`` the MD5 of these bytes."""

    region: str
    private: rsa.RSAPrivateKey
    der: bytes
    fingerprint: str
    valid_from: datetime
    valid_until: datetime

    def sign(self, text: bytes) -> str:
        """Return the RSASSA-PKCS1-v1_5 signature over SHA-256, in hex."""
        return self.private.sign(text, padding.PKCS1v15(), hashes.SHA256()).hex()


class SigningKeys:
    """The keys of all Regions; those that signed are listed, and the one that would sign."""

    def __init__(self, rotation: Rotation | None = None) -> None:
        self.rotation = rotation or Rotation()
        self._used: dict[str, set[int]] = defaultdict(set)

    def clear(self) -> None:
        """Forget which keys signed, and rotate as usual."""
        self.rotation = Rotation()
        self._used.clear()

    def signing(self, region: str, at: datetime) -> SigningKey:
        """Return the key that signs in a Region at a moment."""
        number = self._number(region, at)
        self._used[region].add(number)
        return self._key(region, number)

    def listed(self, region: str, since: datetime, until: datetime) -> list[SigningKey]:
        """Return the keys that are valid at some moment of a range, the oldest first."""
        numbers = {self._number(region, since), *self._used[region]}
        keys = [self._key(region, number) for number in sorted(numbers)]
        return [key for key in keys if key.valid_from <= until and since <= key.valid_until]

    def answer(self, parameters: Mapping[str, Any], *, region: str) -> Fault | Response:
        """Answer one ListPublicKeys; its range begins and ends now where nothing is said."""
        now = datetime.now(UTC).timestamp()
        since, until = (float(parameters.get(name) or now) for name in ("StartTime", "EndTime"))
        if since > until:
            message = "The start time is after the end time."
            return Fault(code="InvalidTimeRangeException", message=message)
        moments = (datetime.fromtimestamp(moment, UTC) for moment in (since, until))
        return json_answer({"PublicKeyList": [_told(key) for key in self.listed(region, *moments)]})

    def _number(self, region: str, at: datetime) -> int:
        return (at - _EPOCH - self._shift(region)) // self.rotation.every

    def _shift(self, region: str) -> timedelta:
        """Let every Region rotate on another day."""
        part = int.from_bytes(hashlib.sha256(region.encode()).digest()[:4]) / 2**32
        return timedelta(seconds=int(part * self.rotation.every.total_seconds()))

    def _key(self, region: str, number: int) -> SigningKey:
        begins = _EPOCH + self._shift(region) + number * self.rotation.every
        private = _private_key(region, number)
        der = private.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
        return SigningKey(
            region=region,
            private=private,
            der=der,
            fingerprint=hashlib.md5(der, usedforsecurity=False).hexdigest(),
            valid_from=begins,
            valid_until=begins + self.rotation.every + self.rotation.overlap,
        )


def _told(key: SigningKey) -> dict[str, Any]:
    return {
        "Value": b64encode(key.der).decode(),
        "ValidityStartTime": int(key.valid_from.timestamp()),
        "ValidityEndTime": int(key.valid_until.timestamp()),
        "Fingerprint": key.fingerprint,
    }


@lru_cache(maxsize=256)
def _private_key(region: str, number: int) -> rsa.RSAPrivateKey:
    """Return the RSA-2048 key that follows from a Region and a number."""
    dice = Random(f"{region} {number}")  # noqa: S311 - the same keys every time, on purpose
    p, q = _prime(dice), _prime(dice)
    secret = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=secret,
        dmp1=rsa.rsa_crt_dmp1(secret, p),
        dmq1=rsa.rsa_crt_dmq1(secret, q),
        iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(_EXPONENT, p * q),
    )
    return numbers.private_key()


def _prime(dice: Random) -> int:
    """Return a prime of 1024 bits, its two highest set; Fermat's test is enough for random numbers."""
    small = _small_primes()
    while True:
        number = dice.getrandbits(_PRIME_BITS) | 3 << _PRIME_BITS - 2 | 1
        is_candidate = gcd(number, small) == 1 and (number - 1) % _EXPONENT
        if is_candidate and pow(2, number - 1, number) == 1:
            return number


@lru_cache(maxsize=1)
def _small_primes() -> int:
    odd = range(3, 5000, 2)
    return prod(number for number in odd if all(number % part for part in range(3, int(number**0.5) + 1, 2)))
