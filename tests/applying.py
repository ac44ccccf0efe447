"""Runs ``apply`` with a clock that stands still while nobody sleeps, so that no test waits for AWS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from guard_verbs import settings
from killing import Agrees
from trailkeep.aws.act import Actor
from trailkeep.aws.journal import Journal
from trailkeep.aws.observe import observe
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts
from trailkeep.aws.verify import AwsVerifier
from trailkeep.core.config import parse_config
from trailkeep.workflows.apply import Applied, apply

__all__ = ["Clock", "apply_at"]


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def apply_at(
    folder: Path, clock: Clock, *, arm: bool = False, changes: Mapping[str, str] | None = None
) -> Applied:
    """Apply the settings, changed where told; what waits lets ``clock`` pass."""
    config = parse_config(settings(**(changes or {})))
    accounts = Accounts(region=config.trail_region, role=config.archive.access_role)
    patience = Patience(clock=lambda: clock.now, sleep=clock.sleep)
    return apply(
        config,
        observe=lambda: observe(accounts, config),
        performer=Actor(accounts, patience),
        verifier=AwsVerifier(accounts=accounts, patience=patience, now=lambda: datetime.now(UTC)),
        journal=Journal(folder / "journal.jsonl", now=lambda: datetime.now(UTC)),
        report=Agrees(),
        arm=arm,
    )
