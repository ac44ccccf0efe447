"""Outcomes: PASS, FAIL or UNKNOWN with a reason, and the exit codes they become."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

__all__ = ["ExitCode", "Verdict", "VerdictKind", "worst"]


class ExitCode(IntEnum):
    """What a process tells its caller."""

    OK = 0
    FOUND = 1
    USAGE = 2
    UNKNOWN = 3
    STOPPED = 4


class VerdictKind(StrEnum):
    """The three outcomes; UNKNOWN is never success."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An outcome; ``reason`` is empty only for PASS."""

    kind: VerdictKind
    reason: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of this outcome."""
        return _EXIT[self.kind]

    def __str__(self) -> str:
        return f"{self.kind} ({self.reason})" if self.reason else str(self.kind)


_EXIT = {
    VerdictKind.PASS: ExitCode.OK,
    VerdictKind.FAIL: ExitCode.FOUND,
    VerdictKind.UNKNOWN: ExitCode.UNKNOWN,
}
_RANK = {VerdictKind.PASS: 0, VerdictKind.UNKNOWN: 1, VerdictKind.FAIL: 2}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of some verdicts: FAIL over UNKNOWN over PASS; of none at all, UNKNOWN.

    >>> str(worst([]))
    'UNKNOWN (nothing was checked)'
    """
    nothing = Verdict(kind=VerdictKind.UNKNOWN, reason="nothing was checked")
    return max(verdicts, key=lambda verdict: _RANK[verdict.kind], default=nothing)
