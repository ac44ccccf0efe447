"""Waiting for AWS: what was just made is not visible everywhere at once.

The same error after the deadline is final, and is raised as it came.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from trailkeep.core.errors import AwsCallError

__all__ = ["Patience"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait; ``clock`` counts seconds and ``sleep`` waits, so that tests need no real time.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html (eventual consistency)
    """

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    note: Callable[[str], None] = lambda _: None
    deadline_s: float = 180.0
    account_deadline_s: float = 900.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 15.0

    def retry(
        self, attempt: Callable[[], T], *, not_yet: tuple[str, ...], deadline_s: float | None = None
    ) -> T:
        """Return what ``attempt`` returns, trying again while its error code is one of ``not_yet``.

        Raises:
            AwsCallError: another error, or one of ``not_yet`` still after the deadline.
        """
        ends_at = self.clock() + (self.deadline_s if deadline_s is None else deadline_s)
        wait_s = self.first_wait_s
        while True:
            try:
                return attempt()
            except AwsCallError as error:
                if error.code not in not_yet or self.clock() + wait_s > ends_at:
                    raise
                self.note(f"waiting {wait_s:g} s, because {error.call} still answers {error.code}")
            self.sleep(wait_s)
            wait_s = min(wait_s * 2, self.longest_wait_s)
