"""Accounts that no policy can tell apart, and ids that no policy mentions.

An organization has thousands of accounts and few kinds of them: those with the same SCPs on their path, that
every account id or pattern in any policy treats alike. One account of each kind is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from trailkeep.guard.facts import ArchiveFacts
from trailkeep.guard.matching import split_arn
from trailkeep.guard.prove_guards import Levels, MemberPath

__all__ = ["completed", "fresh_account", "grouped", "mentions"]

_ACCOUNTS = re.compile(r"(?<![0-9A-Za-z*?])[0-9*?]{1,12}(?![0-9A-Za-z*?])")
_MANAGEMENT, _ARCHIVE = "111111111111", "222222222222"
_ORGANIZATION = "o-exampleorgid"


def mentions(texts: Iterable[str]) -> frozenset[str]:
    """Return every account id in some policies, and every pattern that may stand for one."""
    found = {text for document in texts for text in _ACCOUNTS.findall(document)}
    return frozenset(
        text for text in found if len(text) == 12 or (set(text) & {"*", "?"} and set(text) - {"*", "?"})
    )


def fresh_account(taken: Iterable[str], preferred: str) -> str:
    """Return an account id that matches none of some ids and patterns, the preferred one if it may be."""
    known = tuple(taken)
    candidates = (preferred, *(f"{digit * 12}" for digit in "3456789"))
    for candidate in (*candidates, *(f"{number:012d}" for number in range(900_000_000_000, 900_000_001_000))):
        if not any(fnmatchcase(candidate, pattern) for pattern in known):
            return candidate
    return preferred


def completed(facts: ArchiveFacts, texts: Iterable[str]) -> tuple[ArchiveFacts, tuple[str, ...]]:
    """Return the facts with names for what nobody knows, and a sentence for each of these names."""
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
    if not known.organization:
        known = replace(known, organization=_fresh(_ORGANIZATION, documents))
        notes.append(_unknown("organization", known.organization))
    return known, tuple(notes)


def _unknown(what: str, name: str) -> str:
    return f"the {what} is not known; {name} stands for it, which no policy names"


def _fresh(preferred: str, documents: tuple[str, ...]) -> str:
    name = preferred
    while any(name in text for text in documents):
        name += "0"
    return name


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
