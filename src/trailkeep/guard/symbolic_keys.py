"""Condition keys whose values nobody fixes: every way in which conditions can see them, one example each.

A *table* is the whole of what a set of conditions can observe of one key: its rows are values (no value: the
key is absent) with the truth of each condition, and every possible request agrees with one row. The truth is
always asked of ``condition_holds`` itself; this module only sees to it that no row is missing:

* texts, names, ARNs and booleans: a walk over all patterns (``automata``);
* numbers and dates: each limit, something between any two, something beyond the first and the last;
* addresses: the first of each network and the one behind its last (networks nest, they never overlap);
* several values: every union of what single values show, until nothing new comes up.

A key that is compared in two of these ways at once is decided in one way; what the other compares stays
open (None in a row), and so does a condition with an undetermined variable, except where the key is absent.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from trailkeep.guard.automata import ANYTHING, DIGIT, ONE_OR_MORE, Pattern, accepts, representatives
from trailkeep.guard.conditions import Condition, Qualifier, condition_holds
from trailkeep.guard.matching import Variable, parts
from trailkeep.guard.symbolic_patterns import (
    ARN,
    Bindings,
    Family,
    arn_pattern,
    condition_patterns,
    family,
    glob,
    lookup_of,
)
from trailkeep.guard.symbolic_spreads import spread

__all__ = ["Asked", "Form", "KeyFact", "KeyTable", "Presence", "Row", "fact_globs", "fits", "key_table"]

MAX_ROWS = 256
"""How many rows a table may have."""

_CACHED = 4096

Asked = tuple[Condition, bool]
"""A condition, and whether its policy's version knows variables."""
Truth = bool | None


class Presence(StrEnum):
    """Whether requests have a key."""

    ALWAYS = "always"
    MAYBE = "maybe"
    NEVER = "never"


class Form(StrEnum):
    """What the values of a key look like."""

    TEXT = "text"
    ARN = "arn"
    ACCOUNT = "account"
    BOOLEAN = "boolean"
    NUMBER = "number"
    INTEGER = "integer"
    DATE = "date"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFact:
    """What is known of a condition key beforehand.

    Attributes:
        presence: whether requests have the key.
        form: what its values look like.
        several: whether one request may have several values.
        values: the only values it can have; empty where they are not known.
        patterns: its values match one of these globs; empty where any text will do. For the form ARN they
            are compared as ARNs.
        excluded: none of its values matches one of these globs.
    """

    presence: Presence = Presence.MAYBE
    form: Form = Form.TEXT
    several: bool = False
    values: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """Values of a key (none: absent) and the truth of each condition; None where it is not decided."""

    values: tuple[str, ...]
    truths: tuple[Truth, ...]


KeyTable = tuple[Row, ...]

_LANGUAGES: dict[Form, Pattern] = {Form.ARN: ARN, Form.ACCOUNT: (DIGIT,) * 12}
_FAMILY_OF_FORM = {
    Form.NUMBER: Family.NUMBER,
    Form.INTEGER: Family.NUMBER,
    Form.DATE: Family.DATE,
    Form.ADDRESS: Family.ADDRESS,
}
_PURE = {*_FAMILY_OF_FORM.items(), (Form.NUMBER, Family.DATE), (Form.INTEGER, Family.DATE)}
"""Forms of which every value can be compared by a family; seconds since 1970 are dates."""


@lru_cache(maxsize=_CACHED)
def key_table(fact: KeyFact, questions: tuple[Asked, ...], bindings: Bindings) -> KeyTable | None:
    """Return every way in which requests can answer these questions about one key.

    Args:
        fact: what is known of the key.
        questions: conditions on the same key.
        bindings: the variables whose value is known.

    Returns:
        Rows, absence first, then the shortest values; None when there are too many.
    """
    context = {name: (value,) for name, value in bindings if value is not None}
    key = questions[0][0].key.lower() if questions else ""

    def truths(values: tuple[str, ...], decided: frozenset[int]) -> tuple[Truth, ...]:
        asked = {**context, key: values}
        return tuple(
            condition_holds(condition, asked, variables=variables) if index in decided or not values else None
            for index, (condition, variables) in enumerate(questions)
        )

    absent = [Row((), truths((), frozenset()))] if fact.presence is not Presence.ALWAYS else []
    if fact.presence is Presence.NEVER:
        return tuple(absent)
    found = _elements(fact, questions, bindings)
    if found is None:
        return None
    elements, decided = found
    single = [Row((element,), truths((element,), decided)) for element in elements]
    present = _unions(single, questions) if fact.several else _distinct(single)
    return None if present is None else (*absent, *present)


def _distinct(rows: Iterable[Row]) -> tuple[Row, ...]:
    found: dict[tuple[Truth, ...], Row] = {}
    for row in rows:
        found.setdefault(row.truths, row)
    return tuple(found.values())


def _unions(rows: Iterable[Row], questions: tuple[Asked, ...]) -> tuple[Row, ...] | None:
    """Return what several values together can show: all of them, or any of them, as each condition asks."""
    joins = [_join_of(condition) for condition, _ in questions]
    found = {row.truths: row for row in _distinct(rows)}
    single = tuple(found.values())
    queue = list(single)
    while queue:
        row = queue.pop(0)
        for other in single:
            pairs = zip(joins, row.truths, other.truths, strict=True)
            truths = tuple(None if one is None else join((one, two)) for join, one, two in pairs)
            if truths not in found:
                found[truths] = Row((*row.values, *other.values), truths)
                queue.append(found[truths])
        if len(found) > MAX_ROWS:
            return None
    return tuple(found.values())


def _join_of(condition: Condition) -> Callable[[Iterable[Truth]], bool]:
    if condition.qualifier is Qualifier.ALL or (condition.qualifier is None and condition.operator.negated):
        return all
    return any


def _elements(
    fact: KeyFact, questions: tuple[Asked, ...], bindings: Bindings
) -> tuple[tuple[str, ...], frozenset[int]] | None:
    """Return single values that show all there is to see, and the questions that they decide."""
    everything = frozenset(range(len(questions)))
    if fact.form is Form.BOOLEAN or fact.values:
        bound = (index for index in everything if _is_determined(questions[index], bindings))
        return fact.values or ("true", "false"), frozenset(bound)
    chosen = _main_family(fact.form, [condition for condition, _ in questions])
    decided = frozenset(
        index
        for index in everything
        if family(questions[index][0].operator) in {chosen, Family.PRESENCE}
        and _is_determined(questions[index], bindings)
    )
    asked = [questions[index] for index in sorted(decided)]
    if chosen is Family.TEXT:
        return _texts(fact, asked, bindings, decided)
    values = [value for condition, _ in asked for value in condition.values]
    strangers = () if (fact.form, chosen) in _PURE else ("x", "")
    return (*spread(chosen, values, whole=fact.form is Form.INTEGER), *strangers), decided


def _is_determined(question: Asked, bindings: Bindings) -> bool:
    condition, variables = question
    if family(condition.operator) is not Family.TEXT:
        return True
    return condition_patterns(condition, bindings, variables=variables) is not None


def _main_family(form: Form, conditions: list[Condition]) -> Family:
    """Return the family that decides: that of the key's form if it is asked for, or the most frequent."""
    counted = [family(condition.operator) for condition in conditions]
    own = _FAMILY_OF_FORM.get(form)
    if own in counted:
        return own
    present = [each for each in Family if each is not Family.PRESENCE and each in counted]
    return max(present, key=counted.count, default=Family.TEXT)


def _texts(
    fact: KeyFact, asked: list[Asked], bindings: Bindings, decided: frozenset[int]
) -> tuple[tuple[str, ...], frozenset[int]] | None:
    found: dict[Pattern, None] = {ONE_OR_MORE: None}  # ForAllValues passes over an empty value
    for condition, variables in asked:
        found |= dict.fromkeys(condition_patterns(condition, bindings, variables=variables) or ())
    texts = representatives(tuple(found), _language(fact), fact_globs(fact, fact.excluded))
    return None if texts is None else (tuple(sorted(texts, key=lambda text: not text)), decided)


def _language(fact: KeyFact) -> tuple[Pattern, ...]:
    if fact.patterns:
        return fact_globs(fact, fact.patterns)
    return (_LANGUAGES.get(fact.form, ANYTHING),)


def fact_globs(fact: KeyFact, texts: Iterable[str]) -> tuple[Pattern, ...]:
    """Return globs of a fact as patterns; those of ARNs are compared segment by segment."""
    if fact.form is Form.ARN:
        nothing = lookup_of(())
        arns = [arn_pattern(text, nothing, variables=False) for text in texts]
        return tuple(pattern for pattern in arns if pattern is not None)
    return tuple(
        glob(part for part in parts(text, variables=False) if not isinstance(part, Variable))
        for text in texts
    )


def fits(fact: KeyFact, text: str) -> bool:
    """Say whether a key of which this is known can have such a value, as far as its texts are known."""
    if fact.values:
        return text in fact.values
    likes = fact_globs(fact, fact.patterns) or (_LANGUAGES.get(fact.form, ANYTHING),)
    unlike = fact_globs(fact, fact.excluded)
    return any(accepts(each, text) for each in likes) and not any(accepts(each, text) for each in unlike)
