"""CloudTrail's delegated administrator: a member account that may manage the organization's trails.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-delegated-administrator.html
"""

from __future__ import annotations

from collections.abc import Iterator

from trailkeep.core.errors import ConfigError
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import Change, RegisterDelegatedAdmin
from trailkeep.guard.decisions import Blocked, Decision, Kept, unknown
from trailkeep.guard.estate import Estate, Unreadable

__all__ = ["decide"]

_AT_MOST = 3


def decide(blueprint: Blueprint, estate: Estate) -> Iterator[Decision]:
    """Yield the registration that is missing, and who else may change the trail.

    Raises:
        ConfigError: the account that is asked for is not in the organization.
    """
    asked = blueprint.delegated_administrator
    if isinstance(estate.delegated_administrators, Unreadable):
        if asked:
            yield unknown(estate.delegated_administrators, "whether CloudTrail has a delegated administrator")
        return
    for account in estate.delegated_administrators:
        if account != asked:
            reason = "it is a delegated administrator of CloudTrail too, and may change the trail"
            yield Kept(target=account, reason=reason, allow="")
    if asked and asked not in estate.delegated_administrators:
        _check_member(asked, estate)
        yield _register(blueprint, len(estate.delegated_administrators))


def _check_member(account: str, estate: Estate) -> None:
    if not isinstance(estate.accounts, Unreadable) and account not in {one.id for one in estate.accounts}:
        raise ConfigError(
            "trail.delegated_administrator",
            f"expected an account of the organization, got {account}, which is not in it; correct it",
        )


def _register(blueprint: Blueprint, others: int) -> Decision:
    action = RegisterDelegatedAdmin(
        id="trail.delegate",
        target=blueprint.delegated_administrator,
        account=blueprint.management_account,
        reason="it is asked to manage trails, and may not yet",
        changes=(Change(field="delegated administrator of CloudTrail", before="", after="registered"),),
        member=blueprint.delegated_administrator,
        region=blueprint.trail_region,
    )
    if others < _AT_MOST:
        return action
    return Blocked(action=action, allow="", reason=f"an organization has at most {_AT_MOST} of them")
