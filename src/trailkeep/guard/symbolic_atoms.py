"""The atoms of statements: what can be true or false of a request on its own.

An atom says one thing about one thing; statements that say the same share it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import assert_never

from trailkeep.guard.conditions import Condition
from trailkeep.guard.matching import action_matches
from trailkeep.guard.principals import Grant
from trailkeep.guard.statement import Effect, Statement
from trailkeep.guard.symbolic_keys import Asked
from trailkeep.guard.symbolic_resources import Covers, NeedsPolicy

__all__ = ["Atom", "Holds", "Names", "at_least", "doubt_of", "holds", "is_about", "naming_of", "texts_of"]

_CACHED = 4096


@dataclass(frozen=True, slots=True)
class Names:
    """A statement names the caller at least this directly."""

    naming: Statement
    grant: Grant


@dataclass(frozen=True, slots=True)
class Holds:
    """A condition is true."""

    asked: Asked


Atom = Covers | NeedsPolicy | Names | Holds


@lru_cache(maxsize=_CACHED)
def is_about(statement: Statement, action: str) -> bool:
    """Say whether a statement is about an action."""
    listed = statement.actions or statement.not_actions
    return any(action_matches(each, action) for each in listed) is bool(statement.actions)


@lru_cache(maxsize=_CACHED)
def naming_of(statement: Statement) -> Statement:
    """Return a statement with the same Principal or NotPrincipal and nothing else."""
    return Statement(
        index=0,
        effect=statement.effect if statement.not_principals else Effect.ALLOW,
        principals=statement.principals,
        not_principals=statement.not_principals,
    )


@lru_cache(maxsize=_CACHED)
def _plain(condition: Condition) -> Condition:
    """Return the condition with its key in lower case."""
    return Condition(
        operator=condition.operator,
        key=condition.key.lower(),
        values=condition.values,
        qualifier=condition.qualifier,
        if_exists=condition.if_exists,
    )


def holds(condition: Condition, *, variables: bool) -> Holds:
    """Return the atom of a condition; ``variables`` as in the policy's version."""
    return Holds((_plain(condition), variables and any("${" in value for value in condition.values)))


def texts_of(atom: Atom) -> tuple[str, ...]:
    """Return the texts of an atom that may hold variables."""
    match atom:
        case Covers(variables=True):
            return (*atom.resources, *atom.not_resources)
        case Holds(asked=(condition, True)):
            return condition.values
        case _:
            return ()


def doubt_of(atom: Atom, spelled: Mapping[str, str]) -> str:
    """Say why an atom may be open."""
    match atom:
        case Covers():
            texts = [text for text in (*atom.resources, *atom.not_resources) if "${" in text]
            return f"the value of a variable in {', '.join(texts)} is not known"
        case Names():
            return "which account a canonical user id stands for is not known"
        case Holds(asked=(condition, _)):
            values = ", ".join(condition.values[:3])
            key = spelled[condition.key]
            return f"{condition.operator} on {key} compares with {values} in a way that is not decided"
        case NeedsPolicy():
            return "whether identity policies are enough is not known"
        case _:
            assert_never(atom)


def at_least(granted: tuple[Grant, Grant], needed: Grant) -> bool | None:
    """Say whether something between the least and the most grants as much as needed; None: it depends."""
    least, most = granted
    if least >= needed:
        return True
    return False if most < needed else None
