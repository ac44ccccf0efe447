"""LookupEvents in the embedded AWS answers as CloudTrail's Event history does."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from histories import EU, PROD, STAGING, US, happened, present, remember, spread
from sandbox_archives import attach, refused
from trailkeep.sandbox.delivery import deliver
from trailkeep.sandbox.organization import Sandbox

pytestmark = pytest.mark.sandbox
MINUTE = timedelta(minutes=1)


def _ids(answer: dict[str, Any]) -> list[str]:
    return [event["EventId"] for event in answer["Events"]]


def _all_ids(client: Any, **asked: Any) -> list[str]:
    pages = client.get_paginator("lookup_events").paginate(**asked)
    return [event_id for page in pages for event_id in _ids(page)]


def test_events_come_newest_first_in_pages_of_50(sandbox: Sandbox) -> None:
    """A page holds 50 events, the newest first, and tokens lead to every other one."""
    told = remember(sandbox, spread(120, apart=MINUTE, ends_at=present()))
    client = sandbox.client("cloudtrail", PROD, region=EU)
    expected = [json.loads(activity.record)["eventID"] for activity in reversed(told)]
    assert _ids(client.lookup_events()) == expected[:50]
    assert _all_ids(client) == expected


def test_an_event_is_told_in_cloudtrails_words(sandbox: Sandbox) -> None:
    """An event has its attributes beside the record, which is the text that a trail would deliver."""
    at = present()
    [told] = remember(
        sandbox, [happened(3, at=at, resources=[{"ARN": "arn:aws:s3:::a", "type": "AWS::S3::Bucket"}])]
    )
    [event] = sandbox.client("cloudtrail", PROD, region=EU).lookup_events()["Events"]
    assert event == {
        "EventId": "00000000-0000-4000-8000-000000000003",
        "EventName": "ListBuckets",
        "ReadOnly": "true",
        "AccessKeyId": "AKIA0000000000000003",
        "EventTime": at,
        "EventSource": "s3.amazonaws.com",
        "Username": "user-0",
        "Resources": [{"ResourceType": "AWS::S3::Bucket", "ResourceName": "arn:aws:s3:::a"}],
        "CloudTrailEvent": told.record.decode(),
    }


def test_a_history_is_of_one_account_and_region(sandbox: Sandbox) -> None:
    """Nothing is seen from another account or region."""
    remember(sandbox, [happened(1, at=present())])
    assert _all_ids(sandbox.client("cloudtrail", PROD, region=EU))
    assert not _all_ids(sandbox.client("cloudtrail", PROD, region=US))
    assert not _all_ids(sandbox.client("cloudtrail", STAGING, region=EU))


def test_only_management_events_of_90_days_are_kept(sandbox: Sandbox) -> None:
    """Data events, and events of more than 90 days ago, are not in Event history."""
    now = present()
    remember(
        sandbox,
        [
            happened(1, at=now - timedelta(days=90, minutes=1)),
            happened(2, at=now - timedelta(days=89)),
            happened(3, at=now, managementEvent=False, eventCategory="Data"),
            happened(4, at=now + timedelta(hours=1)),
        ],
    )
    client = sandbox.client("cloudtrail", PROD, region=EU)
    found = _all_ids(client, StartTime=now - timedelta(days=400), EndTime=now + timedelta(days=1))
    assert [event_id[-1] for event_id in found] == ["2"]


def test_event_history_needs_no_trail(sandbox: Sandbox) -> None:
    """Activities that no trail takes are in Event history all the same."""
    report = deliver(sandbox, [happened(1, at=present())])
    assert report.lost_events == 1
    assert _all_ids(sandbox.client("cloudtrail", PROD, region=EU))


def test_a_time_range_has_both_its_ends_within(sandbox: Sandbox) -> None:
    """Events at the very start and the very end of the time asked for are answered."""
    now = present()
    remember(sandbox, spread(5, apart=MINUTE, ends_at=now))
    client = sandbox.client("cloudtrail", PROD, region=EU)
    found = _all_ids(client, StartTime=now - 3 * MINUTE, EndTime=now - MINUTE)
    assert [event_id[-1] for event_id in found] == ["3", "2", "1"]
    with refused("InvalidTimeRangeException"):
        client.lookup_events(StartTime=now, EndTime=now - MINUTE)


@pytest.mark.parametrize("size", [51, 1000])
def test_a_page_holds_at_most_50_events(sandbox: Sandbox, size: int) -> None:
    """More than 50 results are refused."""
    with refused("InvalidMaxResultsException", str(size)):
        sandbox.client("cloudtrail", PROD, region=EU).lookup_events(MaxResults=size)


def test_a_token_belongs_to_its_request(sandbox: Sandbox) -> None:
    """A token is refused with other parameters, in another region, and when it was made up."""
    remember(sandbox, spread(5, apart=MINUTE, ends_at=present()))
    client = sandbox.client("cloudtrail", PROD, region=EU)
    token = client.lookup_events(MaxResults=2)["NextToken"]
    assert len(_ids(client.lookup_events(MaxResults=2, NextToken=token))) == 2
    for other, asked in (
        (client, {"MaxResults": 3, "NextToken": token}),
        (client, {"MaxResults": 2, "NextToken": "made-up"}),
        (sandbox.client("cloudtrail", PROD, region=US), {"MaxResults": 2, "NextToken": token}),
    ):
        with refused("InvalidNextTokenException"):
            other.lookup_events(**asked)


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("EventName", "CreateBucket", ["4", "1"]),
        ("EventId", "00000000-0000-4000-8000-000000000002", ["2"]),
        ("Username", "user-2", ["2"]),
        ("ReadOnly", "true", ["3", "0"]),
        ("AccessKeyId", "AKIA0000000000000004", ["4"]),
        ("EventSource", "ec2.amazonaws.com", []),
    ],
)
def test_one_attribute_can_be_looked_up(sandbox: Sandbox, key: str, value: str, found: list[str]) -> None:
    """Events are found by one attribute; a second one, or one that does not exist, is refused."""
    remember(sandbox, spread(5, apart=MINUTE, ends_at=present()))
    client = sandbox.client("cloudtrail", PROD, region=EU)
    one = {"AttributeKey": key, "AttributeValue": value}
    assert [event_id[-1] for event_id in _all_ids(client, LookupAttributes=[one])] == found
    for wrong in ([one, one], [{"AttributeKey": "Color", "AttributeValue": "red"}]):
        with refused("InvalidLookupAttributesException"):
            client.lookup_events(LookupAttributes=wrong)


def test_the_limit_of_two_a_second_counts_for_each_history(sandbox: Sandbox) -> None:
    """With the limit on, a third call within a second is throttled, one in another region is not."""
    sandbox.history.requests_per_second = 2
    client = sandbox.client("cloudtrail", PROD, region=EU)
    client.lookup_events()
    client.lookup_events()
    with refused("ThrottlingException", "Rate exceeded"):
        client.lookup_events()
    sandbox.client("cloudtrail", PROD, region=US).lookup_events()


def test_a_service_control_policy_can_forbid_it(sandbox: Sandbox) -> None:
    """LookupEvents is authorized like every other call."""
    statement = {"Effect": "Deny", "Action": "cloudtrail:LookupEvents", "Resource": "*"}
    attach(sandbox, {"Version": "2012-10-17", "Statement": [statement]}, target=PROD)
    with refused("AccessDeniedException", "cloudtrail:LookupEvents"):
        sandbox.client("cloudtrail", PROD, region=EU).lookup_events()
    sandbox.client("cloudtrail", STAGING, region=EU).lookup_events()
