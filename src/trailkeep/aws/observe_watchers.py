"""Reads what tells a person of changes to a trail: EventBridge rules, and metric filters with alarms.

A rule is heard when it is enabled and has a target, a metric filter when an alarm of its metric has an
action. Whether anybody reads what they send is not known here.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudwatch-alarms-for-cloudtrail.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trailkeep.aws.reading import read
from trailkeep.aws.session import Accounts
from trailkeep.guard.audit_facts import Watcher
from trailkeep.guard.estate import Trail, Unreadable
from trailkeep.guard.matching import split_arn

__all__ = ["observe_watchers"]


def observe_watchers(accounts: Accounts, trail: Trail | None) -> tuple[Watcher, ...] | Unreadable:
    """Return what watches for CloudTrail's calls, in the trail's home region and for its log group."""
    if trail is None:
        return ()
    rules = read("events:ListRules", lambda: tuple(_rules(accounts, trail.home_region)))
    if isinstance(rules, Unreadable) or not trail.log_group:
        return rules
    group = split_arn(trail.log_group)
    if group is None:
        return Unreadable(call="logs:DescribeMetricFilters", error=f"expected an ARN, got {trail.log_group}")
    name = group[5].removeprefix("log-group:").removesuffix(":*")
    filters = read("logs:DescribeMetricFilters", lambda: tuple(_filters(accounts, group[3], name)))
    return filters if isinstance(filters, Unreadable) else (*rules, *filters)


def _rules(accounts: Accounts, region: str) -> Iterator[Watcher]:
    client = accounts.service("events", region)
    for page in client.get_paginator("list_rules").paginate():
        for rule in page["Rules"]:
            pattern = rule.get("EventPattern", "")
            if "cloudtrail" not in pattern:
                continue
            targets = client.list_targets_by_rule(Rule=rule["Name"]).get("Targets", [])
            is_on = str(rule.get("State", "")).startswith("ENABLED")
            yield Watcher(name=f"rule {rule['Name']}", looks_for=pattern, is_heard=is_on and bool(targets))


def _filters(accounts: Accounts, region: str, group: str) -> Iterator[Watcher]:
    client = accounts.service("logs", region)
    for page in client.get_paginator("describe_metric_filters").paginate(logGroupName=group):
        for found in page["metricFilters"]:
            yield Watcher(
                name=f"metric filter {found['filterName']}",
                looks_for=found.get("filterPattern", ""),
                is_heard=any(_alarms(accounts, region, metric) for metric in found["metricTransformations"]),
            )


def _alarms(accounts: Accounts, region: str, metric: Any) -> bool:
    client = accounts.service("cloudwatch", region)
    found = client.describe_alarms_for_metric(
        MetricName=metric["metricName"], Namespace=metric["metricNamespace"]
    )
    alarms = found["MetricAlarms"]
    return any(alarm.get("ActionsEnabled") and alarm.get("AlarmActions") for alarm in alarms)
