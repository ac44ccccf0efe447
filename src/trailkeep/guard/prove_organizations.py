"""Which organization it is, where nobody says so: what policies could tell of it.

An id in a policy may be that of the archive's organization or of another one. So where nothing but a
condition names it, each that is named is a possible one, and so is one that none names.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourceorgid,
https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from trailkeep.guard.conditions import Condition, Operator
from trailkeep.guard.statement import Policy

__all__ = ["are_told_apart", "fresh_organization", "named_organizations"]

_IDS = re.compile(r"(?<![0-9a-z*?-])o-[0-9a-z*?]{1,32}", re.IGNORECASE)
_ID = re.compile(r"o-[0-9a-z]{10,32}")
_KEYS = re.compile(r"aws:(?:principal|resource|source|vpce)org(?:id|paths)")
_VARIABLE = re.compile(r"\$\{[^}]+\}")
_STAND_IN = "o-exampleorgid"


def named_organizations(texts: Iterable[str]) -> frozenset[str]:
    """Return every id of an organization in some policies, and every pattern that may stand for some.

    In lower case, as ids are, because some conditions do not tell it from upper case.

    >>> sorted(named_organizations(['"o-exampleorgid/r-ab12/*", "o-ex*"']))
    ['o-ex*', 'o-exampleorgid']
    """
    found = {one.lower() for text in texts for one in _IDS.findall(text)}
    return frozenset(one for one in found if _ID.fullmatch(one) or set(one) & {"*", "?"})


def are_told_apart(texts: Iterable[str], policies: Iterable[Policy], *, may_be_none: bool) -> bool:
    """Say whether it matters to some policies which organization an account is in.

    Args:
        texts: their JSON.
        policies: the same, read.
        may_be_none: whether the account may be in no organization at all; then it also matters where an
            organization is compared with another one of the request.
    """
    asked = [each for each in _conditions(policies) if _KEYS.fullmatch(each.key.lower())]
    if may_be_none and asked:
        return True
    return bool(named_organizations(texts)) or any(map(_tells, asked))


def fresh_organization(texts: Iterable[str]) -> str:
    """Return the id of an organization that is in none of some policies."""
    documents, name = tuple(texts), _STAND_IN
    while any(name in text for text in documents):
        name += "0"
    return name


def _tells(condition: Condition) -> bool:
    """Say whether a condition on an organization compares it with anything but another of the request."""
    return condition.operator is Operator.NULL or not all(map(_VARIABLE.fullmatch, condition.values))


def _conditions(policies: Iterable[Policy]) -> Iterator[Condition]:
    for policy in policies:
        for statement in policy.statements:
            yield from statement.conditions
