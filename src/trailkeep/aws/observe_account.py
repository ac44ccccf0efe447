"""Reads one account that keeps its own history into an estate; AWS Organizations is not asked.

An account alone, and a member that may read nothing of its organization, are looked at in the same way. The
organization's trail is among the trails of a member, as CloudTrail shows it there.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DescribeTrails.html
(``includeShadowTrails``)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trailkeep.aws.observe_bucket import observe_bucket
from trailkeep.aws.observe_elsewhere import observe_elsewhere
from trailkeep.aws.observe_key import observe_key
from trailkeep.aws.observe_receivers import missing_receivers
from trailkeep.aws.session import Accounts
from trailkeep.core.config import Config
from trailkeep.guard.estate import Caller, Estate, Trail, Unasked, Unreadable, estate_of_one_account

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient

__all__ = ["observe_account"]


def observe_account(
    accounts: Accounts,
    config: Config,
    *,
    trails: Callable[[CloudTrailClient], tuple[Trail, ...] | Unreadable],
    read_trail: Callable[[CloudTrailClient, dict[str, Any]], Trail],
) -> Estate:
    """Return what can be seen of the account that ``config`` means.

    ``trails`` reads those of a client, ``read_trail`` the rest of one that was described.

    With the credentials of another account nothing but the caller is looked at: no role is assumed.

    Raises:
        StoppedError: there are no usable credentials, so nothing can be seen.
    """
    who = accounts.identity()
    caller = Caller(account=who.account, arn=who.arn, partition=who.partition)
    archive = config.archive
    if who.account != archive.account:
        elsewhere = Unreadable(call="sts:GetCallerIdentity", error=f"credentials of account {who.account}")
        return estate_of_one_account(
            caller,
            organization=Unasked(),
            archive_account=archive.account,
            trails=elsewhere,
            trails_elsewhere=elsewhere,
            bucket=elsewhere,
            key=elsewhere,
        )
    found = trails(accounts.cloudtrail(config.trail_region))
    others = observe_elsewhere(accounts, config.trail_region, found, read_trail)
    bucket = observe_bucket(accounts, account=archive.account, name=archive.bucket, region=archive.region)
    key = observe_key(accounts, config, archive=archive.account, bucket=bucket, trails=found)
    return estate_of_one_account(
        caller,
        organization=Unasked(),
        archive_account=archive.account,
        trails=found,
        bucket=bucket,
        key=key,
        trails_elsewhere=others,
        missing_receivers=missing_receivers(accounts, config, found),
    )
