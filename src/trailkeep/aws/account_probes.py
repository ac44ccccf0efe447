"""The probes of one account's armed archive: only what its bucket policy must refuse the caller.

No organization policy binds the account, so what nothing refuses is not tried.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from trailkeep.aws.patience import Patience
from trailkeep.aws.probes import KEY, Probe, probe_guards, unknown
from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.core.errors import AwsCallError
from trailkeep.guard.account_limits import PROBED
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.callers import as_caller
from trailkeep.guard.estate import Caller
from trailkeep.guard.evaluate import Decision, Layers, evaluate
from trailkeep.guard.policy import PolicyError, parse_policy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["probe_account"]


def probe_account(
    accounts: Accounts, blueprint: Blueprint, *, patience: Patience, now: Callable[[], datetime]
) -> tuple[Probe, ...]:
    """Return what AWS answers to the calls that must be refused; none where nothing refuses any yet.

    Where it cannot be read what refuses, that read is an UNKNOWN probe.
    """
    client = accounts.s3(blueprint.archive_account, blueprint.bucket_region)
    try:
        denied = _denied(accounts, client, blueprint)
    except AwsCallError as error:
        return (unknown(error, f"s3://{blueprint.bucket}"),)
    if not denied:
        return ()
    return probe_guards(accounts, blueprint, patience=patience, now=now, only=denied)


def _denied(accounts: Accounts, client: S3Client, blueprint: Blueprint) -> frozenset[str]:
    """Return the calls that the bucket policy, as it is now, denies the caller for certain."""
    who = accounts.identity()
    caller = Caller(account=who.account, arn=who.arn, partition=who.partition)
    with aws_errors("s3:GetBucketPolicy"):
        text = client.get_bucket_policy(
            Bucket=blueprint.bucket, ExpectedBucketOwner=blueprint.archive_account
        )["Policy"]
    try:
        layers = Layers(resource_policy=parse_policy(text, name="the bucket policy"))
    except PolicyError:
        return frozenset()  # a text that is no policy refuses nothing
    return frozenset(
        call
        for call in PROBED
        if evaluate(as_caller(blueprint, caller, call, key=KEY), layers).decision is Decision.EXPLICIT_DENY
    )
