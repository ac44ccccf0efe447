"""The resource for which an AWS service calls: ``aws:SourceArn`` and ``aws:SourceAccount`` together.

They are not independent: where the ARN names an account, that is the account. A bucket's ARN names none; then
any account may be given. Services need not send both.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sourcearn
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from trailkeep.guard.automata import (
    ANY,
    DIGIT,
    NO_COLON,
    Many,
    Pattern,
    literal,
    literal_char,
    representatives,
    within,
)
from trailkeep.guard.conditions import condition_holds
from trailkeep.guard.symbolic_keys import Asked, KeyFact, Presence, fact_globs, fits, key_table
from trailkeep.guard.symbolic_patterns import ARN, Bindings, condition_patterns

__all__ = ["SOURCE_KEYS", "source_table"]

_CACHED = 4096
_ARN, _ACCOUNT = "aws:sourcearn", "aws:sourceaccount"
SOURCE_KEYS = (_ARN, _ACCOUNT)
"""The two keys, in lower case."""

Context = tuple[tuple[str, tuple[str, ...]], ...]


def _of_account(account: Pattern) -> Pattern:
    """Return the ARNs whose fifth segment matches."""
    colon = literal_char(":")
    any_segment = (Many(NO_COLON), colon)
    return (*literal("arn:"), *any_segment * 3, *account, colon, *ARN[-1:])


_WITH_ACCOUNT = _of_account((DIGIT,) * 12)
_WITHOUT_ACCOUNT = _of_account(())


@lru_cache(maxsize=_CACHED)
def source_table(
    arn_fact: KeyFact, account_fact: KeyFact, asked: tuple[Asked, ...], bindings: Bindings
) -> tuple[tuple[Context, tuple[bool | None, ...]], ...] | None:
    """Return every way in which the two keys together answer these conditions on them.

    Returns:
        Rows of keys with their values and the truth of each condition (None: not decided); None when there
        are too many.
    """
    arns = _arns(arn_fact, account_fact, asked, bindings)
    of_account = tuple(each for each in asked if each[0].key == _ACCOUNT and _is_decided(each, bindings))
    accounts = key_table(account_fact, of_account, bindings)
    if arns is None or accounts is None:
        return None
    free = [row.values for row in accounts]
    known = {name: (value,) for name, value in bindings if value is not None}
    found: dict[tuple[bool | None, ...], Context] = {}
    for arn in arns:
        for account in _accounts(arn, account_fact, free):
            context = {_ARN: arn, _ACCOUNT: account}
            truths = tuple(
                condition_holds(condition, {**known, **context}, variables=variables)
                if not context[condition.key] or _is_decided((condition, variables), bindings)
                else None
                for condition, variables in asked
            )
            found.setdefault(truths, tuple(context.items()))
    return tuple((context, truths) for truths, context in found.items())


def _is_decided(asked: Asked, bindings: Bindings) -> bool:
    return condition_patterns(asked[0], bindings, variables=asked[1]) is not None


def _arns(
    arn_fact: KeyFact, account_fact: KeyFact, asked: tuple[Asked, ...], bindings: Bindings
) -> list[tuple[str, ...]] | None:
    """Return ARNs that show all there is to see of both keys; ``()`` stands for none."""
    absent: list[tuple[str, ...]] = [] if arn_fact.presence is Presence.ALWAYS else [()]
    if arn_fact.presence is Presence.NEVER:
        return absent
    separators = [_WITH_ACCOUNT, _WITHOUT_ACCOUNT, *_separators(account_fact, asked, bindings)]
    listed = tuple(literal(value) for value in arn_fact.values) or fact_globs(arn_fact, arn_fact.patterns)
    excluded = fact_globs(arn_fact, arn_fact.excluded)
    texts = representatives(tuple(dict.fromkeys(separators)), listed or (ARN,), excluded)
    return None if texts is None else [*absent, *((text,) for text in texts if _account_of(text) is not None)]


def _separators(account_fact: KeyFact, asked: tuple[Asked, ...], bindings: Bindings) -> Iterator[Pattern]:
    of_fact = (*account_fact.values, *account_fact.patterns, *account_fact.excluded)
    for pattern in fact_globs(account_fact, of_fact):
        yield _of_account(within(pattern, NO_COLON))
    for condition, variables in asked:
        is_arn = condition.key == _ARN
        wild = ANY if is_arn else NO_COLON
        for pattern in condition_patterns(condition, bindings, variables=variables, wild=wild) or ():
            yield pattern if is_arn else _of_account(pattern)


def _account_of(arn: str) -> str | None:
    """Return the account that an ARN names, empty for none; None when it is no account at all."""
    segments = arn.split(":", 5)
    if len(segments) != 6 or segments[0] != "arn":
        return None
    account = segments[4]
    is_id = len(account) == 12 and account.isascii() and account.isdecimal()
    return account if is_id or not account else None


def _accounts(arn: tuple[str, ...], fact: KeyFact, free: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the accounts that can go with an ARN."""
    named = _account_of(arn[0]) if arn else ""
    if not named:
        return free
    absent: list[tuple[str, ...]] = [] if fact.presence is Presence.ALWAYS else [()]
    can_be = fact.presence is not Presence.NEVER and fits(fact, named)
    return [*absent, (named,)] if can_be else absent
