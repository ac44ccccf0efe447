"""``[[audit.mute]]``: a failing control that somebody accepts, for a reason, until a day."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from trailkeep.core.errors import ConfigError

__all__ = ["MUTE_FIELDS", "Mute", "read_mutes", "render_mutes"]

_KEY = "audit.mute"

MUTE_FIELDS = (
    ("control", "the id of a control, such as trail.insights", "The control that may fail."),
    ("reason", "a sentence of up to 500 printable characters", "Why; it stands in every report."),
    ("expires", "a day such as 2027-06-30", "The last day of the mute; from the next on the control fails."),
)
"""Key, what is allowed, meaning; each is required."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """One mute; ``expires`` is its last day, as ISO 8601 writes it."""

    control: str
    reason: str
    expires: str


def read_mutes(section: Any) -> tuple[tuple[Mute, ...], tuple[ConfigError, ...]]:
    """Return the mutes of the section ``audit`` of a ``trailkeep.toml``, and what is wrong in it."""
    listed = section.get("mute") if isinstance(section, dict) else None
    if not isinstance(section, dict) or section.keys() - {"mute"} or not isinstance(listed, list):
        return (), (
            ConfigError("audit", "expected [[audit.mute]] tables, got something else; write each so"),
        )
    found: list[Mute] = []
    errors: list[ConfigError] = []
    for number, table in enumerate(listed, 1):
        problems = list(_problems(f"{_KEY}[{number}]", table))
        errors += problems
        if not problems:
            found.append(Mute(**{name: _text(table[name]) for name, _, _ in MUTE_FIELDS}))
    names = [mute.control for mute in found]
    for twice in sorted({name for name in names if names.count(name) > 1}):
        errors.append(ConfigError(_KEY, f"expected each control once, got {twice} twice; remove one"))
    return tuple(found), tuple(errors)


def render_mutes(mutes: Iterable[Mute]) -> Iterator[str]:
    """Yield the mutes as lines of TOML."""
    for mute in mutes:
        yield from ("", f"[[{_KEY}]]")
        for name, _, _ in MUTE_FIELDS:
            yield f"{name} = {json.dumps(getattr(mute, name), ensure_ascii=False)}"


def _problems(place: str, table: Any) -> Iterator[ConfigError]:
    if not isinstance(table, dict):
        yield ConfigError(place, "expected a table, got something else; write [[audit.mute]]")
        return
    names = [name for name, _, _ in MUTE_FIELDS]
    for name in sorted(table.keys() - set(names)):
        yield ConfigError(
            f"{place}.{name}", f"expected one of {', '.join(names)}, got an unknown name; correct it"
        )
    for name, expected, _ in MUTE_FIELDS:
        value = _text(table.get(name))
        if (
            not value
            or not value.isprintable()
            or len(value) > 500
            or (name == "expires" and not _is_day(value))
        ):
            got = repr(value) if name in table else "nothing"
            yield ConfigError(f"{place}.{name}", f"expected {expected}, got {got}; a mute needs all three")


def _text(value: Any) -> str:
    """Return a text as it is and a TOML day as ISO 8601; anything else is no text."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return value.strip() if isinstance(value, str) else ""


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
