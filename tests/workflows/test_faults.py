"""What AWS says for a while is waited out by ``apply``; what it refuses to tell makes ``plan`` UNKNOWN."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from guard_verbs import CREATED, Verbs, settings
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


def _apply(folder: Path, clock: _Clock, **changes: str) -> Applied:
    config = parse_config(settings(**changes))
    accounts = Accounts(region=config.trail_region, role=config.archive.access_role)
    patience = Patience(clock=lambda: clock.now, sleep=clock.sleep)
    return apply(
        config,
        observe=lambda: observe(accounts, config),
        performer=Actor(accounts, patience),
        verifier=AwsVerifier(accounts=accounts, patience=patience, now=lambda: datetime.now(UTC)),
        journal=Journal(folder / "journal.jsonl", now=lambda: datetime(2026, 1, 2, tzinfo=UTC)),
        report=_Yes(),
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
        ("PutObjectLockConfiguration", "NoSuchBucket", 3),
        ("CreateTrail", "InsufficientS3BucketPolicyException", 4),
        ("CreateTrail", "CloudTrailAccessNotEnabledException", 2),
        ("CreateTrail", "ConflictException", 5),
        ("StartLogging", "TrailNotFoundException", 2),
        ("CreatePolicy", "ConcurrentModificationException", 2),
        ("AttachPolicy", "PolicyTypeNotEnabledException", 3),
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
    assert clock.now == sum(min(2**number, 15) for number in range(times))


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ("ListAccountsForParent", "TooManyRequestsException"),
        ("DescribeTrails", "ThrottlingException"),
        ("GetBucketPolicy", "SlowDown"),
        ("CreateTrail", "ThrottlingException"),
    ],
)
def test_throttling_is_no_end(sandbox: Sandbox, folder: Path, operation: str, error: str) -> None:
    """A throttled call is made again, whether it reads or writes."""
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
    assert _apply(tmp_path, clock, **CREATED).left.actions == ()
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


_NEEDED = {
    "DescribeOrganization": "organizations:DescribeOrganization",
    "ListRoots": "organizations:ListRoots",
    "ListAccountsForParent": "organizations:ListAccountsForParent",
    "ListOrganizationalUnitsForParent": "organizations:ListOrganizationalUnitsForParent",
    "ListAWSServiceAccessForOrganization": "organizations:ListAWSServiceAccessForOrganization",
    "ListPolicies": "organizations:ListPolicies",
    "DescribePolicy": "organizations:DescribePolicy",
    "ListTargetsForPolicy": "organizations:ListTargetsForPolicy",
    "DescribeTrails": "cloudtrail:DescribeTrails",
    "GetTrailStatus": "cloudtrail:GetTrailStatus",
    "GetEventSelectors": "cloudtrail:GetEventSelectors",
    "AssumeRole": "sts:AssumeRole",
    "GetBucketLocation": "s3:GetBucketLocation",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "GetPublicAccessBlock": "s3:GetPublicAccessBlock",
    "GetBucketOwnershipControls": "s3:GetBucketOwnershipControls",
    "GetObjectLockConfiguration": "s3:GetObjectLockConfiguration",
    "GetBucketPolicy": "s3:GetBucketPolicy",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "GetBucketRequestPayment": "s3:GetBucketRequestPayment",
    "GetBucketTagging": "s3:GetBucketTagging",
}
_NOT_DECISIVE = ("GetBucketEncryption", "ListBuckets", "ListPoliciesForTarget")


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """An archive in force, whose trail has selectors of its own, which select everything."""
    found = Verbs(sandbox, monkeypatch, tmp_path)
    found.write()
    assert found.armed().exit_code == 0
    selector = {"ReadWriteType": "All", "IncludeManagementEvents": True}
    sandbox.client("cloudtrail").put_event_selectors(TrailName="trailkeep", EventSelectors=[selector])
    sandbox.injected.clear()
    return found


def test_every_read_is_in_the_tables(verbs: Verbs, sandbox: Sandbox) -> None:
    """The two tables of this file hold every call that a plan makes, but the one that says who we are."""
    assert verbs.run("plan").exit_code == 0
    assert {*sandbox.injected.calls} == {*_NEEDED, *_NOT_DECISIVE, "GetCallerIdentity"}


def test_refused_read_is_unknown(verbs: Verbs, sandbox: Sandbox) -> None:
    """Each read that a decision needs, refused, makes the plan UNKNOWN, with exit code 3 and the name of the call."""
    for operation, call in _NEEDED.items():
        sandbox.injected.clear()
        sandbox.inject(operation, error="AccessDenied")
        ran = verbs.run("plan", "--json")
        assert (ran.exit_code, ran.ids, ran.document["blocked"]) == (3, [], []), operation
        assert call in [unknown["call"] for unknown in ran.document["unknown"]]


def test_refused_read_is_never_a_change(verbs: Verbs, sandbox: Sandbox) -> None:
    """A refused read on which nothing is decided, or which another call answers, proposes no change."""
    for operation in _NOT_DECISIVE:
        sandbox.injected.clear()
        sandbox.inject(operation, error="AccessDenied")
        ran = verbs.run("plan", "--json")
        assert ran.exit_code in {0, 3}, operation
        assert (ran.ids, ran.document["blocked"], ran.document["concerns"]) == ([], [], []), operation


def test_who_we_are_is_needed(verbs: Verbs, sandbox: Sandbox) -> None:
    """Without knowing whose credentials these are nothing is planned."""
    sandbox.inject("GetCallerIdentity", error="AccessDenied")
    ran = verbs.run("plan")
    assert (ran.exit_code, ran.stdout) == (4, "")
    assert "sts:GetCallerIdentity: AccessDenied" in ran.stderr
