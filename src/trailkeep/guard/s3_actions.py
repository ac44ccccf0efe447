"""The S3 actions by the level that they act on, as the findings about pasted policies tell them apart.

Read from the table of ``trailkeep.guard.actions``.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from trailkeep.guard.actions import Action, expand, table_date

__all__ = ["LEVELS", "TABLE", "WRITES", "Level", "matched_actions"]


class Level(StrEnum):
    """What an action acts on; OTHER are jobs, access points, access grants and the like."""

    BUCKET = "bucket"
    OBJECT = "object"
    ACCOUNT = "account"
    OTHER = "other"


def _level(action: Action) -> Level:
    if not action.types:
        return Level.ACCOUNT
    return next((each for each in (Level.BUCKET, Level.OBJECT) if action.acts_on(each)), Level.OTHER)


TABLE = f"table of {table_date():%Y-%m}"
"""How messages name the age of the table."""
LEVELS: dict[str, Level] = {action.name: _level(action) for action in expand("s3:*")}
"""Every action, as ``s3:Name``, with its level."""

_HARMLESS = frozenset({"s3:RestoreObject"})
WRITES: tuple[str, ...] = tuple(
    action.name
    for action in expand("s3:*")
    if action.is_mutating
    and LEVELS[action.name] in {Level.BUCKET, Level.OBJECT}
    and action.name not in _HARMLESS
)
"""The actions that change a bucket or its objects; RestoreObject only makes an archived object readable."""


def matched_actions(pattern: str) -> Iterator[str]:
    """Yield the actions of the table that an Action value means."""
    return (action.name for action in expand(pattern) if action.service == "s3")
