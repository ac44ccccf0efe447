"""``prove``: who could touch the archive, decided on what was observed or on a folder of policies."""

from __future__ import annotations

from collections.abc import Mapping

from trailkeep.core.errors import UsageError
from trailkeep.guard.estate import Estate
from trailkeep.guard.prove_archive import prove_archive, worst_of
from trailkeep.guard.prove_documents import document_guards, possible_names
from trailkeep.guard.prove_estate import estate_guards
from trailkeep.guard.prove_model import Proof
from trailkeep.guard.threats import THREATS, threat

__all__ = ["prove_documents", "prove_estate"]

_MOST_CHOICES = 48
_NAMES = ("archive_account", "management_account", "organization", "partition")


def prove_estate(estate: Estate, *, trail: str = "", only: str = "", with_redundant: bool = False) -> Proof:
    """Return the proof for an estate; ``only`` is the id of a threat.

    ``with_redundant``: also name the denies that no verdict rests on.

    Raises:
        UsageError: there is no threat of that id.
    """
    threats = (threat(only),) if only else THREATS
    return prove_archive(estate_guards(estate, trail=trail), threats, with_redundant=with_redundant)


def prove_documents(
    files: Mapping[str, bytes | str], *, only: str = "", with_redundant: bool = False
) -> Proof:
    """Return the proof for the files of a folder; as text why one could not be read.

    Where nothing tells which account is the archive's or the management account, or which organization it is,
    it is proved for each that a policy names and for one that none names; the worst counts.

    Raises:
        UsageError: there is no threat of that id, or no file is a policy of an archive; or policies name too
            many accounts and organizations to prove it for each.
    """
    threats = (threat(only),) if only else THREATS
    choices = possible_names(files)
    if len(choices) > _MOST_CHOICES:
        unknown = [name for name in _NAMES if len({getattr(one, name) for one in choices}) > 1]
        raise UsageError(
            f"--policies: expected to know {', '.join(unknown)}, got {len(choices)} combinations of names in "
            f"policies that they may be; name {unknown[0]} in params.json"
        )
    guards = [document_guards(files, taken=choice) for choice in choices]
    return worst_of([prove_archive(one, threats, with_redundant=with_redundant) for one in guards])
