"""``prove``: who could touch the archive, decided on what was observed or on a folder of policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from trailkeep.core.errors import UsageError
from trailkeep.guard.estate import Estate
from trailkeep.guard.prove_archive import prove_archive, worst_of
from trailkeep.guard.prove_documents import document_guards, possible_archives
from trailkeep.guard.prove_estate import estate_guards, possible_estates
from trailkeep.guard.prove_guards import Guards
from trailkeep.guard.prove_model import Proof
from trailkeep.guard.prove_unknown import Possibilities
from trailkeep.guard.threat import Threat
from trailkeep.guard.threats import THREATS, threat

__all__ = ["prove_documents", "prove_estate"]

_MOST = 32
"""Possible archives; each takes about a third of a second."""


def prove_estate(estate: Estate, *, trail: str = "", only: str = "", with_redundant: bool = False) -> Proof:
    """Return the proof for an estate; ``only`` is the id of a threat.

    ``with_redundant``: also name the denies that no verdict rests on.

    Raises:
        UsageError: there is no threat of that id; or the archive may be too many to prove it for each.
    """
    threats = (threat(only),) if only else THREATS
    possible = possible_estates(estate, trail=trail)
    _only_some(possible, where="--estate", remedy="make the organization and the trails readable")
    every = (estate_guards(estate, trail=trail, told=told) for told in possible.facts)
    return _worst(every, possible, threats, with_redundant=with_redundant)


def prove_documents(
    files: Mapping[str, bytes | str], *, only: str = "", with_redundant: bool = False
) -> Proof:
    """Return the proof for the files of a folder; as text why one could not be read.

    Where nothing tells account, organization or prefix of the archive, it is proved for each that a policy
    names and for one that none names; the worst counts.

    Raises:
        UsageError: there is no threat of that id, or no file is a policy of an archive; or the archive may be
            too many to prove it for each.
    """
    threats = (threat(only),) if only else THREATS
    possible = possible_archives(files)
    _only_some(possible, where="--policies", remedy=f"name {', '.join(possible.unknown)} in params.json")
    guards = (document_guards(files, told=told) for told in possible.facts)
    return _worst(guards, possible, threats, with_redundant=with_redundant)


def _only_some(possible: Possibilities, *, where: str, remedy: str) -> None:
    if len(possible.facts) > _MOST:
        raise UsageError(
            f"{where}: expected to know which archive is meant, got {len(possible.facts)} that the policies "
            f"may be about; {remedy}"
        )


def _worst(
    every: Iterable[Guards], possible: Possibilities, threats: Iterable[Threat], *, with_redundant: bool
) -> Proof:
    listed = tuple(threats)
    return worst_of(
        [
            prove_archive(
                replace(guards, notes=(*guards.notes, *possible.notes)), listed, with_redundant=with_redundant
            )
            for guards in every
        ]
    )
