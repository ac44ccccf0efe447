"""What AWS says for a while is waited out by ``apply``; what it goes on saying ends it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from guard_verbs import CREATED, Verbs, deliver_logs, settings
from trailkeep.aws.act import Actor
from trailkeep.aws.journal import Journal
from trailkeep.aws.observe import observe
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts
from trailkeep.aws.verify import AwsVerifier
from trailkeep.core.config import parse_config
from trailkeep.core.errors import StoppedError
from trailkeep.guard.changes import Action
from trailkeep.guard.irreversible import Sheet
from trailkeep.guard.plan import Plan
from trailkeep.sandbox.organization import Sandbox
from trailkeep.workflows.apply import Applied, apply

pytestmark = pytest.mark.sandbox


class _Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class _Yes:
    def agree(self, proposed: Plan, sheet: Sheet | None) -> bool:
        """Agree."""
        del proposed, sheet
        return True

    def doing(self, action: Action) -> None:
        """Hear of an action."""


def _apply(
    folder: Path, clock: _Clock, *, arm: bool = False, changes: Mapping[str, str] | None = None
) -> Applied:
    config = parse_config(settings(**(changes or {})))
    accounts = Accounts(region=config.trail_region, role=config.archive.access_role)
    patience = Patience(clock=lambda: clock.now, sleep=clock.sleep)
    return apply(
        config,
        observe=lambda: observe(accounts, config),
        performer=Actor(accounts, patience),
        verifier=AwsVerifier(accounts=accounts, patience=patience, now=lambda: datetime.now(UTC)),
        journal=Journal(folder / "journal.jsonl", now=lambda: datetime.now(UTC)),
        report=_Yes(),
        arm=arm,
    )


@pytest.fixture
def folder(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder, with the credentials of an organization in which nothing has happened yet."""
    return Verbs(sandbox, monkeypatch, tmp_path).folder


@pytest.mark.parametrize(
    ("operation", "error", "times"),
    [
        ("CreateBucket", "OperationAborted", 2),
        ("PutBucketPolicy", "NoSuchBucket", 2),
        ("PutBucketLifecycleConfiguration", "OperationAborted", 1),
        ("CreateTrail", "InsufficientS3BucketPolicyException", 4),
        ("CreateTrail", "CloudTrailAccessNotEnabledException", 2),
        ("CreateTrail", "ConflictException", 5),
        ("StartLogging", "TrailNotFoundException", 2),
    ],
)
def test_what_is_not_yet_is_waited_for(
    sandbox: Sandbox, folder: Path, operation: str, error: str, times: int
) -> None:
    """An error of AWS's eventual consistency is waited out, longer each time, and apply ends with everything."""
    sandbox.inject(operation, error=error, times=times)
    clock = _Clock()
    assert _apply(folder, clock).left.actions == ()
    assert sandbox.injected.left == {}
    assert clock.now == _waited(times) + 1  # CreateTrail and StartLogging are a second apart


def test_arming_waits_too(sandbox: Sandbox, folder: Path) -> None:
    """What locks and guards is waited for like what builds, each call with its own patience."""
    _apply(folder, _Clock())
    deliver_logs(sandbox)
    for operation, error, times in _ARMING:
        sandbox.inject(operation, error=error, times=times)
    clock = _Clock()
    armed = _apply(folder, clock, arm=True)
    assert (armed.left.actions, armed.left.waiting, armed.exit_code) == ((), (), 0)
    assert sandbox.injected.left == {}
    assert clock.now == sum(_waited(times) for _, _, times in _ARMING)


_ARMING = (
    ("PutObjectLockConfiguration", "NoSuchBucket", 3),
    ("EnablePolicyType", "PolicyChangesInProgressException", 1),
    ("CreatePolicy", "ConcurrentModificationException", 2),
    ("AttachPolicy", "PolicyTypeNotEnabledException", 4),
)


def _waited(times: int) -> int:
    return sum(min(2**number, 15) for number in range(times))


def test_throttling_is_no_end(sandbox: Sandbox, folder: Path) -> None:
    """A throttled call is made again, whether it reads or writes."""
    for operation, error in {
        "ListAccountsForParent": "TooManyRequestsException",
        "DescribeTrails": "ThrottlingException",
        "GetBucketPolicy": "SlowDown",
        "CreateTrail": "ThrottlingException",
        "PutBucketPolicy": "SlowDown",
    }.items():
        sandbox.inject(operation, error=error, times=1)
    assert _apply(folder, _Clock()).left.actions == ()
    assert sandbox.injected.left == {}


def test_an_account_that_takes_long(
    sandbox_without_archive: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An account that is in progress for many questions is waited for and created once."""
    Verbs(sandbox_without_archive, monkeypatch, tmp_path)
    sandbox_without_archive.slow_accounts(polls=12)
    clock = _Clock()
    assert _apply(tmp_path, clock, changes=CREATED).left.actions == ()
    assert sandbox_without_archive.injected.calls["CreateAccount"] == 1
    assert sandbox_without_archive.injected.calls["DescribeCreateAccountStatus"] == 13
    assert clock.now >= 60


def test_what_stays_refused_ends(sandbox: Sandbox, folder: Path) -> None:
    """An error that does not go away ends apply within its deadline, with AWS's code; the next apply goes on."""
    sandbox.inject("CreateTrail", error="InsufficientS3BucketPolicyException")
    clock = _Clock()
    with pytest.raises(StoppedError, match=r"trail\.create .* got cloudtrail:CreateTrail: Insufficient"):
        _apply(folder, clock)
    assert 60 <= clock.now <= 180
    sandbox.injected.clear()
    assert _apply(folder, _Clock()).left.actions == ()
