"""``init``: a first ``trailkeep.toml`` from what was given, what can be discovered, and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trailkeep.core.config import Config, build_config, parse_config
from trailkeep.core.errors import UsageError
from trailkeep.core.fields import ACCOUNT, FIELDS, ORGANIZATION_ONLY, Field, Value

__all__ = ["Discoveries", "draft", "load_config"]

_DISCOVERABLE = ("organization.id", "organization.management_account", "archive.account", "archive.region")
_ASKED = (*_DISCOVERABLE, "archive.account_name", "archive.account_email", "archive.bucket", "retention.days")
_FIELDS = {field.key: field for field in FIELDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Discoveries:
    """What the credentials at hand tell; empty where they do not."""

    organization_id: str = ""
    management_account: str = ""
    archive_account: str = ""
    region: str = ""


def _nothing() -> Discoveries:
    return Discoveries()


def load_config(path: Path) -> Config:
    """Return the configuration in a file.

    Raises:
        UsageError: there is no such file, or (ConfigError) it says something impossible.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "bytes that are not UTF-8"
        raise UsageError(
            f"{path}: expected a configuration, got {reason}; "
            "write one with 'trailkeep init' or name it with --config"
        ) from error
    return parse_config(text)


def draft(
    given: Mapping[str, Value],
    *,
    discover: Callable[[], Discoveries],
    discover_account: Callable[[], Discoveries] = _nothing,
    ask: Callable[[Field, str], str] | None = None,
) -> Config:
    """Return a configuration of ``given`` values by key path, then discoveries, then answers and defaults.

    ``discover`` is called only when a value that it could tell is missing, ``discover_account`` in its place
    where the archive is one account's: then ``archive_account`` is the caller's. ``ask`` gets a field and
    the suggested value and returns the answer; without it the suggestions are taken.

    Raises:
        ConfigError: a value is impossible, or a required one was neither given nor found.
    """
    values = dict(given)
    names_organization = any(key in ORGANIZATION_ONLY for key in values)
    _answer(values, "mode", _default("mode", values), None if names_organization else ask)
    of_account = values.get("mode") == ACCOUNT
    suggested = _suggestions(values, discover_account if of_account else discover)
    for key in _ASKED:
        if of_account and key in ORGANIZATION_ONLY:
            continue
        if key.startswith("archive.account_") and values.get("archive.account"):
            continue
        _answer(values, key, suggested.get(key) or _default(key, values), ask)
    return build_config(values)


def _answer(
    values: dict[str, Value], key: str, suggestion: str, ask: Callable[[Field, str], str] | None
) -> None:
    """Set a value that was not given to what is answered, or suggested."""
    if key in values:
        return
    answer = ask(_FIELDS[key], suggestion) if ask else suggestion
    if answer != "":
        values[key] = _typed(_FIELDS[key], answer)


def _suggestions(values: Mapping[str, Value], discover: Callable[[], Discoveries]) -> dict[str, str]:
    wanted = [key for key in _DISCOVERABLE if values.get("mode") != ACCOUNT or key not in ORGANIZATION_ONLY]
    missing = [key for key in wanted if key not in values]
    if "archive.account_email" in values:  # an account is to be created, so there is none to find
        missing = [key for key in missing if key != "archive.account"]
    if not missing:
        return {}
    found = discover()
    told = (found.organization_id, found.management_account, found.archive_account, found.region)
    return {key: value for key, value in zip(_DISCOVERABLE, told, strict=True) if key in missing}


def _default(key: str, values: Mapping[str, Value]) -> str:
    """Return a default that depends on the values so far, or the field's own."""
    if key == "archive.bucket" and "organization.id" in values and "archive.region" in values:
        place = values.get("archive.account") or values["archive.region"]
        return f"trailkeep-{str(values['organization.id']).removeprefix('o-')}-{place}"
    if key == "archive.account_name":
        return "log-archive" if values.get("archive.account_email") else ""
    default = _FIELDS[key].default
    return "" if default is None else str(default)


def _typed(field: Field, answer: str) -> Value:
    """Return the answer as the field's type; what is no number stays text, which the check then refuses."""
    return int(answer) if field.kind is int and answer.isdecimal() else answer
