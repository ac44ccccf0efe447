"""What the proof of a folder takes for granted of names and documents, one sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from trailkeep.guard.facts import ArchiveFacts
from trailkeep.guard.prove_prefix import any_prefix, named_prefixes
from trailkeep.guard.statement import Policy
from trailkeep.guard.threat import Control

__all__ = ["absent", "tried", "unsure"]

_ABSENT = (
    (Control.BUCKET_POLICY, "no bucket-policy.json: the bucket is taken to have no policy"),
    (Control.ARCHIVE_SCP, "no scp*.json: the archive account is taken to have no SCP of its own"),
    (Control.ORGANIZATION_SCP, "no scp*-organization.json: the root is taken to have no SCP"),
    (Control.RCP, "no rcp*.json: the archive account is taken to have no RCP"),
)


def tried(told: ArchiveFacts, taken: ArchiveFacts, texts: Iterable[str]) -> Iterator[str]:
    """Say which names were tried for the ones that nothing tells."""
    documents = tuple(texts)
    for what, known, name in (
        ("management account", told.management_account, taken.management_account),
        ("archive account", told.archive_account, taken.archive_account),
        ("organization", told.organization, taken.organization),
        ("partition", told.partition, taken.partition),
    ):
        if name and not known:
            is_named = any(name in text for text in documents)
            why = "which policies name" if is_named else "which no policy names"
            yield f"the {what} is not known; {name} was tried, {why}"


def unsure(given: ArchiveFacts, told: ArchiveFacts, policies: Iterable[Policy]) -> Iterator[str]:
    """Say what nobody gave, and is taken from policies or is not known."""
    names = (
        ("bucket", given.bucket, told.bucket),
        ("archive account", given.archive_account, told.archive_account),
        ("trail", given.trail, told.trail),
        ("organization", given.organization, told.organization),
    )
    taken = [f"{what} {name}" for what, known, name in names if name and not known]
    if taken:
        yield f"taken from the policies, not from params.json: {', '.join(taken)}"
    if told.prefix is None:
        yield any_prefix(named_prefixes(policies))


def absent(present: AbstractSet[Control]) -> Iterator[str]:
    """Say what is taken for not being there."""
    yield from (words for control, words in _ABSENT if control not in present)
