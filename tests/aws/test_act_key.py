"""The archive's key is made once, whatever other keys its account has and whoever may describe them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from estates import config as configured
from estates import in_force, with_facts
from refusals import Proxy, proxied
from trailkeep.aws.act_key import perform_on_key
from trailkeep.aws.calls import Calls
from trailkeep.aws.observe_key import observe_key
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts
from trailkeep.core.errors import AwsCallError
from trailkeep.guard.changes import CreateKey
from trailkeep.guard.estate import Absent, Unreadable
from trailkeep.guard.key_policy import ALIAS, DESCRIPTION
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox
_REGION = "eu-central-1"
_TAG = {"TagKey": "trailkeep", "TagValue": "archive-key"}


def _policy(*denied: str, owner: str = LOG_ARCHIVE_ACCOUNT_ID) -> str:
    """Return a key policy that lets the account do everything but what it denies."""
    to_all: dict[str, Any] = {"Principal": {"AWS": "*"}, "Resource": "*"}
    manages = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{owner}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    denies = [{"Effect": "Deny", **to_all, "Action": list(denied)}] if denied else []
    return json.dumps({"Version": "2012-10-17", "Statement": [manages, *denies]})


CREATE = CreateKey(
    id="key.create",
    target=ALIAS,
    account=LOG_ARCHIVE_ACCOUNT_ID,
    reason="",
    alias=ALIAS,
    region=_REGION,
    document=_policy(),
)


@pytest.fixture
def proxy(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The management account's credentials, and a proxy that answers with faults."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    with proxied(sandbox.endpoint_url) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
        yield made


def _create() -> str:
    """Create the key as ``apply`` does, on a clock on which waiting takes no time."""
    accounts = Accounts(region=_REGION, role="OrganizationAccountAccessRole")
    client = accounts.kms(LOG_ARCHIVE_ACCOUNT_ID, _REGION)
    once = accounts.kms(LOG_ARCHIVE_ACCOUNT_ID, _REGION, attempts=1)
    passed = [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    patience = Patience(clock=lambda: passed[0], sleep=sleep, deadline_s=60.0)
    return perform_on_key(client, once, CREATE, Calls(patience).kms)


def _keys(sandbox: Sandbox) -> set[str]:
    listed = sandbox.client("kms", LOG_ARCHIVE_ACCOUNT_ID).list_keys()["Keys"]
    return {key["KeyArn"] for key in listed}


def _make(sandbox: Sandbox, *denied: str, owner: str = LOG_ARCHIVE_ACCOUNT_ID, **members: Any) -> str:
    made = sandbox.client("kms", owner).create_key(Policy=_policy(*denied, owner=owner), **members)
    return str(made["KeyMetadata"]["Arn"])


@pytest.mark.parametrize("call", ["kms:DescribeKey", "kms:ListResourceTags"])
def test_key_that_may_not_be_read_is_passed_over(proxy: Proxy, sandbox: Sandbox, call: str) -> None:
    """A key of others that refuses to be described, or its tags, does not keep ours from being made, once."""
    theirs = _make(sandbox, call)
    made = _create()
    assert made != theirs
    assert _create() == made
    assert _keys(sandbox) == {theirs, made}
    assert proxy.calls.count("CreateKey") == 1


@pytest.mark.parametrize("call", ["kms:DescribeKey", "kms:ListResourceTags"])
def test_key_of_a_killed_apply_is_found_behind_one_that_refuses(
    proxy: Proxy, sandbox: Sandbox, call: str
) -> None:
    """A key that an apply made before it was killed is found, although others may not be read."""
    for _ in range(3):
        _make(sandbox, call)
    ours = _make(sandbox, Tags=[_TAG])
    assert _create() == ours
    assert proxy.calls.count("CreateKey") == 0


def test_key_that_may_be_ours_is_not_made_again(proxy: Proxy, sandbox: Sandbox) -> None:
    """Where a CreateKey was not confirmed and a key appeared that may not be described, none is made again."""
    theirs = _make(sandbox, "kms:DescribeKey")
    proxy.unconfirmed["CreateKey"] = ["KMSInternalException"]
    proxy.refused = {"DescribeKey"}
    with pytest.raises(AwsCallError, match=r"^kms:DescribeKey: AccessDenied: .*; let the access role"):
        _create()
    assert proxy.calls.count("CreateKey") == 1
    assert len(_keys(sandbox) - {theirs}) == 1


def test_key_with_our_description_is_not_made_again(proxy: Proxy, sandbox: Sandbox) -> None:
    """A key that describes itself as the archive's and does not show its tags may be ours: none is made."""
    _make(sandbox, "kms:ListResourceTags", Description=DESCRIPTION)
    with pytest.raises(AwsCallError, match=r"^kms:ListResourceTags: AccessDeniedException: .*; let the"):
        _create()
    assert proxy.calls.count("CreateKey") == 0


@pytest.mark.parametrize(
    "operation",
    ["ListKeys", "DescribeKey", "ListResourceTags", "CreateKey", "PutKeyPolicy", "CreateAlias"],
)
def test_error_names_the_call(proxy: Proxy, sandbox: Sandbox, operation: str) -> None:
    """An error of KMS names the call that failed, not the one that came before it."""
    if operation != "CreateKey":
        _make(sandbox, Tags=[_TAG])
    proxy.faults[operation] = ["InvalidArnException"]
    with pytest.raises(AwsCallError, match=f"^kms:{operation}: InvalidArnException: "):
        _create()


@pytest.mark.usefixtures("proxy")
def test_key_of_strangers_is_not_the_archives(sandbox: Sandbox) -> None:
    """A bucket's key that may not be read hides the archive's only where it could be that: in its account."""
    config = configured({"archive.encryption": "sse-kms"})
    accounts = Accounts(region=_REGION, role=config.archive.access_role)
    found = {}
    for owner in ("333333333333", LOG_ARCHIVE_ACCOUNT_ID):
        key = _make(sandbox, "kms:DescribeKey", owner=owner)
        encryption = {"fact": "Encryption", "algorithm": "aws:kms", "kms_key": key, "bucket_key": True}
        bucket = with_facts(in_force(), {"bucket.encryption": encryption}).bucket
        found[owner] = observe_key(accounts, config, archive=LOG_ARCHIVE_ACCOUNT_ID, bucket=bucket, trails=())
    assert found["333333333333"] == Absent()
    refused = found[LOG_ARCHIVE_ACCOUNT_ID]
    assert isinstance(refused, Unreadable)
    assert refused.call == "kms:DescribeKey"
