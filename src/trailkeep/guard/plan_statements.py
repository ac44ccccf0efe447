"""When one deny of an organization policy makes another superfluous; in doubt it does not.

Only such a statement may be replaced without being allowed to: all that it denied stays denied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from trailkeep.guard.canonical import doubled_keys

__all__ = ["covered", "is_ours", "superseded"]

_Statement = dict[str, Any]
_UNDERSTOOD = {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "Condition"}


def is_ours(statement: _Statement, sids: Iterable[str]) -> bool:
    """Return whether a statement has one of our Sids, or one with a number that was put behind it."""
    names = "|".join(map(re.escape, sids))
    return re.fullmatch(rf"(?:{names})[0-9]*", str(statement.get("Sid"))) is not None


def covered(statement: _Statement, wanted: Iterable[_Statement]) -> bool:
    """Return whether all that a statement denies is denied by a single one of ``wanted``."""
    if statement.get("Effect") != "Deny":
        return True  # without an Allow nobody may do more
    return any(_covers(one, statement) for one in wanted)


def superseded(statement: _Statement, wanted: Iterable[_Statement]) -> bool:
    """Return whether ``wanted`` covers a statement, or would if that did not name a condition key twice.

    What such a condition spares is anybody's guess; what the statement is about is covered all the same.
    """
    known = list(wanted)
    if covered(statement, known):
        return True
    if not doubled_keys(statement):
        return False
    plain = {key: value for key, value in statement.items() if key != "Condition"}
    return any(
        covered({**plain, **({"Condition": one["Condition"]} if "Condition" in one else {})}, [one])
        for one in known
    )


def _covers(wanted: _Statement, statement: _Statement) -> bool:
    """Return whether ``wanted`` denies at least as much; a condition of its own makes it deny less."""
    same = all(wanted.get(key) == statement.get(key) for key in ("Principal", "Condition"))
    is_wider = "Condition" not in wanted and wanted.get("Principal") == statement.get("Principal")
    if not (same or is_wider) or not set(statement) <= _UNDERSTOOD:
        return False
    return _covers_actions(wanted, statement) and _within(
        _texts(statement, "Resource"), _texts(wanted, "Resource")
    )


def _covers_actions(wanted: _Statement, statement: _Statement) -> bool:
    if any({"Action", "NotAction"} <= set(one) for one in (wanted, statement)):
        return False  # AWS takes no such statement
    if "NotAction" in wanted and "NotAction" in statement:
        return _within(_actions(wanted, "NotAction"), _actions(statement, "NotAction"))
    if "Action" in wanted and "Action" in statement:
        return _within(_actions(statement, "Action"), _actions(wanted, "Action"))
    if "NotAction" in wanted and "Action" in statement:
        spared = _actions(wanted, "NotAction")
        return not any(_may_meet(one, free) for one in _actions(statement, "Action") for free in spared)
    return False


def _may_meet(one: str, other: str) -> bool:
    """Return whether two patterns may match the same action: what stands before the first wildcard agrees."""
    ends = [re.split(r"[*?]", pattern, maxsplit=1)[0] for pattern in (one, other)]
    if ends == [one, other]:
        return one == other
    return ends[0].startswith(ends[1]) or ends[1].startswith(ends[0])


def _within(few: list[str], many: list[str]) -> bool:
    return bool(few) and all(any(_matches_all(wide, one) for wide in many) for one in few)


def _matches_all(wide: str, pattern: str) -> bool:
    """Return whether ``wide`` is the pattern itself, or a prefix of it with a star."""
    prefix = wide.removesuffix("*")
    is_prefix = wide.endswith("*") and not set(prefix) & set("*?")
    return wide == pattern or (is_prefix and pattern.startswith(prefix))


def _actions(statement: _Statement, key: str) -> list[str]:
    return [action.lower() for action in _texts(statement, key)]


def _texts(statement: _Statement, key: str) -> list[str]:
    value = statement.get(key, [])
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]
