"""Where a trail also tells of its logs: an SNS topic, and a CloudWatch Logs group for a live feed.

1. A feed that the configuration does not name stays as it is.
2. A feed that is missing is added.
3. A feed to another place stays, because its readers would go blind, until ``redirect-trail`` is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.changes import Change
from trailkeep.guard.decisions import Allowance, Kept
from trailkeep.guard.estate import Trail

__all__ = ["Feeds", "feeds", "kept_feeds", "new_feeds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeds:
    """What is to be set, empty where a feed stays; ``replaces`` where one goes elsewhere from then on."""

    sns_topic: str = ""
    log_group: str = ""
    log_role: str = ""
    changes: tuple[Change, ...] = ()
    replaces: bool = False


def new_feeds(blueprint: Blueprint) -> Feeds:
    """Return the feeds of a new trail."""
    wanted = {"SNS topic": blueprint.sns_topic, "CloudWatch Logs group": blueprint.log_group}
    return Feeds(
        sns_topic=blueprint.sns_topic,
        log_group=blueprint.log_group,
        log_role=blueprint.log_role,
        changes=tuple(Change(field=name, before="", after=arn) for name, arn in wanted.items() if arn),
    )


def feeds(blueprint: Blueprint, trail: Trail, allow: frozenset[Allowance]) -> Feeds:
    """Return the feeds that are to be set on an existing trail."""
    changes = [
        change
        for change in _differences(blueprint, trail)
        if not change.before or Allowance.REDIRECT_TRAIL in allow
    ]
    fields = {change.field for change in changes}
    logs = bool(fields & {"CloudWatch Logs group", "CloudWatch Logs role"})
    return Feeds(
        sns_topic=blueprint.sns_topic if "SNS topic" in fields else "",
        log_group=blueprint.log_group if logs else "",
        log_role=blueprint.log_role if logs else "",
        changes=tuple(changes),
        replaces=any(change.before for change in changes),
    )


def kept_feeds(blueprint: Blueprint, trail: Trail, allow: frozenset[Allowance]) -> Iterator[Kept]:
    """Yield the feeds that go somewhere else, and stay."""
    for change in _differences(blueprint, trail):
        if change.before and Allowance.REDIRECT_TRAIL not in allow:
            reason = f"its {change.field} is {change.before}, {change.after} is asked for"
            yield Kept(target=trail.arn, reason=reason, allow=Allowance.REDIRECT_TRAIL)


def _differences(blueprint: Blueprint, trail: Trail) -> Iterator[Change]:
    wanted = [
        ("SNS topic", trail.sns_topic, blueprint.sns_topic),
        ("CloudWatch Logs group", trail.log_group, blueprint.log_group),
        ("CloudWatch Logs role", trail.log_role, blueprint.log_role),
    ]
    for field, before, after in wanted:
        if after and before != after:
            yield Change(field=field, before=before, after=after)
