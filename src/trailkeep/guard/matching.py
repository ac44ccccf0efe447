"""Globs, policy variables and ARN patterns: when does a pattern of a policy match a name.

* ``*`` stands for any characters, ``?`` for exactly one; ``${*}``, ``${?}`` and ``${$}`` for the character.
* ``${key}`` and ``${key, 'default'}`` stand for a value of the request. The value is literal: its wildcards
  match only themselves. Only policies of version 2012-10-17 know variables.
* ARN patterns are compared segment by segment; the sixth segment swallows ``:`` and ``/``.

Matching does not backtrack over stars: its time is bounded by pattern length times name length.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

__all__ = [
    "Lookup",
    "Part",
    "Symbol",
    "Variable",
    "Wild",
    "action_matches",
    "arn_matches",
    "arn_parts",
    "expand",
    "expand_text",
    "glob_matches",
    "parts",
    "resource_matches",
    "split_arn",
]

_ARN_SEGMENTS = 6
_CACHED = 4096
_VARIABLE = re.compile(r"\$\{(?:(?P<special>[*?$])|(?P<name>[^{}',]+?)\s*(?:,\s*'(?P<default>[^']*)'\s*)?)\}")


class Wild(Enum):
    """The two wildcards."""

    ANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A value of the request; ``name`` is the condition key in lower case."""

    name: str
    default: str | None


Symbol = str | Wild
"""One literal character or a wildcard."""
Part = Symbol | Variable
Lookup = Callable[[str], str | None]
"""Gives the single value of a condition key (in lower case), or None when there is not exactly one."""

_WILDS = {wild.value: wild for wild in Wild}


@lru_cache(maxsize=_CACHED)
def parts(text: str, *, variables: bool) -> tuple[Part, ...]:
    """Split a pattern into literal characters, wildcards and, if ``variables``, variables.

    >>> parts("a*", variables=False)
    ('a', <Wild.ANY: '*'>)
    """
    return tuple(_parts(text, variables=variables))


def _parts(text: str, *, variables: bool) -> Iterator[Part]:
    position = 0
    for found in _VARIABLE.finditer(text) if variables else ():
        yield from _symbols(text[position : found.start()])
        yield found["special"] or Variable(name=found["name"].strip().lower(), default=found["default"])
        position = found.end()
    yield from _symbols(text[position:])


def _symbols(text: str) -> Iterator[Symbol]:
    return (_WILDS.get(char, char) for char in text)


def expand(pattern: tuple[Part, ...], lookup: Lookup) -> tuple[Symbol, ...] | None:
    """Put the request's values in place of the variables; None when one has no value and no default."""
    fixed = _fixed(pattern)
    if fixed is not None:
        return fixed
    symbols: list[Symbol] = []
    for part in pattern:
        if not isinstance(part, Variable):
            symbols.append(part)
            continue
        value = lookup(part.name)
        value = part.default if value is None else value
        if value is None:
            return None
        symbols.extend(value)
    return tuple(symbols)


@lru_cache(maxsize=_CACHED)
def _fixed(pattern: tuple[Part, ...]) -> tuple[Symbol, ...] | None:
    """Return the pattern itself when it has no variables."""
    symbols = tuple(part for part in pattern if not isinstance(part, Variable))
    return symbols if len(symbols) == len(pattern) else None


def expand_text(text: str, lookup: Lookup, *, variables: bool) -> str | None:
    """Return the text with the request's values in place of variables; its wildcards are plain characters."""
    if "${" not in text:
        return text
    symbols = expand(parts(text, variables=variables), lookup)
    if symbols is None:
        return None
    return "".join(str(symbol.value) if isinstance(symbol, Wild) else symbol for symbol in symbols)


def glob_matches(pattern: tuple[Symbol, ...], text: str) -> bool:
    """Say whether the whole text matches.

    >>> glob_matches(("a", Wild.ANY, "c"), "abc"), glob_matches(("a", Wild.ONE), "a")
    (True, False)
    """
    return _regex(pattern).fullmatch(text) is not None


@lru_cache(maxsize=_CACHED)
def _regex(pattern: tuple[Symbol, ...]) -> re.Pattern[str]:
    """Compile a glob: what stands between two stars is taken where it comes first, and never elsewhere."""
    chunks = [""]
    for symbol in pattern:
        if symbol is Wild.ANY:
            chunks.append("")
        else:
            chunks[-1] += "." if isinstance(symbol, Wild) else re.escape(symbol)
    first, *rest = chunks
    middle = "".join(f"(?>.*?{chunk})" for chunk in rest[:-1])
    last = f".*{rest[-1]}" if rest else ""
    return re.compile(first + middle + last, re.DOTALL)


@lru_cache(maxsize=_CACHED)
def action_matches(pattern: str, action: str) -> bool:
    """Say whether ``service:Action`` matches, whatever the case; the service is compared whole.

    >>> action_matches("S3:Put*", "s3:putobject"), action_matches("*", "s3:PutObject")
    (True, True)
    """
    if pattern == "*":
        return True
    service, _, name = pattern.lower().partition(":")
    asked_service, _, asked_name = action.lower().partition(":")
    return service == asked_service and glob_matches(tuple(_symbols(name)), asked_name)


@lru_cache(maxsize=_CACHED)
def split_arn(text: str) -> tuple[str, ...] | None:
    """Return the six segments of an ARN, or None when the text is none."""
    segments = tuple(text.split(":", _ARN_SEGMENTS - 1))
    return segments if len(segments) == _ARN_SEGMENTS and segments[0] == "arn" else None


@lru_cache(maxsize=_CACHED)
def arn_parts(text: str, *, variables: bool) -> tuple[tuple[Part, ...], ...]:
    """Split an ARN pattern into at most six segments; a ``:`` inside ``${..}`` separates nothing."""
    segments: list[list[Part]] = [[]]
    for part in parts(text, variables=variables):
        if part == ":" and len(segments) < _ARN_SEGMENTS:
            segments.append([])
        else:
            segments[-1].append(part)
    return tuple(tuple(segment) for segment in segments)


def arn_matches(pattern: str, arn: str, lookup: Lookup, *, variables: bool, pad: bool = False) -> bool | None:
    """Say whether an ARN matches; None when that cannot be said.

    Args:
        pattern: an ARN with wildcards and variables in any segment, or a lone ``*``, which matches every ARN.
        arn: the name asked about.
        lookup: gives the values of variables.
        variables: whether the policy's version knows variables.
        pad: whether a pattern that stops early (``arn:aws:sqs``) leaves its missing segments open, as in the
            Resource element; otherwise it is no ARN pattern.

    Returns:
        None when a variable has no value, or when the pattern or the name is not an ARN.
    """
    if pattern == "*":
        return True
    segments = arn_parts(pattern, variables=variables)
    if pad:
        segments += ((Wild.ANY,),) * (_ARN_SEGMENTS - len(segments))
    names = split_arn(arn)
    if names is None or len(segments) != _ARN_SEGMENTS:
        return None
    matches = True
    for segment, name in zip(segments, names, strict=True):
        glob = expand(segment, lookup)
        if glob is None:
            return None
        matches = matches and glob_matches(glob, name)
    return matches


def resource_matches(pattern: str, resource: str, lookup: Lookup, *, variables: bool) -> bool | None:
    """Say whether a Resource value covers a resource; None when a variable has no value.

    An action that knows no resource is asked about ``*``, which only ``*`` covers.
    """
    if "*" in {pattern, resource}:
        return pattern == "*"
    return arn_matches(pattern, resource, lookup, variables=variables, pad=True)
