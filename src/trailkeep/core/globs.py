"""File names in places that read wildcards."""

from __future__ import annotations

__all__ = ["literal"]


def literal(path: object) -> str:
    """Return a pattern that matches exactly ``path``, where ``*``, ``?`` and ``[`` are wildcards.

    >>> literal("a[1]*")
    'a[[]1][*]'
    """
    return "".join(f"[{char}]" if char in "[*?" else char for char in str(path))
