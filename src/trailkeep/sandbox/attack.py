"""What an attacker does who has taken over the archive account: real calls, and what AWS answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Identity, Sandbox

__all__ = ["Attempt", "attack_archive"]

_OPEN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*"}]}
_EXPIRE = {"Rules": [{"ID": "x", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call of the attacker; ``answer`` is AWS's error message, empty when the call went through."""

    who: str
    call: str
    answer: str

    @property
    def refused(self) -> bool:
        """Whether AWS refused the call."""
        return bool(self.answer)


def attack_archive(sandbox: Sandbox, bucket: str) -> Iterator[Attempt]:
    """Try to delete, hide, replace and expire a log as root and as administrator of the archive account."""
    for identity in (Identity.ROOT, Identity.USER):
        client = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID, identity)
        log = client.list_object_versions(Bucket=bucket, MaxKeys=1)["Versions"][0]
        for call, attempt in _calls(client, bucket, log["Key"], log["VersionId"]):
            yield Attempt(who=identity.value, call=call, answer=_answer(attempt))


def _calls(client: Any, bucket: str, key: str, version: str) -> list[tuple[str, Callable[[], object]]]:
    policy = json.dumps(_OPEN)
    return [
        (
            "DeleteObject of a log version",
            lambda: client.delete_object(Bucket=bucket, Key=key, VersionId=version),
        ),
        ("DeleteObject of a log (a delete marker)", lambda: client.delete_object(Bucket=bucket, Key=key)),
        ("PutObject over a log", lambda: client.put_object(Bucket=bucket, Key=key, Body=b"forged")),
        ("PutBucketPolicy", lambda: client.put_bucket_policy(Bucket=bucket, Policy=policy)),
        (
            "PutBucketLifecycleConfiguration",
            lambda: client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=_EXPIRE),
        ),
    ]


def _answer(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except ClientError as error:
        return str(error.response["Error"]["Message"])
    return ""
