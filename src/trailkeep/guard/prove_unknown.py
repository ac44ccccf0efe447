"""What an archive may be where nobody tells: each possibility is proved, and the worst counts.

A policy spares or refuses by account, organization and folder. Where one of these is not known, every one
that a policy names may be the archive's, and so may one that none names.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from trailkeep.core.outside import read_json
from trailkeep.guard.delivery import strings
from trailkeep.guard.facts import ArchiveFacts
from trailkeep.guard.matching import split_arn
from trailkeep.guard.prove_accounts import completed, mentions

__all__ = ["Possibilities", "possibilities"]

_ORGANIZATION = re.compile(r"(?<![a-z0-9-])o-[a-z0-9]{10,32}(?![a-z0-9])")
_FOLDER = re.compile(r"arn:[^:]+:s3:::[^/]+/(?:(?P<prefix>[^*?$]+)/)?AWSLogs/.*")
_PREFIX = "prefix-that-no-policy-names"


@dataclass(frozen=True, slots=True, kw_only=True)
class Possibilities:
    """What the archive may be: ``facts`` of each, and what differs in them.

    ``unknown`` are the names that ``params.json`` may tell, ``notes`` the same in sentences.
    """

    facts: tuple[ArchiveFacts, ...]
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def possibilities(told: ArchiveFacts, texts: Iterable[str], *, knows_prefix: bool) -> Possibilities:
    """Return what an archive may be, by what is told of it and by what some policies name.

    Which account manages is varied alone, with the other names at their first: nothing that SCPs refuse
    changes with it but for that account itself.

    Args:
        told: what is known, without names for what is not.
        texts: the policies.
        knows_prefix: whether the prefix is told, which may be an empty one.
    """
    documents = tuple(texts)
    accounts = {one for one in mentions(documents) if one.isdecimal()}
    management = told.management_account or (split_arn(told.trail) or ("",) * 6)[4]
    stands, _ = completed(told, documents)
    choices = {
        "archive_account": _either(told.archive_account, accounts - {stands.management_account}),
        "management_account": _either(management, accounts - {told.archive_account}),
        "organization": _either(told.organization, _organizations(documents)),
        "prefix": (told.prefix,) if knows_prefix else _prefixes(documents),
    }
    first, *others = choices["management_account"]
    rest = [choices[name] for name in ("archive_account", "organization", "prefix")]
    alone = [one[:1] for one in rest]
    found = (
        replace(told, management_account=manages, archive_account=owns, organization=of, prefix=prefix)
        for managing, several in (((first,), rest), (tuple(others), alone))
        for manages, owns, of, prefix in product(managing, *several)
    )
    unknown = tuple(name for name, several in choices.items() if len(several) > 1)
    return Possibilities(
        facts=tuple(found), unknown=unknown, notes=tuple(_note(name, choices[name]) for name in unknown)
    )


def _either(told: str, named: Iterable[str]) -> tuple[str, ...]:
    """Return what is told, else one that no policy names, as an empty text, and each that is named."""
    return (told,) if told else ("", *sorted(named))


def _organizations(documents: Iterable[str]) -> set[str]:
    return {name for text in documents for name in _ORGANIZATION.findall(text)}


def _prefixes(documents: Iterable[str]) -> tuple[str, ...]:
    """Return the prefixes of CloudTrail's folders; without a folder, no prefix and one that none names."""
    named = {
        found["prefix"] or ""
        for document in documents
        for text in _strings(document)
        if (found := _FOLDER.fullmatch(text))
    }
    return tuple(sorted(named)) or ("", _PREFIX)


def _strings(document: str) -> Iterator[str]:
    try:
        yield from strings(read_json(document))
    except ValueError:
        return


def _note(name: str, choices: tuple[str, ...]) -> str:
    what = name.replace("_", " ")
    if name == "prefix":
        listed = ", ".join(f"{one}/AWSLogs/" if one else "AWSLogs/" for one in choices)
        return f"the prefix of the logs is not known: proved for {listed}, and the worst counts"
    listed = ", ".join(one for one in choices if one)
    return f"the {what} is not known: proved also for {listed}, which policies name, and the worst counts"
