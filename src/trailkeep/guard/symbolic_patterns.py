"""The texts of policies as patterns of automata: names, globs, ARNs; variables where their value is known.

A policy variable is *bound* when every request of the question has the same value for it, or none has one;
everything else that holds a variable is undetermined, and what depends on it is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import lru_cache

from trailkeep.guard.automata import ANY, NO_COLON, Chars, Many, Pattern, literal, literal_char, within
from trailkeep.guard.conditions import Condition, Operator
from trailkeep.guard.matching import Lookup, Symbol, Variable, Wild, arn_parts, expand, expand_text, parts

__all__ = [
    "ARN",
    "Bindings",
    "Family",
    "arn_pattern",
    "bindings_for",
    "condition_patterns",
    "family",
    "glob",
    "is_bound",
    "lookup_of",
    "resource_pattern",
    "variable_names",
]

Bindings = tuple[tuple[str, str | None], ...]
"""Condition keys in lower case with the one value that every request has; None: no request has one."""

_CACHED = 4096
_ARN_SEGMENTS = 6


class Family(StrEnum):
    """Operators that can be decided together, because they see the same structure in a value."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    ADDRESS = "address"
    BINARY = "binary"
    PRESENCE = "presence"


_PREFIXES = {"Numeric": Family.NUMBER, "Date": Family.DATE, "Ip": Family.ADDRESS, "NotIp": Family.ADDRESS}
_FAMILIES = {
    operator: next(
        (each for prefix, each in _PREFIXES.items() if operator.value.startswith(prefix)), Family.TEXT
    )
    for operator in Operator
} | {Operator.BINARY_EQUALS: Family.BINARY, Operator.NULL: Family.PRESENCE}
_EXACT = {Operator.STRING_EQUALS, Operator.STRING_NOT_EQUALS}
_ANY_CASE = {Operator.STRING_EQUALS_IGNORE_CASE, Operator.STRING_NOT_EQUALS_IGNORE_CASE}
_LIKE = {Operator.STRING_LIKE, Operator.STRING_NOT_LIKE}
_EXOTIC_CASE = {"k": "\u212a"}
"""Characters beyond ASCII whose lower case is an ASCII letter: the Kelvin sign."""


def family(operator: Operator) -> Family:
    """Return the family of an operator."""
    return _FAMILIES[operator]


@lru_cache(maxsize=_CACHED)
def variable_names(text: str) -> frozenset[str]:
    """Return the condition keys (in lower case) whose values a text asks for."""
    return frozenset(part.name for part in parts(text, variables=True) if isinstance(part, Variable))


def lookup_of(bindings: Bindings) -> Lookup:
    """Return the lookup that gives bound variables their value."""
    return dict(bindings).get


def is_bound(text: str, bindings: Bindings, *, variables: bool) -> bool:
    """Say whether every variable of a text is bound."""
    return not variables or variable_names(text) <= {name for name, _ in bindings}


def glob(symbols: Iterable[Symbol], wild: Chars = ANY) -> Pattern:
    """Return the pattern of a glob whose wildcards stand for characters of ``wild``."""
    return tuple(_piece(symbol, wild) for symbol in symbols)


def _piece(symbol: Symbol, wild: Chars) -> Chars | Many:
    if isinstance(symbol, Wild):
        return Many(wild) if symbol is Wild.ANY else wild
    return literal_char(symbol)


def _joined(segments: Iterable[tuple[Symbol, ...]], wild: Chars) -> Pattern:
    pieces: list[Chars | Many] = []
    for index, segment in enumerate(segments):
        last = index == _ARN_SEGMENTS - 1
        pieces += literal(":") if index else ()
        pieces += glob(segment, wild if last else wild & NO_COLON)
    return tuple(pieces)


ARN = _joined([("a", "r", "n"), *((Wild.ANY,),) * 5], ANY)
"""Every text that is an ARN: six segments, the first of them ``arn``."""


def arn_pattern(text: str, lookup: Lookup, *, variables: bool, wild: Chars = ANY) -> Pattern | None:
    """Return the names that an ARN pattern matches segment by segment; None when it matches none of them."""
    if text == "*":
        return (Many(wild),)
    return _expanded(arn_parts(text, variables=variables), lambda part: expand(part, lookup), wild)


def resource_pattern(text: str, lookup: Lookup, *, variables: bool, widest: bool = False) -> Pattern | None:
    """Return the names that a Resource value covers; None when a variable has no value.

    Args:
        text: the value; missing segments are open.
        lookup: gives the values of variables.
        variables: whether the policy's version knows variables.
        widest: let a variable without value stand for anything, instead.
    """
    segments = arn_parts(text, variables=variables)
    segments += ((Wild.ANY,),) * (_ARN_SEGMENTS - len(segments))
    return _expanded(segments, _widened if widest else lambda part: expand(part, lookup), ANY)


def _widened(segment: tuple[Symbol | Variable, ...]) -> tuple[Symbol, ...]:
    return tuple(Wild.ANY if isinstance(part, Variable) else part for part in segment)


def _expanded(
    segments: tuple[tuple[Symbol | Variable, ...], ...],
    expansion: Callable[[tuple[Symbol | Variable, ...]], tuple[Symbol, ...] | None],
    wild: Chars,
) -> Pattern | None:
    globs = [found for each in segments if (found := expansion(each)) is not None]
    return _joined(globs, wild) if len(globs) == len(segments) == _ARN_SEGMENTS else None


def condition_patterns(
    condition: Condition, bindings: Bindings, *, variables: bool, wild: Chars = ANY
) -> tuple[Pattern, ...] | None:
    """Return patterns on which the truth of a condition depends, for each single value of its key.

    Returns:
        None when no such patterns are known: an undetermined variable, letters beyond ASCII compared
        without case, an ARN operator's pattern that stops early with a ``*``, or an operator that does not
        compare texts.
    """
    if family(condition.operator) is not Family.TEXT:
        return () if condition.operator is Operator.NULL else None
    lookup = lookup_of(bindings)
    found: list[Pattern] = []
    for value in condition.values:
        read = _value_patterns(condition.operator, value, bindings, lookup, variables=variables, wild=wild)
        if read is None:
            return None
        found += read
    return tuple(found)


def _value_patterns(
    operator: Operator, value: str, bindings: Bindings, lookup: Lookup, *, variables: bool, wild: Chars
) -> tuple[Pattern, ...] | None:
    if operator is Operator.BOOL:
        return (_any_case("true"), _any_case("false"))
    if not is_bound(value, bindings, variables=variables):
        return None
    if operator in _LIKE:
        symbols = expand(parts(value, variables=variables), lookup)
        return () if symbols is None else (glob(symbols, wild),)
    if operator in _EXACT | _ANY_CASE:
        text = expand_text(value, lookup, variables=variables)
        if text is None:
            return ()
        if operator in _EXACT:
            return (literal(text),)
        return (_any_case(text),) if text.isascii() else None
    if _stops_early(value, variables=variables):
        return None
    pattern = arn_pattern(value, lookup, variables=variables, wild=wild)
    arn = within(ARN, wild)
    return (arn,) if pattern is None else (arn, pattern)


def _stops_early(value: str, *, variables: bool) -> bool:
    """Say whether an ARN operator compares with ``*``, ``arn:*`` or the like.

    AWS documents that each of the six parts of an ARN is compared on its own, and not whether a ``*`` in
    place of the last ones stands for all of them.
    """
    segments = arn_parts(value, variables=variables)
    return len(segments) < _ARN_SEGMENTS and segments[-1][-1:] == (Wild.ANY,)


def _any_case(text: str) -> Pattern:
    return tuple(_letter(char) for char in text)


@lru_cache(maxsize=_CACHED)
def _letter(char: str) -> Chars:
    lower = char.lower()
    return Chars(frozenset({lower, lower.upper(), *_EXOTIC_CASE.get(lower, "")}))


def bindings_for(texts: Iterable[str], known: Mapping[str, str | None]) -> Bindings:
    """Return what is known of the variables that these texts ask for."""
    names = {name for text in texts for name in variable_names(text)}
    return tuple(sorted((name, known[name]) for name in names if name in known))
