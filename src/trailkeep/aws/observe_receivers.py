"""Reads whether the log group, the role and the topic exist that the trail is yet to be told of.

What the trail names already CloudTrail has looked at itself, and says in its status where it fails.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html,
https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
"""

from __future__ import annotations

from trailkeep.aws.observe_policies import read_topic_policy
from trailkeep.aws.reading import read, read_or_absent
from trailkeep.aws.session import Accounts
from trailkeep.core.arn import Arn
from trailkeep.core.config import Config
from trailkeep.guard.estate import Absent, Trail, Unreadable

__all__ = ["missing_receivers"]


def missing_receivers(
    accounts: Accounts, config: Config, trails: tuple[Trail, ...] | Unreadable
) -> tuple[str, ...]:
    """Return the settings of what AWS says is not there; what may not be read is not among them."""
    named: set[str] = set()
    if not isinstance(trails, Unreadable):
        named = {arn for one in trails for arn in (one.sns_topic, one.log_group, one.log_role)}
    asked = {
        "trail.cloudwatch_log_group": (config.trail.cloudwatch_log_group, _has_no_group),
        "trail.cloudwatch_role": (config.trail.cloudwatch_role, _has_no_role),
        "trail.sns_topic": (config.trail.sns_topic, _has_no_topic),
    }
    return tuple(
        setting
        for setting, (arn, is_missing) in asked.items()
        if arn and arn not in named and is_missing(accounts, arn)
    )


def _has_no_group(accounts: Accounts, arn: str) -> bool:
    name = arn.split(":", 6)[6].removesuffix(":*")
    client = accounts.service("logs", Arn.parse(arn).region)

    def get() -> bool:
        pages = client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        return all(group["logGroupName"] != name for page in pages for group in page["logGroups"])

    return read("logs:DescribeLogGroups", get) is True


def _has_no_role(accounts: Accounts, arn: str) -> bool:
    name = arn.rsplit("/", 1)[1]
    found = read_or_absent("iam:GetRole", lambda: accounts.iam().get_role(RoleName=name), "NoSuchEntity")
    return isinstance(found, Absent)


def _has_no_topic(accounts: Accounts, arn: str) -> bool:
    return isinstance(read_topic_policy(accounts, arn), Absent)
