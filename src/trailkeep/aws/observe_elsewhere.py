"""Reads the trails that DescribeTrails does not show: of one Region alone, and that another one.

``ListTrails`` names every trail of the account with its home Region in one paginated call; only a Region that
is the home of such a trail is asked.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListTrails.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trailkeep.aws.reading import read
from trailkeep.aws.session import Accounts
from trailkeep.guard.estate import Trail, Unreadable

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient

__all__ = ["observe_elsewhere"]


def observe_elsewhere(
    accounts: Accounts,
    region: str,
    known: tuple[Trail, ...] | Unreadable,
    read_trail: Callable[[CloudTrailClient, dict[str, Any]], Trail],
) -> tuple[Trail, ...] | Unreadable:
    """Return the trails of other Regions that are not among the ``known`` ones of ``region``."""
    if isinstance(known, Unreadable):
        return known
    listed = read("cloudtrail:ListTrails", lambda: _homes(accounts.cloudtrail(region)))
    if isinstance(listed, Unreadable):
        return listed
    named = {trail.arn for trail in known}
    homes = defaultdict[str, list[str]](list)
    for arn, home in sorted(listed.items()):
        if arn not in named and home != region:
            homes[home].append(arn)
    found: list[Trail] = []
    for home, arns in homes.items():
        described = _described(accounts.cloudtrail(home), arns)
        if isinstance(described, Unreadable):
            return Unreadable(call=described.call, error=f"in {home}: {described.error}")
        found += [read_trail(accounts.cloudtrail(home), one) for one in described]
    return tuple(found)


def _homes(client: CloudTrailClient) -> dict[str, str]:
    pages = client.get_paginator("list_trails").paginate()
    return {trail["TrailARN"]: trail["HomeRegion"] for page in pages for trail in page["Trails"]}


def _described(client: CloudTrailClient, arns: list[str]) -> list[dict[str, Any]] | Unreadable:
    def get() -> list[dict[str, Any]]:
        said = client.describe_trails(trailNameList=arns, includeShadowTrails=False)["trailList"]
        return [dict(trail) for trail in said if trail["TrailARN"] in arns]

    return read("cloudtrail:DescribeTrails", get)
