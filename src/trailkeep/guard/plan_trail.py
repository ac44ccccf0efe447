"""The trail's part of a plan; a trail is created, corrected and started, never deleted."""

from __future__ import annotations

from collections.abc import Iterator

from trailkeep.core.errors import ConfigError
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import Change, CreateTrail, StartLogging, UpdateTrail
from trailkeep.guard.decisions import Allowance, Blocked, Decision, unknown
from trailkeep.guard.estate import Absent, Estate, Trail, Unreadable
from trailkeep.guard.plan_feeds import Feeds, feeds, kept_feeds, new_feeds
from trailkeep.guard.plan_recording import recursive_logging

__all__ = ["decide", "observed_trail"]


def decide(blueprint: Blueprint, estate: Estate, allow: frozenset[Allowance]) -> Iterator[Decision]:
    """Yield what is missing of the trail.

    Raises:
        ConfigError: a trail of this name has another home region; no plan can move it.
    """
    match observed_trail(blueprint, estate):
        case Unreadable() as fact:
            yield unknown(fact, f"whether the trail {blueprint.trail} exists and what it records")
        case Absent():
            yield _create(blueprint)
            yield _start(blueprint, "", "a new trail records nothing until it is started")
        case Trail() as trail:
            yield from _existing(blueprint, trail, allow)


def observed_trail(blueprint: Blueprint, estate: Estate) -> Trail | Absent | Unreadable:
    """Return what was observed of the trail that the blueprint names."""
    if isinstance(estate.trails, Unreadable):
        return estate.trails
    named = [trail for trail in estate.trails if trail.name == blueprint.trail]
    ours = [trail for trail in named if trail.arn == blueprint.trail_arn]
    return ours[0] if ours else named[0] if named else Absent()


def _existing(blueprint: Blueprint, trail: Trail, allow: frozenset[Allowance]) -> Iterator[Decision]:
    if trail.arn != blueprint.trail_arn:
        raise ConfigError(
            "trail.name",
            f"expected no other trail of this name, got {trail.arn}; "
            f"choose another name{_or_region(blueprint, trail)}",
        )
    if trail.is_organization_trail and not blueprint.is_of_organization:
        raise ConfigError(
            "trail.name",
            f"expected a trail of this account alone, got {trail.arn}, which records an organization; "
            'choose another name, or set mode = "organization"',
        )
    recursive = recursive_logging(blueprint, trail, allow)
    fed = feeds(blueprint, trail, allow)
    if changes := (*_differences(blueprint, trail), *_recursive_change(trail, recursive), *fed.changes):
        action = UpdateTrail(
            id="trail.update",
            target=trail.arn,
            account=blueprint.management_account,
            reason=_reason(blueprint, trail, recursive, fed),
            destructive=trail.bucket != blueprint.bucket or fed.replaces,
            changes=changes,
            arn=trail.arn,
            region=blueprint.trail_region,
            bucket=blueprint.bucket,
            clear_prefix=trail.prefix != "",
            is_organization_trail=blueprint.is_of_organization,
            recursive_logging=recursive,
            sns_topic=fed.sns_topic,
            log_group=fed.log_group,
            log_role=fed.log_role,
        )
        if action.destructive and Allowance.REDIRECT_TRAIL not in allow:
            reason = f"logs would no longer arrive in {trail.bucket}"
            yield Blocked(action=action, allow=Allowance.REDIRECT_TRAIL, reason=reason)
        else:
            yield action
    yield from kept_feeds(blueprint, trail, allow)
    if isinstance(trail.status, Unreadable):
        yield unknown(trail.status, f"whether the trail {trail.name} is logging")
    elif not trail.status.is_logging:
        yield _start(blueprint, "stopped", "the trail is stopped")


def _or_region(blueprint: Blueprint, trail: Trail) -> str:
    """Return the other way out where the trail is the account's own; one of the organization is not."""
    if trail.arn.split(":")[4] != blueprint.management_account:
        return ""
    return f", or set trail.region to {trail.home_region} if that trail is meant"


def _differences(blueprint: Blueprint, trail: Trail) -> Iterator[Change]:
    wanted: list[tuple[str, str | bool, str | bool]] = [
        ("organization trail", trail.is_organization_trail, blueprint.is_of_organization),
        ("multi-region", trail.is_multi_region, True),
        ("global service events", trail.includes_global_events, True),
        ("log file validation", trail.validates_logs, True),
        ("bucket", trail.bucket, blueprint.bucket),
        ("key prefix", trail.prefix, ""),
    ]
    for field, before, after in wanted:
        if before != after:
            yield Change(field=field, before=_word(before), after=_word(after) or "none")


def _recursive_change(trail: Trail, recursive: bool | None) -> Iterator[Change]:  # noqa: FBT001 - a value
    if recursive is not None and trail.recursive_logging is not None:
        before, after = _word(trail.recursive_logging), _word(recursive)
        yield Change(field="recursive logging", before=before, after=after)


def _reason(
    blueprint: Blueprint,
    trail: Trail,
    recursive: bool | None,  # noqa: FBT001 - a value
    fed: Feeds,
) -> str:
    faults = {
        "it is the trail of a single account": blueprint.is_of_organization
        and not trail.is_organization_trail,
        "it records one region only": not trail.is_multi_region,
        "it leaves global services out": not trail.includes_global_events,
        "its logs cannot be validated": not trail.validates_logs,
        f"it delivers to {trail.bucket}, not {blueprint.bucket}": trail.bucket != blueprint.bucket,
        f"it delivers below {trail.prefix!r}, where the bucket policy does not let it": trail.prefix != "",
        "CloudTrail's own deliveries are recorded, each as an event": recursive is False,
        "CloudTrail's own deliveries are not recorded": recursive is True,
        "it does not tell of its logs where it is asked to": fed.changes != (),
    }
    return "; ".join(fault for fault, is_so in faults.items() if is_so)


def _create(blueprint: Blueprint) -> CreateTrail:
    fed = new_feeds(blueprint)
    of_organization = blueprint.is_of_organization
    return CreateTrail(
        id="trail.create",
        target=blueprint.trail_arn,
        account=blueprint.management_account,
        reason=f"the {'management ' if of_organization else ''}account has no trail of this name",
        changes=(
            Change(field="organization trail", before="", after=_word(of_organization)),
            Change(field="multi-region", before="", after="yes"),
            Change(field="global service events", before="", after="yes"),
            Change(field="log file validation", before="", after="yes"),
            Change(field="bucket", before="", after=blueprint.bucket),
            Change(field="recursive logging", before="", after=_word(blueprint.recursive_logging)),
            *fed.changes,
        ),
        name=blueprint.trail,
        region=blueprint.trail_region,
        bucket=blueprint.bucket,
        is_organization_trail=of_organization,
        recursive_logging=blueprint.recursive_logging,
        sns_topic=fed.sns_topic,
        log_group=fed.log_group,
        log_role=fed.log_role,
    )


def _start(blueprint: Blueprint, before: str, reason: str) -> StartLogging:
    return StartLogging(
        id="trail.start",
        target=blueprint.trail_arn,
        account=blueprint.management_account,
        reason=reason,
        changes=(Change(field="logging", before=before, after="started"),),
        arn=blueprint.trail_arn,
        region=blueprint.trail_region,
    )


def _word(value: str | bool) -> str:  # noqa: FBT001 - a value to be shown, not a switch
    return value if isinstance(value, str) else "yes" if value else "no"
