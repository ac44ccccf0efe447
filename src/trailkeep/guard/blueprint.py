"""What must exist, computed from ``trailkeep.toml`` and three facts of the organization."""

from __future__ import annotations

from typing import Any

import msgspec

from trailkeep.core.arn import trail_arn
from trailkeep.core.config import Config
from trailkeep.guard.documents import archive_scp, bucket_policy, compact
from trailkeep.guard.estate import Estate
from trailkeep.guard.selectors import ALL_MANAGEMENT, wanted, write

__all__ = ["NEW_ACCOUNT", "SCP_NAME", "Blueprint", "blueprint_for", "draw_blueprint"]

NEW_ACCOUNT = "<archive account>"
"""Stands for the id of an archive account that is yet to be created, also inside documents."""

SCP_NAME = "trailkeep-archive"


class Blueprint(msgspec.Struct, frozen=True, kw_only=True):
    """What must exist; ``archive_account`` is NEW_ACCOUNT while it must be created.

    ``bucket_policy`` and ``scp`` are compact JSON texts, ``scp`` is empty where none is wanted.
    ``event_selectors`` is a compact JSON text, empty where CloudTrail's default, all management events,
    is what is wanted.
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
    retention_days: int
    lock_mode: str
    trail: str
    trail_region: str
    trail_arn: str
    scp: str
    event_selectors: str = ""
    insights: tuple[str, ...] = ()
    recursive_logging: bool = False
    sns_topic: str = ""
    log_group: str = ""
    log_role: str = ""
    delegated_administrator: str = ""


def draw_blueprint(config: Config, *, partition: str, archive_account: str) -> Blueprint:
    """Return what must exist in this partition, with this account (or NEW_ACCOUNT) as the archive.

    Raises:
        ConfigError: the trail is asked to select more than CloudTrail takes.
    """
    trail = trail_arn(
        partition=partition,
        region=config.trail_region,
        account_id=config.organization.management_account,
        name=config.trail.name,
    )
    policy: dict[str, Any] = bucket_policy(
        partition=partition,
        bucket=config.archive.bucket,
        organization_id=config.organization.id,
        management_account=config.organization.management_account,
        trail=trail,
    )
    scp = archive_scp(partition=partition, bucket=config.archive.bucket, archive_account=archive_account)
    return Blueprint(
        partition=partition,
        organization_id=config.organization.id,
        management_account=config.organization.management_account,
        archive_account=archive_account,
        account_name=config.archive.account_name,
        account_email=config.archive.account_email,
        access_role=config.archive.access_role,
        bucket=config.archive.bucket,
        bucket_region=config.archive.region,
        bucket_policy=compact(policy),
        retention_days=config.retention.days,
        lock_mode=config.retention.lock_mode,
        trail=config.trail.name,
        trail_region=config.trail_region,
        trail_arn=trail,
        scp=compact(scp) if config.guards.scp else "",
        event_selectors=_event_selectors(config, partition),
        insights=tuple(sorted(set(config.trail.insights))),
        recursive_logging=config.trail.recursive_logging,
        sns_topic=config.trail.sns_topic,
        log_group=config.trail.cloudwatch_log_group,
        log_role=config.trail.cloudwatch_role,
        delegated_administrator=config.trail.delegated_administrator,
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
