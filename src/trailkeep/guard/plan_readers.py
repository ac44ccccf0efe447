"""Whom a statement of a bucket policy lets in: accounts, services, everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from trailkeep.guard.matching import split_arn

__all__ = ["is_of_organization", "named_in", "outsiders"]

_EVERYBODY = "everybody"
_ACCOUNT = re.compile(r"[0-9]{12}")


def named_in(statement: dict[str, Any]) -> tuple[str, ...]:
    """Return whom a statement names, an account by its id; ``everybody`` for a wildcard."""
    return tuple(dict.fromkeys(name for _, name in _named(statement)))


def outsiders(statement: dict[str, Any], inside: frozenset[str]) -> tuple[str, ...]:
    """Return whom an Allow lets in that is neither an AWS service nor an account of ``inside``.

    Conditions are not looked at here. An id of a user does not tell its account, so it is outside.
    """
    if statement.get("Effect") != "Allow":
        return ()
    found = (name for kind, name in _named(statement) if kind != "Service" and name not in inside)
    return tuple(dict.fromkeys(found))


def is_of_organization(statement: dict[str, Any], organization_id: str) -> bool:
    """Return whether a condition lets in nobody but principals of one organization."""
    condition = statement.get("Condition")
    equals = condition.get("StringEquals") if isinstance(condition, dict) else None
    wanted = [
        said
        for key, value in (equals.items() if isinstance(equals, dict) else ())
        if key.lower() == "aws:principalorgid"
        for said in (value if isinstance(value, list) else [value])
    ]
    return wanted != [] and set(map(str, wanted)) == {organization_id}


def _named(statement: dict[str, Any]) -> Iterator[tuple[str, str]]:
    principal = statement.get("Principal")
    if not isinstance(principal, dict):
        yield "AWS", _EVERYBODY
        return
    for kind, who in principal.items():
        for name in who if isinstance(who, list) else [who]:
            yield kind, _account(str(name)) if kind == "AWS" else str(name)


def _account(name: str) -> str:
    if name == "*":
        return _EVERYBODY
    segments = split_arn(name)
    account = segments[4] if segments else name
    return account if _ACCOUNT.fullmatch(account) else name
