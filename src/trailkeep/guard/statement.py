"""What a policy document says, as values: policies, statements, principals.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trailkeep.guard.conditions import Condition

__all__ = ["VERSION_WITH_VARIABLES", "Effect", "Policy", "PrincipalPattern", "PrincipalType", "Statement"]

VERSION_WITH_VARIABLES = "2012-10-17"


class Effect(StrEnum):
    """What a statement does with what it matches."""

    ALLOW = "Allow"
    DENY = "Deny"


class PrincipalType(StrEnum):
    """The namespaces of the Principal element."""

    AWS = "AWS"
    SERVICE = "Service"
    FEDERATED = "Federated"
    CANONICAL_USER = "CanonicalUser"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalPattern:
    """One principal as written; ``*`` and ``{"AWS": "*"}`` are both ``AWS *``: everybody."""

    type: PrincipalType
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement; an empty tuple is an absent element, ``index`` its position from 0."""

    index: int
    effect: Effect
    sid: str = ""
    principals: tuple[PrincipalPattern, ...] = ()
    not_principals: tuple[PrincipalPattern, ...] = ()
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def label(self) -> str:
        """The Sid, or the position where there is none."""
        return self.sid or str(self.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy document under the name it has in messages."""

    name: str
    statements: tuple[Statement, ...]
    version: str = VERSION_WITH_VARIABLES

    @property
    def knows_variables(self) -> bool:
        """Whether ``${...}`` is a variable; in older versions it is plain text."""
        return self.version == VERSION_WITH_VARIABLES
