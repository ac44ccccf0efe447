"""One AWS call of an action: what is so already counts as done, what is not there yet is tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from trailkeep.aws import not_yet as tables
from trailkeep.aws.pace import Pace
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import aws_errors
from trailkeep.core.errors import AwsCallError

__all__ = ["Calls"]

T = TypeVar("T")


class Calls:
    """Makes the calls of each service with the patience that it needs; None is what was so already."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._pace = Pace(patience)
        self._lifted = False

    def expect_refusals(self) -> None:
        """Be patient with S3 and KMS from now on: what refused the archive's changes was just taken off.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html (eventual consistency)
        """
        self._lifted = True

    def s3(self, operation: str, call: Callable[[], T], *, done: tuple[str, ...] = ()) -> T | None:
        """Call S3."""
        return self._call(f"s3:{operation}", call, not_yet=self._archive(tables.BUCKET), done=done)

    def kms(self, operation: str, call: Callable[[], T], *, done: tuple[str, ...] = ()) -> T | None:
        """Call KMS."""
        return self._call(f"kms:{operation}", call, not_yet=self._archive(tables.KEY), done=done)

    def cloudtrail(self, operation: str, call: Callable[[], T], *, done: tuple[str, ...] = ()) -> T | None:
        """Make a writing call of CloudTrail, at least a second after the one before."""

        def paced() -> T:
            self._pace.wait()
            return call()

        return self._call(f"cloudtrail:{operation}", paced, not_yet=tables.TRAIL, done=done)

    def organizations(self, operation: str, call: Callable[[], T], *, done: tuple[str, ...] = ()) -> T | None:
        """Call AWS Organizations."""
        return self._call(f"organizations:{operation}", call, not_yet=tables.ORGANIZATION, done=done)

    def _archive(self, not_yet: tuple[str, ...]) -> tuple[str, ...]:
        return (*not_yet, *tables.REFUSED) if self._lifted else not_yet

    def _call(
        self, name: str, call: Callable[[], T], *, not_yet: tuple[str, ...], done: tuple[str, ...] = ()
    ) -> T | None:
        """Return the answer, None where it was already so; try again while AWS is not there yet."""

        def attempt() -> T | None:
            try:
                with aws_errors(name):
                    return call()
            except AwsCallError as error:
                if error.code in done:
                    return None
                raise

        try:
            return self._patience.retry(attempt, not_yet=not_yet)
        except AwsCallError as error:
            advice = tables.way_out(error.code, lifted=self._lifted) if error.code in not_yet else ""
            if not advice:
                raise
            said = str(error).removeprefix(f"{error.call}: {error.code}: ")
            waited = f"still so after {self._patience.deadline_s:g} s"
            raise AwsCallError(error.call, error.code, f"{said} ({waited}; {advice})") from error
