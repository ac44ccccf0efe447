"""Acting waits for what AWS has not made visible yet, gives up after a deadline, and never acts twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guard_verbs import BUCKET, settings
from refusals import Proxy, proxied
from trailkeep.aws.act import Actor
from trailkeep.aws.observe import observe
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts
from trailkeep.core.config import parse_config
from trailkeep.core.errors import AwsCallError
from trailkeep.guard.changes import (
    Action,
    CreateAccount,
    CreateBucket,
    CreateKey,
    PutObjectLock,
    PutOwnership,
    PutPublicAccessBlock,
    PutRequestPayment,
    PutVersioning,
    StartLogging,
)
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox
from trailkeep.workflows.plan import plan

CONFIG = parse_config(settings())
ACCOUNT = CreateAccount(
    id="account.create",
    target="log-archive",
    account="111111111111",
    reason="",
    name="log-archive",
    email="logs@example.com",
    access_role="OrganizationAccountAccessRole",
)


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def patience(self) -> Patience:
        """Return patience on this clock."""
        return Patience(clock=lambda: self.now, sleep=self.sleep, deadline_s=60.0, account_deadline_s=120.0)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def proxy(
    sandbox_without_archive: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Proxy]:
    """The management account's credentials, and a proxy that answers with faults."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in sandbox_without_archive.environment().items():
        monkeypatch.setenv(name, value)
    with proxied(sandbox_without_archive.endpoint_url) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
        yield made


def _accounts() -> Accounts:
    return Accounts(region=CONFIG.trail_region, role=CONFIG.archive.access_role)


def _bucket(region: str = "eu-central-1") -> CreateBucket:
    return CreateBucket(
        id="bucket.create",
        target=BUCKET,
        account=LOG_ARCHIVE_ACCOUNT_ID,
        reason="",
        bucket=BUCKET,
        region=region,
    )


def test_patience_waits_longer_each_time() -> None:
    """Waits double up to a limit, until the attempt succeeds."""
    clock = Clock()
    answers = ["Busy"] * 6

    def attempt() -> str:
        if answers:
            raise AwsCallError("x:Y", answers.pop(), "not yet")
        return "done"

    assert clock.patience().retry(attempt, not_yet=("Busy",)) == "done"
    assert clock.slept == [1, 2, 4, 8, 15, 15]


def test_patience_ends() -> None:
    """The same error after the deadline is raised as it came."""
    clock = Clock()

    def attempt() -> None:
        raise AwsCallError("x:Y", "Busy", "not yet")

    with pytest.raises(AwsCallError, match="x:Y: Busy: not yet"):
        clock.patience().retry(attempt, not_yet=("Busy",))
    assert 45 <= clock.now <= 60


def test_patience_is_for_known_errors() -> None:
    """An error that waiting does not help is raised at once."""
    clock = Clock()

    def attempt() -> None:
        raise AwsCallError("x:Y", "AccessDenied", "no")

    with pytest.raises(AwsCallError):
        clock.patience().retry(attempt, not_yet=("Busy",))
    assert clock.slept == []


@pytest.mark.sandbox
def test_account_is_awaited(proxy: Proxy) -> None:
    """CreateAccount is called once, and the account is used only when its role can be assumed."""
    clock = Clock()
    proxy.faults = {
        "CreateAccount": ["FinalizingOrganizationException"],
        "AssumeRole": ["AccessDenied", "AccessDenied"],
    }
    actor = Actor(_accounts(), clock.patience())
    assert actor.perform(ACCOUNT) == LOG_ARCHIVE_ACCOUNT_ID
    assert proxy.calls.count("CreateAccount") == 2  # one was refused
    assert len(clock.slept) >= 3
    assert Actor(_accounts(), clock.patience()).perform(ACCOUNT) == LOG_ARCHIVE_ACCOUNT_ID
    assert proxy.calls.count("CreateAccount") == 2


@pytest.mark.sandbox
def test_account_creation_in_progress_is_awaited(proxy: Proxy, sandbox_without_archive: Sandbox) -> None:
    """A creation that a killed apply began is waited for, not begun again."""
    sandbox_without_archive.client("organizations").create_account(
        AccountName="log-archive", Email="logs@example.com"
    )
    assert Actor(_accounts(), Clock().patience()).perform(ACCOUNT) == LOG_ARCHIVE_ACCOUNT_ID
    assert proxy.calls.count("CreateAccount") == 0


@pytest.mark.sandbox
@pytest.mark.parametrize("code", ["RequestTimeout", "ServiceException", "InternalFailure"])
def test_account_that_aws_did_not_confirm_is_found(proxy: Proxy, code: str) -> None:
    """A CreateAccount that was done and not confirmed is looked for and waited for, and never repeated."""
    proxy.unconfirmed["CreateAccount"] = [code] * 5
    assert Actor(_accounts(), Clock().patience()).perform(ACCOUNT) == LOG_ARCHIVE_ACCOUNT_ID
    assert proxy.calls.count("CreateAccount") == 1


@pytest.mark.sandbox
@pytest.mark.parametrize("code", ["RequestTimeout", "ServiceException", "InternalFailure"])
def test_account_that_aws_did_not_begin_is_not_asked_for_again(proxy: Proxy, code: str) -> None:
    """Where nothing is found after an unconfirmed CreateAccount, the error says so, and how to go on."""
    proxy.faults["CreateAccount"] = [code] * 5
    clock = Clock()
    with pytest.raises(
        AwsCallError, match=f"CreateAccount: {code} without a trace: .*list-create-account-status"
    ):
        Actor(_accounts(), clock.patience()).perform(ACCOUNT)
    assert proxy.calls.count("CreateAccount") == 1
    assert 30 <= clock.now <= 60


def _keyed_actions() -> tuple[CreateKey, ...]:
    config = parse_config(f"{settings()}\n".replace("[retention]", 'encryption = "sse-kms"\n[retention]'))
    actions = plan(config, observe(_accounts(), config)).actions
    return tuple(action for action in actions if isinstance(action, CreateKey))


@pytest.mark.sandbox
@pytest.mark.parametrize("code", ["KMSInternalException", "DependencyTimeoutException"])
def test_key_that_kms_did_not_confirm_is_found(
    proxy: Proxy, sandbox_without_archive: Sandbox, code: str
) -> None:
    """A CreateKey that was done and not confirmed leaves one key: it is looked for before each attempt."""
    clock = Clock()
    actor = Actor(_accounts(), clock.patience())
    actor.perform(ACCOUNT)
    (create,) = _keyed_actions()
    proxy.unconfirmed["CreateKey"] = [code] * 2
    key = actor.perform(create)
    kms = sandbox_without_archive.client("kms", LOG_ARCHIVE_ACCOUNT_ID)
    assert [one["KeyArn"] for one in kms.list_keys()["Keys"]] == [key]
    assert proxy.calls.count("CreateKey") == 1


@pytest.mark.sandbox
@pytest.mark.usefixtures("proxy")
def test_key_of_imported_material_is_not_adopted(sandbox_without_archive: Sandbox) -> None:
    """A key that carries our tag and whose material is not KMS's own is passed over, and so is one by alias."""
    actor = Actor(_accounts(), Clock().patience())
    actor.perform(ACCOUNT)
    (create,) = _keyed_actions()
    kms = sandbox_without_archive.client("kms", LOG_ARCHIVE_ACCOUNT_ID)
    tag = {"TagKey": "trailkeep", "TagValue": "archive-key"}
    theirs = kms.create_key(Origin="EXTERNAL", Tags=[tag])["KeyMetadata"]
    made = actor.perform(create)
    assert made != theirs["Arn"]
    kms.update_alias(AliasName=create.alias, TargetKeyId=theirs["KeyId"])
    with pytest.raises(
        AwsCallError, match=f"names {theirs['KeyId']}, and not the archive's key .*delete that alias"
    ):
        actor.perform(create)


@pytest.mark.sandbox
def test_bucket_that_is_ours_already(proxy: Proxy) -> None:
    """Creating a bucket that the archive account owns already counts as done."""
    actor = Actor(_accounts(), Clock().patience())
    actor.perform(ACCOUNT)
    proxy.faults["CreateBucket"] = ["BucketAlreadyOwnedByYou"]
    actor.perform(_bucket())
    assert proxy.faults["CreateBucket"] == []


@pytest.mark.sandbox
def test_bucket_name_is_taken(proxy: Proxy) -> None:
    """A name that somebody else took meanwhile is an error, not done."""
    actor = Actor(_accounts(), Clock().patience())
    actor.perform(ACCOUNT)
    proxy.faults["CreateBucket"] = ["BucketAlreadyExists"]
    with pytest.raises(AwsCallError, match="s3:CreateBucket: BucketAlreadyExists"):
        actor.perform(_bucket())


@pytest.mark.sandbox
def test_trail_waits_for_what_was_just_made(proxy: Proxy) -> None:
    """CloudTrail's doubts about a new bucket and new trusted access are waited out."""
    clock = Clock()
    actor = Actor(_accounts(), clock.patience())
    actor.perform(ACCOUNT)
    clock.slept.clear()
    proxy.faults = {
        "CreateTrail": ["InsufficientS3BucketPolicyException", "CloudTrailAccessNotEnabledException"],
        "StartLogging": ["TrailNotFoundException"],
        "AttachPolicy": ["PolicyTypeNotEnabledException", "DuplicatePolicyAttachmentException"],
    }
    for action in _whole_plan():
        actor.perform(action)
    assert clock.slept == [1, 2, 1, 1, 1]  # the third is the pace of CloudTrail
    assert all(left == [] for left in proxy.faults.values())


@pytest.mark.sandbox
def test_trail_doubts_end(proxy: Proxy) -> None:
    """A bucket policy that CloudTrail refuses after the deadline is an error with CloudTrail's words."""
    clock = Clock()
    proxy.faults["StartLogging"] = ["InsufficientS3BucketPolicyException"] * 100
    action = StartLogging(
        id="trail.start", target="t", account="111111111111", reason="", arn="t", region="eu-central-1"
    )
    with pytest.raises(AwsCallError, match="InsufficientS3BucketPolicyException"):
        Actor(_accounts(), clock.patience()).perform(action)
    assert clock.now <= 60


def _whole_plan() -> tuple[Action, ...]:
    return plan(CONFIG, observe(_accounts(), CONFIG), arm=True).actions


_COMMON: dict[str, Any] = {
    "id": "bucket",
    "target": BUCKET,
    "account": LOG_ARCHIVE_ACCOUNT_ID,
    "reason": "",
    "bucket": BUCKET,
    "region": "eu-central-1",
}


@pytest.mark.sandbox
@pytest.mark.parametrize(
    "action",
    [
        PutPublicAccessBlock(**_COMMON),
        PutOwnership(**_COMMON),
        PutVersioning(**_COMMON),
        PutRequestPayment(**_COMMON),
        PutObjectLock(**_COMMON, mode="GOVERNANCE", days=1),
    ],
    ids=lambda action: type(action).__name__,
)
def test_bucket_of_another_account_is_not_touched(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, action: Action
) -> None:
    """A bucket that another account took meanwhile is refused, even where it lets the archive do everything."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    theirs = sandbox.client("s3", "333333333333")
    theirs.create_bucket(
        Bucket=BUCKET,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        ObjectLockEnabledForBucket=True,
    )
    inviting = {
        "Effect": "Allow",
        "Principal": {"AWS": LOG_ARCHIVE_ACCOUNT_ID},
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
    }
    theirs.put_bucket_policy(
        Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [inviting]})
    )
    with pytest.raises(AwsCallError) as caught:
        Actor(_accounts(), Clock().patience()).perform(action)
    assert caught.value.code == "AccessDenied"
