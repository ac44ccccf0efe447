"""What AWS says for a while is waited out by ``apply``; what it goes on saying ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from applying import Clock, apply_at
from guard_verbs import CREATED, Verbs, deliver_logs
from trailkeep.core.errors import StoppedError
from trailkeep.sandbox.organization import Sandbox

pytestmark = pytest.mark.sandbox


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
    clock = Clock()
    assert apply_at(folder, clock).left.actions == ()
    assert sandbox.injected.left == {}
    assert clock.now == _waited(times) + 1  # CreateTrail and StartLogging are a second apart


def test_arming_waits_too(sandbox: Sandbox, folder: Path) -> None:
    """What locks and guards is waited for like what builds, each call with its own patience."""
    apply_at(folder, Clock())
    deliver_logs(sandbox)
    for operation, error, times in _ARMING:
        sandbox.inject(operation, error=error, times=times)
    clock = Clock()
    armed = apply_at(folder, clock, arm=True)
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
    assert apply_at(folder, Clock()).left.actions == ()
    assert sandbox.injected.left == {}


def test_an_account_that_takes_long(
    sandbox_without_archive: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An account that is in progress for many questions is waited for and created once."""
    Verbs(sandbox_without_archive, monkeypatch, tmp_path)
    sandbox_without_archive.slow_accounts(polls=12)
    clock = Clock()
    assert apply_at(tmp_path, clock, changes=CREATED).left.actions == ()
    assert sandbox_without_archive.injected.calls["CreateAccount"] == 1
    assert sandbox_without_archive.injected.calls["DescribeCreateAccountStatus"] == 13
    assert clock.now >= 60


def test_what_stays_refused_ends(sandbox: Sandbox, folder: Path) -> None:
    """An error that does not go away ends apply within its deadline, with AWS's code; the next apply goes on."""
    sandbox.inject("CreateTrail", error="InsufficientS3BucketPolicyException")
    clock = Clock()
    with pytest.raises(StoppedError, match=r"trail\.create .* got cloudtrail:CreateTrail: Insufficient"):
        apply_at(folder, clock)
    assert 60 <= clock.now <= 180
    sandbox.injected.clear()
    assert apply_at(folder, Clock()).left.actions == ()
