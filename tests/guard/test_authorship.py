"""Which event made a drift: each action against the events that CloudTrail writes for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estates import config, in_force, planned, with_facts
from trailkeep.guard.authorship import Author, Event, author_of
from trailkeep.guard.authorship_questions import questions
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Estate
from trailkeep.guard.guard_documents import ARCHIVE_SCP

BUCKET = "acme-trail-archive"
ARN = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep"
S3, TRAIL, ORG = (f"{service}.amazonaws.com" for service in ("s3", "cloudtrail", "organizations"))
AT = datetime(2026, 1, 2, tzinfo=UTC)
ABSENT = {"fact": "Absent"}
PUBLIC = {
    "fact": "PublicAccessBlock",
    "block_public_acls": True,
    "ignore_public_acls": True,
    "block_public_policy": False,
    "restrict_public_buckets": True,
}
SWITCHES = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
POLICY = json.loads(blueprint_for(config(), in_force()).bucket_policy)


def event(source: str, name: str, asked: dict[str, Any], number: int = 0, **more: Any) -> Event:
    """Return an event of the management account, one minute later for each number."""
    whole = {
        "event_id": f"event-{number}",
        "source": source,
        "name": name,
        "at": AT + timedelta(minutes=number),
        "account": "111111111111",
        "region": "eu-central-1",
        "principal": "arn:aws:iam::111111111111:user/mallory",
        "source_ip": "198.51.100.7",
        "access_key": "",
        "asked": asked,
        "answered": {},
        **more,
    }
    return Event(**whole)


def authors(estate: Estate, *events: Event) -> dict[str, str]:
    """Return the event that made each line of the plan for ``config()``."""
    plan = planned(config(), estate, Allowance.LIFT_GUARDS)
    found = (author_of(question, events) for question in questions(plan, blueprint_for(config(), estate)))
    return {author.action: author.event_id for author in found if author}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A drift, what made it, and what would have repaired it."""

    facts: dict[str, Any]
    line: str
    made: Event
    repaired: Event | None = None
    others: tuple[Event, ...] = field(default=())


def _s3(name: str, **asked: Any) -> Event:
    return event(S3, name, {"bucketName": BUCKET, **asked})


CASES = {
    "public access": Case(
        facts={"bucket.public_access_block": PUBLIC},
        line="bucket.public_access",
        made=_s3(
            "PutBucketPublicAccessBlock",
            PublicAccessBlockConfiguration=SWITCHES | {"BlockPublicPolicy": False},
        ),
        repaired=_s3("PutBucketPublicAccessBlock", PublicAccessBlockConfiguration=SWITCHES),
        others=(event(S3, "DeleteBucketPublicAccessBlock", {"bucketName": f"{BUCKET}-old"}),),
    ),
    "ownership": Case(
        facts={"bucket.ownership": ABSENT},
        line="bucket.ownership",
        made=_s3("DeleteBucketOwnershipControls"),
        repaired=_s3(
            "PutBucketOwnershipControls",
            OwnershipControls={"Rule": {"ObjectOwnership": "BucketOwnerEnforced"}},
        ),
    ),
    "versioning": Case(
        facts={"bucket.versioning": "Suspended"},
        line="bucket.versioning",
        made=_s3("PutBucketVersioning", VersioningConfiguration={"Status": "Suspended"}),
        repaired=_s3("PutBucketVersioning", VersioningConfiguration={"Status": "Enabled"}),
    ),
    "requester pays": Case(
        facts={"bucket.request_payer": "Requester"},
        line="bucket.request_payment",
        made=_s3("PutBucketRequestPayment", RequestPaymentConfiguration={"Payer": "Requester"}),
        repaired=_s3("PutBucketRequestPayment", RequestPaymentConfiguration={"Payer": "BucketOwner"}),
    ),
    "lock": Case(
        facts={"bucket.object_lock": {"fact": "ObjectLock", "mode": "GOVERNANCE", "days": 1}},
        line="bucket.object_lock",
        made=_s3(
            "PutBucketObjectLockConfiguration",
            ObjectLockConfiguration={"Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}},
        ),
        repaired=_s3(
            "PutBucketObjectLockConfiguration",
            ObjectLockConfiguration={"Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 400}}},
        ),
    ),
    "bucket policy": Case(
        facts={"bucket.policy": ABSENT},
        line="bucket.policy",
        made=_s3("DeleteBucketPolicy"),
        repaired=_s3("PutBucketPolicy", bucketPolicy=POLICY),
    ),
    "bucket gone": Case(
        facts={"bucket": ABSENT},
        line="bucket.create",
        made=_s3("DeleteBucket"),
        others=(_s3("DeleteBucketPolicy"),),
    ),
    "trail stopped": Case(
        facts={"trails.0.status.is_logging": False},
        line="trail.start",
        made=event(TRAIL, "StopLogging", {"name": ARN}),
        repaired=event(TRAIL, "StartLogging", {"name": "trailkeep"}),
        others=(
            event(TRAIL, "StopLogging", {"name": "trailkeep"}, 5, account="333333333333"),
            event(TRAIL, "StopLogging", {"name": "trailkeep"}, 5, region="us-east-1"),
        ),
    ),
    "trail narrowed": Case(
        facts={"trails.0.is_multi_region": False},
        line="trail.update",
        made=event(TRAIL, "UpdateTrail", {"name": "trailkeep", "isMultiRegionTrail": False}),
        repaired=event(TRAIL, "UpdateTrail", {"name": "trailkeep", "isMultiRegionTrail": True}),
        others=(event(TRAIL, "UpdateTrail", {"name": "trailkeep", "snsTopicName": "news"}, 5),),
    ),
    "trail redirected": Case(
        facts={"trails.0.bucket": "elsewhere"},
        line="trail.update",
        made=event(TRAIL, "UpdateTrail", {"name": ARN, "s3BucketName": "elsewhere"}),
        repaired=event(TRAIL, "UpdateTrail", {"name": ARN, "s3BucketName": BUCKET}),
    ),
    "trail gone": Case(
        facts={"trails": []},
        line="trail.create",
        made=event(TRAIL, "DeleteTrail", {"name": "trailkeep"}),
        repaired=event(TRAIL, "CreateTrail", {"name": "trailkeep", "s3BucketName": BUCKET}),
    ),
    "trusted access": Case(
        facts={"trusted_services": []},
        line="trust.enable",
        made=event(ORG, "DisableAWSServiceAccess", {"servicePrincipal": "cloudtrail.amazonaws.com"}),
        repaired=event(ORG, "EnableAWSServiceAccess", {"servicePrincipal": "cloudtrail.amazonaws.com"}),
        others=(event(ORG, "DisableAWSServiceAccess", {"servicePrincipal": "sso.amazonaws.com"}, 5),),
    ),
    "policy type": Case(
        facts={"roots.0.policy_types": []},
        line="scp.enable",
        made=event(ORG, "DisablePolicyType", {"rootId": "r-root", "policyType": "SERVICE_CONTROL_POLICY"}),
        repaired=event(ORG, "EnablePolicyType", {"rootId": "r-root", "policyType": "SERVICE_CONTROL_POLICY"}),
        others=(event(ORG, "DisablePolicyType", {"rootId": "r-root", "policyType": "TAG_POLICY"}, 5),),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_who_made_it(name: str) -> None:
    """The event that made a drift is found among others, and nobody is named once a later one repaired it."""
    case = CASES[name]
    estate = with_facts(in_force(), case.facts)
    assert authors(estate, *case.others).get(case.line) is None
    assert authors(estate, case.made, *case.others)[case.line] == case.made.event_id
    if case.repaired:
        later = event(case.repaired.source, case.repaired.name, dict(case.repaired.asked), 9)
        assert authors(estate, case.made, later, *case.others).get(case.line) is None


def test_guard_detached() -> None:
    """Who detached the guard is named; the detaching that a plan itself proposes is nobody's."""
    start = in_force()
    assert isinstance(start.service_control_policies, tuple)
    place = next(n for n, policy in enumerate(start.service_control_policies) if policy.name == ARCHIVE_SCP)
    policy = start.service_control_policies[place].id
    asked = {"policyId": policy, "targetId": "222222222222"}
    gone = with_facts(start, {f"service_control_policies.{place}.targets": []})
    assert authors(gone, event(ORG, "DetachPolicy", asked)) == {"scp.attach": "event-0"}
    assert authors(gone, event(ORG, "DetachPolicy", asked | {"targetId": "333333333333"})) == {}
    by_kind = (
        ("SERVICE_CONTROL_POLICY", {"scp.attach": "event-0"}),
        ("RESOURCE_CONTROL_POLICY", {}),
        ("TAG_POLICY", {}),
    )
    for kind, named in by_kind:
        assert (
            authors(gone, event(ORG, "DisablePolicyType", {"rootId": "r-root", "policyType": kind})) == named
        )
    bucket = with_facts(start, {"bucket.versioning": "Suspended"})
    assert "scp.detach" in [action.id for action in planned(config(), bucket, Allowance.LIFT_GUARDS).actions]
    assert authors(bucket, event(ORG, "DetachPolicy", asked)) == {}


def test_guard_deleted() -> None:
    """A guard that is gone is known by the id that it was created with; the deletion names nothing else."""
    gone = with_facts(in_force(), {"service_control_policies": []})
    made = event(
        ORG,
        "CreatePolicy",
        {"name": ARCHIVE_SCP, "type": "SERVICE_CONTROL_POLICY"},
        1,
        answered={"policy": {"policySummary": {"id": "p-Ours", "name": ARCHIVE_SCP}}},
    )
    other = event(ORG, "DeletePolicy", {"policyId": "p-other"}, 3)
    ours = event(ORG, "DeletePolicy", {"policyId": "p-Ours"}, 2)
    assert authors(gone, made, other) == {}
    assert authors(gone, made, ours, other) == {"scp.create": "event-2"}


@given(st.permutations(range(6)), st.integers(0, 5))
def test_the_newest_writer_counts(order: list[int], repairs: int) -> None:
    """In whatever order the events come, the newest decides, and names somebody only if it did not repair."""
    estate = with_facts(in_force(), {"trails.0.status.is_logging": False})
    names = ["StartLogging" if number == repairs else "StopLogging" for number in range(6)]
    events = [event(TRAIL, names[number], {"name": ARN}, number) for number in order]
    expected = {} if repairs == 5 else {"trail.start": "event-5"}
    assert authors(estate, *events) == expected


def test_author_is_told_whole() -> None:
    """An author has the event's id, name, time, principal, address and access key."""
    estate = with_facts(in_force(), {"trails.0.status.is_logging": False})
    plan = planned(config(), estate)
    (question,) = questions(plan, blueprint_for(config(), estate))
    assert author_of(question, [event(TRAIL, "StopLogging", {"name": ARN}, access_key="AKIA")]) == Author(
        action="trail.start",
        observed="",
        event_id="event-0",
        event_name="StopLogging",
        at=AT,
        principal="arn:aws:iam::111111111111:user/mallory",
        source_ip="198.51.100.7",
        access_key="AKIA",
    )
