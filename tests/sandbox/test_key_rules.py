"""CloudTrail refuses a key that it could not use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from guard_verbs import Verbs, settings
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox


def test_key_of_a_trail(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A key is taken only where the bucket is, while it is enabled, and when its policy lets the trail use it."""
    verbs = Verbs(sandbox, monkeypatch, tmp_path)
    text = settings().replace("[retention]", 'encryption = "sse-kms"\n[retention]')
    (tmp_path / "trailkeep.toml").write_text(text)
    assert verbs.run("apply", "--yes").exit_code == 1
    keys = sandbox.client("kms", LOG_ARCHIVE_ACCOUNT_ID)
    key = keys.describe_key(KeyId="alias/trailkeep-archive")["KeyMetadata"]["Arn"]
    assert _answer(sandbox, key) == ""
    assert _answer(sandbox, key.replace("eu-central-1", "us-east-1")) == "KmsKeyNotFoundException"
    assert (
        _answer(sandbox, keys.create_key()["KeyMetadata"]["Arn"]) == "InsufficientEncryptionPolicyException"
    )
    policy = json.loads(keys.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] != "CloudTrailDecrypt"]
    other = keys.create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]
    assert _answer(sandbox, other) == "InsufficientEncryptionPolicyException"
    keys.disable_key(KeyId=key.rpartition("/")[2])
    assert _answer(sandbox, key) == "KmsKeyNotFoundException"


def _answer(sandbox: Sandbox, key: str) -> str:
    try:
        sandbox.client("cloudtrail").update_trail(Name="trailkeep", KmsKeyId=key)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""
