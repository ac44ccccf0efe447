"""What a plan says of statements that name one condition key twice: nobody can rely on them.

Readers of such a condition need not agree which of the two counts, so such a statement is
never in force. One of ours is replaced; one of somebody else's stays as it is, as a concern.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from trailkeep.guard.canonical import doubled_keys, statements_of
from trailkeep.guard.decisions import Concern
from trailkeep.guard.documents import compact

__all__ = ["concerns", "replaced"]


def concerns(subject: str, kept: Iterable[str]) -> Iterator[Concern]:
    """Yield the statements among ``kept``, compact JSON texts, that name a condition key twice."""
    for statement in kept:
        if doubled := doubled_keys(json.loads(statement)):
            yield Concern(
                subject=subject,
                observed=f"a statement names one condition key twice, {', '.join(doubled)}: {statement}",
                consequence="nobody can tell which of the two counts, so it may let in or deny more or less "
                "than it seems to",
                remedy="write the condition once, or remove the statement",
            )


def replaced(before: str, left: Iterable[str]) -> str:
    """Return in words which statements of a text are ambiguous and not among those ``left``, or nothing."""
    staying = frozenset(left)
    found = [
        f"{one.get('Sid', 'a statement')!r} names {', '.join(doubled)}"
        for one in statements_of(before) or ()
        if (doubled := doubled_keys(one)) and compact(one) not in staying
    ]
    if not found:
        return ""
    return f"; {'; '.join(found)}, which is one condition key twice, so nobody can rely on it: it is replaced"
