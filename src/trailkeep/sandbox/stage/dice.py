"""Seeded chance, and the identifiers AWS hands out.

Every identifier of the synthetic activity comes from here, so a seed decides all of them. An access key
carries its account in its first characters as the real ones do, so keys of one account look alike.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
"""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["Dice"]

T = TypeVar("T")

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS = tuple(a + b for a in _BASE32 for b in _BASE32)
_VARIANT = "89ab"
_S3_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Dice:
    """Chance that ``labels`` decide: the same labels always fall the same way, on every Python."""

    __slots__ = ("_account_parts", "_random", "bits", "unit")

    def __init__(self, *labels: str | int) -> None:
        self._random = random.Random("/".join(map(str, labels)))  # noqa: S311 - made to be repeatable, not secret
        self.unit = self._random.random
        self.bits = self._random.getrandbits
        self._account_parts: dict[str, tuple[str, int]] = {}

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of ``choices``, each as likely as the others."""
        return choices[int(self.unit() * len(choices))]

    def between(self, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both included."""
        return low + int(self.unit() * (high - low + 1))

    def uuid(self) -> str:
        """Return a version 4 UUID."""
        bits = self.bits(128)
        text = f"{bits:032x}"
        variant = _VARIANT[bits >> 60 & 3]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def hex(self, digits: int) -> str:
        """Return ``digits`` hexadecimal digits, as behind ``i-`` or ``vpc-``."""
        return f"{self.bits(4 * digits):0{digits}x}"

    def access_key(self, kind: str, account_id: str) -> str:
        """Return an access key id of 20 characters; ``AKIA`` is long-lived, ``ASIA`` a session's."""
        head, low = self._account_part(account_id)
        bits = low << 39 | self.bits(39)
        first, second = _PAIRS[bits >> 30], _PAIRS[bits >> 20 & 1023]
        third, fourth = _PAIRS[bits >> 10 & 1023], _PAIRS[bits & 1023]
        return f"{kind}{head}{first}{second}{third}{fourth}"

    def unique_id(self, kind: str, account_id: str) -> str:
        """Return an IAM unique id of 21 characters, such as ``AROA..`` (role) or ``AIDA..`` (user)."""
        return self.access_key(kind, account_id) + _BASE32[self.bits(5)]

    def s3_request_id(self) -> str:
        """Return a request id as S3 writes it: 16 capitals and digits."""
        bits = self.bits(80)
        return "".join([_S3_ALPHABET[bits >> shift & 31] for shift in range(0, 80, 5)])

    def base64(self, size_bytes: int) -> str:
        """Return ``size_bytes`` random bytes as base64."""
        return b64encode(self._random.randbytes(size_bytes)).decode()

    def session_token(self) -> str:
        """Return a text that looks like the token of a session: long, and no gzip makes it smaller."""
        return "IQoJb3JpZ2luX2Vj" + self.base64(450)

    def _account_part(self, account_id: str) -> tuple[str, int]:
        """Return what an account fixes of its keys: eight characters and the top bit of the ninth."""
        if account_id not in self._account_parts:
            bits = 1 << 40 | int(account_id)
            shifts = range(35, -1, -5)
            head = "".join(_BASE32[bits >> 1 >> shift & 31] for shift in shifts)
            self._account_parts[account_id] = (head, bits & 1)
        return self._account_parts[account_id]
