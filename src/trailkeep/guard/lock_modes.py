"""Which mode of Object Lock satisfies which: COMPLIANCE holds whatever GOVERNANCE holds, and nobody lifts it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html#object-lock-retention-modes
"""

from __future__ import annotations

__all__ = ["holds_as", "stronger"]

_STRENGTH = {"": 0, "GOVERNANCE": 1, "COMPLIANCE": 2}
"""A mode that S3 has yet to invent is as good as none, until somebody knows what it holds."""


def holds_as(mode: str, asked: str) -> bool:
    """Return whether what is locked in ``mode`` is held at least as it is in ``asked``; empty is no lock.

    >>> holds_as("COMPLIANCE", "GOVERNANCE"), holds_as("GOVERNANCE", "COMPLIANCE")
    (True, False)
    """
    return mode == asked or _STRENGTH.get(mode, 0) > _STRENGTH.get(asked, len(_STRENGTH))


def stronger(mode: str, other: str) -> str:
    """Return the mode that holds more.

    >>> stronger("GOVERNANCE", "COMPLIANCE")
    'COMPLIANCE'
    """
    return mode if holds_as(mode, other) else other
