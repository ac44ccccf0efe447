"""What must exist, computed from ``trailkeep.toml`` and three facts of the organization."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from trailkeep.core.arn import trail_arn
from trailkeep.core.config import Config
from trailkeep.guard.armed_policy import arming, with_denies
from trailkeep.guard.documents import archive_scp, bucket_policy, compact
from trailkeep.guard.estate import Estate
from trailkeep.guard.guard_documents import (
    ARCHIVE_RCP,
    ARCHIVE_SCP,
    MEMBER_SCP,
    RCP,
    SCP,
    GuardPolicy,
    Place,
    archive_rcp,
    member_scp,
)
from trailkeep.guard.key_policy import guarding_key, key_policy
from trailkeep.guard.reader_grants import letting_readers
from trailkeep.guard.selectors import ALL_MANAGEMENT, wanted, write

__all__ = ["NEW_ACCOUNT", "Blueprint", "blueprint_for", "draw_blueprint"]

NEW_ACCOUNT = "<archive account>"
"""Stands for the id of an archive account that is yet to be created, also inside documents."""


class Blueprint(msgspec.Struct, frozen=True, kw_only=True):
    """What must exist; ``archive_account`` is NEW_ACCOUNT while it must be created.

    ``bucket_policy`` and ``key_policy`` are compact JSON texts, the latter empty where no key is wanted;
    ``armed_bucket_policy`` says all that ``bucket_policy`` says and more, once the archive is armed;
    ``guards`` are all policies of ours, wanted or not. ``event_selectors`` is a compact JSON text, empty
    where CloudTrail's default, all management events, is what is wanted. For the archive of one account
    ``organization_id`` is empty, ``management_account`` and ``archive_account`` are both that account, and
    there are no guards.
    """

    partition: str
    organization_id: str
    management_account: str
    archive_account: str
    account_name: str
    account_email: str
    access_role: str
    bucket: str
    bucket_region: str
    bucket_policy: str
    armed_bucket_policy: str
    retention_days: int
    lock_mode: str
    trail: str
    trail_region: str
    trail_arn: str
    guards: tuple[GuardPolicy, ...]
    encryption: str = "sse-s3"
    key_policy: str = ""
    lifecycle_expire_days: int = 0
    event_selectors: str = ""
    insights: tuple[str, ...] = ()
    recursive_logging: bool = False
    sns_topic: str = ""
    log_group: str = ""
    log_role: str = ""
    delegated_administrator: str = ""

    @property
    def is_of_organization(self) -> bool:
        """Whether the history of an organization is kept, not that of one account."""
        return self.organization_id != ""


def draw_blueprint(config: Config, *, partition: str, archive_account: str) -> Blueprint:
    """Return what must exist in this partition, with this account (or NEW_ACCOUNT) as the archive.

    Raises:
        ConfigError: the trail is asked to select more than CloudTrail takes.
    """
    trail = trail_arn(
        partition=partition,
        region=config.trail_region,
        account_id=config.trail_account,
        name=config.trail.name,
    )
    policy: dict[str, Any] = bucket_policy(
        partition=partition,
        bucket=config.archive.bucket,
        organization_id=config.organization_id,
        management_account=config.trail_account,
        trail=trail,
    )
    policy = letting_readers(policy, config, partition=partition)
    denies = arming(partition=partition, bucket=config.archive.bucket, trail=trail)
    key = key_policy(config, partition=partition, archive_account=archive_account, trail=trail)
    return Blueprint(
        partition=partition,
        organization_id=config.organization_id,
        management_account=config.trail_account,
        archive_account=archive_account,
        account_name=config.archive.account_name,
        account_email=config.archive.account_email,
        access_role=config.archive.access_role,
        bucket=config.archive.bucket,
        bucket_region=config.archive.region,
        bucket_policy=compact(policy),
        armed_bucket_policy=compact(with_denies(policy, denies)),
        retention_days=config.retention.days,
        lock_mode=config.retention.lock_mode,
        trail=config.trail.name,
        trail_region=config.trail_region,
        trail_arn=trail,
        guards=tuple(_guards(config, partition, archive_account, trail)),
        encryption=config.archive.encryption,
        key_policy=compact(key) if config.archive.encryption == "sse-kms" else "",
        lifecycle_expire_days=config.archive.lifecycle_expire_days,
        event_selectors=_event_selectors(config, partition),
        insights=tuple(sorted(set(config.trail.insights))),
        recursive_logging=config.trail.recursive_logging,
        sns_topic=config.trail.sns_topic,
        log_group=config.trail.cloudwatch_log_group,
        log_role=config.trail.cloudwatch_role,
        delegated_administrator=config.trail.delegated_administrator,
    )


def _guards(config: Config, partition: str, archive_account: str, trail: str) -> Iterator[GuardPolicy]:
    """Yield the guards; each document is empty where the configuration does not ask for it.

    One account has none: no policy of an organization is for its own to make.
    """
    if config.organization is None:
        return
    bucket, wanted = config.archive.bucket, config.guards
    scp = archive_scp(partition=partition, bucket=bucket, archive_account=archive_account)
    scp = guarding_key(scp, config, partition=partition, archive_account=archive_account)
    yield GuardPolicy(
        key="scp",
        name=ARCHIVE_SCP,
        policy_type=SCP,
        place=Place.ARCHIVE,
        setting="guards.scp",
        description="Makes the CloudTrail archive read-only in its own account",
        document=compact(scp) if wanted.scp else "",
    )
    yield GuardPolicy(
        key="members",
        name=MEMBER_SCP,
        policy_type=SCP,
        place=Place.ROOT,
        setting="guards.member_scp",
        description="Keeps the member accounts from the CloudTrail trail of the organization",
        document=compact(member_scp(partition=partition, trail=trail)) if wanted.member_scp else "",
    )
    rcp = archive_rcp(partition=partition, bucket=bucket, archive_account=archive_account, trail=trail)
    yield GuardPolicy(
        key="rcp",
        name=ARCHIVE_RCP,
        policy_type=RCP,
        place=Place.ARCHIVE,
        setting="guards.rcp",
        description="Lets nobody but the CloudTrail trail write to the archive",
        document=compact(rcp) if wanted.rcp else "",
    )


def _event_selectors(config: Config, partition: str) -> str:
    selectors = wanted(
        partition=partition,
        management_events=config.trail.management_events,
        data_events=config.trail.data_events,
        network_events=config.trail.network_events,
    )
    return "" if selectors == ALL_MANAGEMENT else write(selectors)


def blueprint_for(config: Config, estate: Estate) -> Blueprint:
    """Return what must exist in the organization that was observed."""
    account = estate.archive_account if isinstance(estate.archive_account, str) else config.archive.account
    return draw_blueprint(config, partition=estate.caller.partition, archive_account=account or NEW_ACCOUNT)
