"""The Condition element: operators, and when a condition holds for a request.

* Operators and keys of a block are joined by AND, the values of one key by OR (negated: none of them).
* An absent key fails an operator, satisfies a negated one and ``...IfExists``; ``Null`` asks for absence.
* ``ForAllValues:`` is true of an absent or empty key, ``ForAnyValue:`` is false of it, with ``...IfExists``
  too: AWS asks for existence value by value, and there is none.
* A value that cannot be compared (a variable without value, a name that is no ARN, a word that is no number)
  satisfies neither an operator nor its negation: the statement does not apply.
* Without a set qualifier, several values in the request are read as "any of them" (negated: none of them).

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html,
https://repost.aws/questions/QU9HFmDzP0QGuU-fd7rS6B7w (ForAnyValue with IfExists, as tried on AWS)
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from operator import eq, ge, gt, le, lt
from typing import Protocol

from trailkeep.guard.matching import Lookup, arn_matches, expand, expand_text, glob_matches, parts

__all__ = [
    "Condition",
    "Context",
    "Operator",
    "Qualifier",
    "condition_holds",
    "moment_of",
    "number_of",
    "parse_operator",
    "single_value",
]

Context = Mapping[str, tuple[str, ...]]
"""The request's condition keys in lower case with their values."""


class Qualifier(StrEnum):
    """How several values of one key are read."""

    ALL = "ForAllValues"
    ANY = "ForAnyValue"


class Operator(StrEnum):
    """The comparisons of the policy language."""

    STRING_EQUALS = "StringEquals"
    STRING_NOT_EQUALS = "StringNotEquals"
    STRING_EQUALS_IGNORE_CASE = "StringEqualsIgnoreCase"
    STRING_NOT_EQUALS_IGNORE_CASE = "StringNotEqualsIgnoreCase"
    STRING_LIKE = "StringLike"
    STRING_NOT_LIKE = "StringNotLike"
    NUMERIC_EQUALS = "NumericEquals"
    NUMERIC_NOT_EQUALS = "NumericNotEquals"
    NUMERIC_LESS_THAN = "NumericLessThan"
    NUMERIC_LESS_THAN_EQUALS = "NumericLessThanEquals"
    NUMERIC_GREATER_THAN = "NumericGreaterThan"
    NUMERIC_GREATER_THAN_EQUALS = "NumericGreaterThanEquals"
    DATE_EQUALS = "DateEquals"
    DATE_NOT_EQUALS = "DateNotEquals"
    DATE_LESS_THAN = "DateLessThan"
    DATE_LESS_THAN_EQUALS = "DateLessThanEquals"
    DATE_GREATER_THAN = "DateGreaterThan"
    DATE_GREATER_THAN_EQUALS = "DateGreaterThanEquals"
    BOOL = "Bool"
    BINARY_EQUALS = "BinaryEquals"
    IP_ADDRESS = "IpAddress"
    NOT_IP_ADDRESS = "NotIpAddress"
    ARN_EQUALS = "ArnEquals"
    ARN_NOT_EQUALS = "ArnNotEquals"
    ARN_LIKE = "ArnLike"
    ARN_NOT_LIKE = "ArnNotLike"
    NULL = "Null"

    @property
    def negated(self) -> bool:
        """Whether the operator is true when its value does not match."""
        return "Not" in self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One operator on one key, spelled as in the policy."""

    operator: Operator
    key: str
    values: tuple[str, ...]
    qualifier: Qualifier | None = None
    if_exists: bool = False


_OPERATORS = {operator.value.lower(): operator for operator in Operator}
_QUALIFIERS = {qualifier.value.lower(): qualifier for qualifier in Qualifier}
_IF_EXISTS = "ifexists"
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?")


def parse_operator(text: str) -> tuple[Operator, Qualifier | None, bool] | None:
    """Read ``[ForAnyValue:|ForAllValues:]Operator[IfExists]``, whatever the case.

    Returns:
        Operator, qualifier and whether it ends in ``IfExists``; None when there is no such operator (``Null``
        has neither qualifier nor ``IfExists``).
    """
    qualifier_text, colon, name = text.lower().rpartition(":")
    qualifier = _QUALIFIERS.get(qualifier_text)
    operator = _OPERATORS.get(name.removesuffix(_IF_EXISTS))
    if_exists = name.endswith(_IF_EXISTS)
    if operator is None or (colon and qualifier is None):
        return None
    if operator is Operator.NULL and (qualifier or if_exists):
        return None
    return operator, qualifier, if_exists


def single_value(context: Context) -> Lookup:
    """Return the lookup that policy variables use: a key with exactly one value has one, others have none."""

    def lookup(key: str) -> str | None:
        values = context.get(key, ())
        return values[0] if len(values) == 1 else None

    return lookup


def condition_holds(condition: Condition, context: Context, *, variables: bool) -> bool:
    """Say whether a condition is true of a request; ``variables`` as in the policy's version."""
    actual = context.get(condition.key.lower(), ())
    if condition.operator is Operator.NULL:
        return str(not actual).lower() in {value.lower() for value in condition.values}
    if condition.if_exists and not actual:
        return condition.qualifier is not Qualifier.ANY
    matches = _matcher(condition, single_value(context), variables=variables)
    match condition.qualifier:
        case Qualifier.ALL:
            return all(matches(value) for value in actual if value)
        case Qualifier.ANY:
            return any(matches(value) for value in actual)
        case None if condition.operator.negated:
            return all(matches(value) for value in actual)
        case None:
            return any(matches(value) for value in actual)


def _matcher(condition: Condition, lookup: Lookup, *, variables: bool) -> Callable[[str], bool]:
    compare = _COMPARISONS[condition.operator]
    negated = condition.operator.negated

    def matches(actual: str) -> bool:
        found = [compare(value, actual, lookup, variables=variables) for value in condition.values]
        return all(same is False for same in found) if negated else any(found)

    return matches


class _Comparison(Protocol):
    """Compares a value of the policy with one of the request; None when they cannot be compared."""

    def __call__(self, expected: str, actual: str, lookup: Lookup, *, variables: bool) -> bool | None: ...


def _equals(expected: str, actual: str, lookup: Lookup, *, variables: bool) -> bool | None:
    text = expand_text(expected, lookup, variables=variables)
    return None if text is None else text == actual


def _equals_ignoring_case(expected: str, actual: str, lookup: Lookup, *, variables: bool) -> bool | None:
    text = expand_text(expected, lookup, variables=variables)
    return None if text is None else text.lower() == actual.lower()


def _like(expected: str, actual: str, lookup: Lookup, *, variables: bool) -> bool | None:
    symbols = expand(parts(expected, variables=variables), lookup)
    return None if symbols is None else glob_matches(symbols, actual)


def _arn_like(expected: str, actual: str, lookup: Lookup, *, variables: bool) -> bool | None:
    return arn_matches(expected, actual, lookup, variables=variables)


def _boolean(expected: str, actual: str, lookup: Lookup, *, variables: bool) -> bool | None:
    del lookup, variables
    words = expected.lower(), actual.lower()
    return words[0] == words[1] if {*words} <= {"true", "false"} else None


def _binary(expected: str, actual: str, lookup: Lookup, *, variables: bool) -> bool | None:
    del lookup, variables
    try:
        return base64.b64decode(expected, validate=True) == base64.b64decode(actual, validate=True)
    except (binascii.Error, ValueError):
        return None


def _in_network(expected: str, actual: str, lookup: Lookup, *, variables: bool) -> bool | None:
    del lookup, variables
    try:
        return ipaddress.ip_address(actual) in ipaddress.ip_network(expected, strict=False)
    except ValueError:
        return None


def _numeric(compare: Callable[[Decimal, Decimal], bool]) -> _Comparison:
    def numeric(expected: str, actual: str, lookup: Lookup, *, variables: bool) -> bool | None:
        del lookup, variables
        limit, number = number_of(expected), number_of(actual)
        return None if limit is None or number is None else compare(number, limit)

    return numeric


def number_of(text: str) -> Decimal | None:
    """Return the number that a text is, or None when it is none.

    >>> number_of("10.5"), number_of("ten")
    (Decimal('10.5'), None)
    """
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _date(compare: Callable[[datetime, datetime], bool]) -> _Comparison:
    def date(expected: str, actual: str, lookup: Lookup, *, variables: bool) -> bool | None:
        del lookup, variables
        limit, moment = moment_of(expected), moment_of(actual)
        return None if limit is None or moment is None else compare(moment, limit)

    return date


def moment_of(text: str) -> datetime | None:
    """Read ISO 8601 or seconds since 1970; without an offset it is UTC. None when the text is neither."""
    try:
        if _NUMBER.fullmatch(text):
            return datetime.fromtimestamp(float(text), UTC)
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


_COMPARISONS: dict[Operator, _Comparison] = {
    Operator.STRING_EQUALS: _equals,
    Operator.STRING_NOT_EQUALS: _equals,
    Operator.STRING_EQUALS_IGNORE_CASE: _equals_ignoring_case,
    Operator.STRING_NOT_EQUALS_IGNORE_CASE: _equals_ignoring_case,
    Operator.STRING_LIKE: _like,
    Operator.STRING_NOT_LIKE: _like,
    Operator.NUMERIC_EQUALS: _numeric(eq),
    Operator.NUMERIC_NOT_EQUALS: _numeric(eq),
    Operator.NUMERIC_LESS_THAN: _numeric(lt),
    Operator.NUMERIC_LESS_THAN_EQUALS: _numeric(le),
    Operator.NUMERIC_GREATER_THAN: _numeric(gt),
    Operator.NUMERIC_GREATER_THAN_EQUALS: _numeric(ge),
    Operator.DATE_EQUALS: _date(eq),
    Operator.DATE_NOT_EQUALS: _date(eq),
    Operator.DATE_LESS_THAN: _date(lt),
    Operator.DATE_LESS_THAN_EQUALS: _date(le),
    Operator.DATE_GREATER_THAN: _date(gt),
    Operator.DATE_GREATER_THAN_EQUALS: _date(ge),
    Operator.BOOL: _boolean,
    Operator.BINARY_EQUALS: _binary,
    Operator.IP_ADDRESS: _in_network,
    Operator.NOT_IP_ADDRESS: _in_network,
    Operator.ARN_EQUALS: _arn_like,
    Operator.ARN_NOT_EQUALS: _arn_like,
    Operator.ARN_LIKE: _arn_like,
    Operator.ARN_NOT_LIKE: _arn_like,
}
