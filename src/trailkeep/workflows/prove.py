"""``prove``: who could touch the archive, decided on what was observed or on a folder of policies."""

from __future__ import annotations

from collections.abc import Mapping

from trailkeep.guard.estate import Estate
from trailkeep.guard.prove_archive import prove_archive
from trailkeep.guard.prove_documents import document_guards
from trailkeep.guard.prove_estate import estate_guards
from trailkeep.guard.prove_model import Proof
from trailkeep.guard.threats import THREATS, threat

__all__ = ["prove_documents", "prove_estate"]


def prove_estate(estate: Estate, *, trail: str = "", only: str = "") -> Proof:
    """Return the proof for an estate; ``only`` is the id of a threat.

    Raises:
        UsageError: there is no threat of that id.
    """
    threats = (threat(only),) if only else THREATS
    return prove_archive(estate_guards(estate, trail=trail), threats)


def prove_documents(files: Mapping[str, bytes | str], *, only: str = "") -> Proof:
    """Return the proof for the files of a folder; as text why one could not be read.

    Raises:
        UsageError: there is no threat of that id, or no file is a policy of an archive.
    """
    threats = (threat(only),) if only else THREATS
    return prove_archive(document_guards(files), threats)
