"""The pace of CloudTrail's writing calls: it takes one a second, and throttles what comes faster."""

from __future__ import annotations

from trailkeep.aws.patience import Patience

__all__ = ["Pace"]


class Pace:
    """Keeps ``interval_s`` between calls, on the clock of a patience.

    Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
    """

    def __init__(self, patience: Patience, *, interval_s: float = 1.0) -> None:
        self._patience = patience
        self._interval_s = interval_s
        self._next: float | None = None

    def wait(self) -> None:
        """Return when the next call may be made."""
        now = self._patience.clock()
        if self._next is not None and now < self._next:
            self._patience.sleep(self._next - now)
            now = self._next
        self._next = now + self._interval_s
