"""The journal of apply: one JSON line per action begun, done or failed, on disk before the next step."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from trailkeep.aws.probes import Probe
from trailkeep.core.errors import StoppedError
from trailkeep.core.times import format_moment
from trailkeep.core.verdict import VerdictKind
from trailkeep.guard.changes import Action

__all__ = ["Entry", "Journal", "Outcome"]


class Outcome(StrEnum):
    """How far an action came."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line; ``at`` is ISO 8601 in UTC, ``plan`` the fingerprint of the plan."""

    at: str
    plan: str
    action: str
    kind: str
    target: str
    account: str
    outcome: Outcome
    error: str = ""


class Journal:
    """Appends to a file that it never rewrites; the folder is made when the first line is."""

    def __init__(self, path: Path, *, now: Callable[[], datetime]) -> None:
        self._path = path
        self._now = now

    def write(
        self, plan: str, action: Action, outcome: Outcome, *, target: str = "", error: str = ""
    ) -> None:
        """Append one line and wait until it is on disk; ``target`` is what the action turned out to act on.

        Raises:
            StoppedError: the line could not be written, so the action must not be performed.
        """
        entry = Entry(
            at=format_moment(self._now()),
            plan=plan,
            action=action.id,
            kind=type(action).__name__,
            target=target or action.target,
            account=action.account,
            outcome=outcome,
            error=error,
        )
        self._append(entry)

    def write_probe(self, plan: str, account: str, probe: Probe) -> None:
        """Append what a probe found: done where the guards refused it, else failed with the answer.

        Raises:
            StoppedError: the line could not be written.
        """
        is_refused = probe.verdict is VerdictKind.PASS
        entry = Entry(
            at=format_moment(self._now()),
            plan=plan,
            action=f"probe.{probe.call}",
            kind="Probe",
            target=probe.target,
            account=account,
            outcome=Outcome.DONE if is_refused else Outcome.FAILED,
            error="" if is_refused else f"{probe.verdict}: expected {probe.expected}, got {probe.got}",
        )
        self._append(entry)

    def done_at(self, kind: str, target: str) -> datetime | None:
        """Return when an action of this kind last succeeded on a target, None where no line tells."""
        done = [
            entry.at
            for entry in self.read()
            if (entry.kind, entry.target, entry.outcome) == (kind, target, Outcome.DONE)
        ]
        return datetime.fromisoformat(done[-1]) if done else None

    def was_armed(self, bucket: str, trail: str) -> bool:
        """Return whether a bucket was armed, and neither made since, nor the trail made or changed.

        ``trail`` is an ARN. A trail that was changed may not have delivered into the bucket before.
        """
        begins = {("bucket.create", bucket), ("trail.create", trail), ("trail.update", trail)}
        armed = False
        for entry in self.read():
            if entry.outcome is Outcome.DONE:
                done = (entry.action, entry.target)
                armed = done not in begins and (armed or done == ("bucket.policy.arm", bucket))
        return armed

    def _append(self, entry: Entry) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(entry) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as failure:
            raise StoppedError(
                f"{self._path}: expected to append to the journal, got {failure.strerror}; "
                "make the folder writable and run the same command again"
            ) from failure

    def read(self) -> list[Entry]:
        """Return every whole line; a line that a crash cut off is left out."""
        if not self._path.exists():
            return []
        lines = self._path.read_bytes().split(b"\n")[:-1]
        return [msgspec.json.decode(line, type=Entry) for line in lines]
