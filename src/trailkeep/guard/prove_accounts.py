"""Accounts that no policy can tell apart, and ids that no policy mentions.

An organization has thousands of accounts and few kinds of them: those with the same SCPs on their path, that
every account id or pattern in any policy treats alike. One account of each kind is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from trailkeep.guard.automata import DIGIT, Pattern, accepts, literal, representatives
from trailkeep.guard.facts import ArchiveFacts
from trailkeep.guard.matching import Variable, parts, split_arn
from trailkeep.guard.prove_guards import Levels, MemberPath
from trailkeep.guard.prove_organizations import fresh_organization, named_organizations
from trailkeep.guard.symbolic_patterns import glob

__all__ = ["completed", "fresh_account", "grouped", "mentions", "told_apart"]

_RUNS = re.compile(r"[0-9*?]+")
_WILD = frozenset("*?")
_ACCOUNT = (DIGIT,) * 12
_MANAGEMENT, _ARCHIVE = "111111111111", "222222222222"


def mentions(texts: Iterable[str]) -> frozenset[str]:
    """Return every account id in some policies, and every pattern that may stand for one.

    >>> sorted(mentions(['"arn:aws:iam::444444444444:root", "arn:aws:iam::55*Admin"']))
    ['444444444444', '55*']
    """
    return frozenset(found for text in texts for found in _mentioned(text))


def _mentioned(text: str) -> Iterator[str]:
    for match in _RUNS.finditer(text):
        run, before, after = match[0], text[: match.start()][-1:], text[match.end() :][:1]
        is_part = (before.isalnum() and run[0] not in _WILD) or (after.isalnum() and run[-1] not in _WILD)
        is_pattern = bool(set(run) & _WILD and set(run) - _WILD)
        if not is_part and (is_pattern or (run.isdecimal() and len(run) == 12)):
            yield run


def fresh_account(taken: Iterable[str], preferred: str) -> str:
    """Return an account id that matches none of some ids and patterns, the preferred one if it may be."""
    known = tuple(taken)
    candidates = (preferred, *(f"{digit * 12}" for digit in "3456789"))
    for candidate in (*candidates, *(f"{number:012d}" for number in range(900_000_000_000, 900_000_001_000))):
        if not any(fnmatchcase(candidate, pattern) for pattern in known):
            return candidate
    return preferred


def told_apart(mentioned: Iterable[str]) -> tuple[str, ...]:
    """Return the accounts that policies tell from one that they do not mention: one for each way to be told.

    >>> told_apart({"444444444444", "55*"})
    ('444444444444', '550000000000')
    """
    known = sorted(mentioned)
    literals = [one for one in known if not set(one) & _WILD]
    globs = tuple(_glob(one) for one in known if set(one) & _WILD)
    excluded = tuple(literal(one) for one in literals)
    found = representatives(globs, (_ACCOUNT,), excluded) if globs else ()
    if found is None:  # too many ways to combine: each pattern for itself
        found = tuple(one for each in globs for one in representatives((each,), (_ACCOUNT,), excluded) or ())
    alike = (one for one in found if any(accepts(each, one) for each in globs))
    return tuple(dict.fromkeys((*literals, *alike)))


def _glob(text: str) -> Pattern:
    return glob(part for part in parts(text, variables=False) if not isinstance(part, Variable))


def completed(
    facts: ArchiveFacts, texts: Iterable[str], *, knows_organization: bool = True
) -> tuple[ArchiveFacts, tuple[str, ...]]:
    """Return the facts with names for what nobody knows, and a sentence for each of these names.

    ``knows_organization``: whether one that no policy names may stand for the organization. Where it may
    not, because policies tell organizations apart, it stays unknown: any, or none.
    """
    documents = tuple(texts)
    taken = set(mentions(documents)) | {facts.management_account, facts.archive_account} - {""}
    notes = list[str]()
    known = facts if facts.partition else replace(facts, partition="aws")
    if (trail := split_arn(facts.trail)) and not facts.management_account:
        known = replace(known, management_account=trail[4])
    if not known.management_account:
        known = replace(known, management_account=fresh_account(taken, _MANAGEMENT))
        notes.append(_unknown("management account", known.management_account))
    if not known.archive_account:
        taken.add(known.management_account)
        known = replace(known, archive_account=fresh_account(taken, _ARCHIVE))
        notes.append(_unknown("archive account", known.archive_account))
    if not known.organization and knows_organization:
        known = replace(known, organization=fresh_organization(documents))
        notes.append(_unknown("organization", known.organization))
    elif not known.organization:
        notes.append(_any_organization(documents))
    return known, tuple(notes)


def _unknown(what: str, name: str) -> str:
    return f"the {what} is not known; {name} stands for it, which no policy names"


def _any_organization(documents: tuple[str, ...]) -> str:
    named = ", ".join(sorted(named_organizations(documents)))
    whose = f"those that policies name ({named}), another one or none" if named else "any or none"
    return f"the organization is not known; it may be {whose}"


def grouped(
    paths: Mapping[str, Levels], patterns: frozenset[str], *, extra: Mapping[str, Hashable] | None = None
) -> tuple[MemberPath, ...]:
    """Return one account for each kind.

    Args:
        paths: the SCPs on the path of every account.
        patterns: what ``mentions`` found in the policies.
        extra: something else by which policies tell an account from another.
    """
    literals = frozenset(text for text in patterns if not set(text) & {"*", "?"})
    globs = tuple(sorted(patterns - literals))
    kinds: dict[Hashable, list[str]] = {}
    for account, levels in paths.items():
        alike = tuple(fnmatchcase(account, pattern) for pattern in globs)
        own = account if account in literals else ""
        kinds.setdefault((levels, own, alike, (extra or {}).get(account)), []).append(account)
    return tuple(
        MemberPath(account=accounts[0], count=len(accounts), scps=paths[accounts[0]])
        for accounts in kinds.values()
    )
