"""Reads the policies of keys and topics by their ARNs, in the accounts and regions that these tell.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html,
https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html
"""

from __future__ import annotations

from trailkeep.aws.reading import read, read_or_absent
from trailkeep.aws.session import Accounts
from trailkeep.core.arn import Arn
from trailkeep.guard.estate import Absent, Unreadable

__all__ = ["read_key_policy", "read_topic_policy"]


def read_key_policy(accounts: Accounts, arn: str) -> str | Absent | Unreadable:
    """Return the policy of a key; Absent where there is no such key."""
    place = Arn.parse(arn)
    client = read("sts:AssumeRole", lambda: accounts.kms(place.account_id, place.region))
    if isinstance(client, Unreadable):
        return client
    return read_or_absent(
        "kms:GetKeyPolicy",
        lambda: client.get_key_policy(KeyId=arn, PolicyName="default")["Policy"],
        "NotFoundException",
    )


def read_topic_policy(accounts: Accounts, arn: str) -> str | Absent | Unreadable:
    """Return the policy of a topic; Absent where there is no such topic."""
    place = Arn.parse(arn)
    client = read("sts:AssumeRole", lambda: accounts.sns(place.account_id, place.region))
    if isinstance(client, Unreadable):
        return client
    return read_or_absent(
        "sns:GetTopicAttributes",
        lambda: client.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"],
        "NotFound",
    )
