"""Which event made a drift: each action against the events that CloudTrail writes for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estates import config, in_force, nothing, planned, with_facts
from trailkeep.core.config import Config
from trailkeep.core.fields import Value
from trailkeep.guard.authorship import Author, Event, author_of
from trailkeep.guard.authorship_questions import questions
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Estate, Key
from trailkeep.guard.guard_documents import ARCHIVE_SCP
from trailkeep.guard.key_policy import ALIAS
from trailkeep.guard.model import apply_all

BUCKET = "acme-trail-archive"
ARN = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep"
S3, TRAIL, ORG, KMS = (f"{service}.amazonaws.com" for service in ("s3", "cloudtrail", "organizations", "kms"))
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
WRITES = json.dumps(
    {
        "EventSelectors": [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}],
        "AdvancedEventSelectors": [],
    }
)
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


def authors(estate: Estate, *events: Event, settings: Config | None = None) -> dict[str, str]:
    """Return the event that made each line of the plan for ``config()``, or for other settings."""
    settings = settings or config()
    plan = planned(settings, estate, Allowance.LIFT_GUARDS)
    found = (author_of(question, events) for question in questions(plan, blueprint_for(settings, estate)))
    return {author.action: author.event_id for author in found if author}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A drift, what made it, and what would have repaired it; ``settings`` are asked for beside the usual."""

    facts: dict[str, Any]
    line: str
    made: Event
    repaired: Event | None = None
    others: tuple[Event, ...] = field(default=())
    settings: Mapping[str, Value] = field(default_factory=dict)


def _s3(name: str, **asked: Any) -> Event:
    return event(S3, name, {"bucketName": BUCKET, **asked})


LOG_ARCHIVE: dict[str, Any] = {"account": "222222222222"}
RULE = {
    "ID": "trailkeep-uploads",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}
SELECTOR = {"name": "all", "fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}]}
INSIGHTS = {"trail.insights": ("ApiCallRateInsight",)}
OWN_KEY = {"archive.encryption": "sse-kms"}
STATE = apply_all(nothing(), planned(config(OWN_KEY), nothing()).actions)
KEY = STATE.key.arn if isinstance(STATE.key, Key) else ""


def _kms(name: str, **asked: Any) -> Event:
    return event(KMS, name, asked, **LOG_ARCHIVE)


def _trail(name: str, **asked: Any) -> Event:
    return event(TRAIL, name, {"trailName": "trailkeep", **asked})


CASES = {
    "lifecycle": Case(
        facts={"bucket.lifecycle": ABSENT},
        line="bucket.lifecycle",
        made=_s3("PutBucketLifecycle", LifecycleConfiguration={"Rule": RULE | {"Status": "Disabled"}}),
        repaired=_s3(
            "PutBucketLifecycle", LifecycleConfiguration={"Rule": [RULE | {"Filter": {}}, {"ID": "x"}]}
        ),
    ),
    "tags": Case(
        facts={"bucket.tags": ABSENT},
        line="bucket.tags",
        made=_s3("DeleteBucketTagging"),
        repaired=_s3(
            "PutBucketTagging", Tagging={"TagSet": {"Tag": {"Key": "managed-by", "Value": "trailkeep"}}}
        ),
    ),
    "account's public access": Case(
        facts={"account_public_access_block": ABSENT},
        line="account.public_access",
        made=event(S3, "DeleteAccountPublicAccessBlock", {"accountId": "222222222222"}, **LOG_ARCHIVE),
        repaired=event(
            S3, "PutAccountPublicAccessBlock", {"PublicAccessBlockConfiguration": SWITCHES}, **LOG_ARCHIVE
        ),
        others=(
            event(
                S3, "DeleteAccountPublicAccessBlock", {"accountId": "333333333333"}, 5, account="333333333333"
            ),
            replace(_s3("DeletePublicAccessBlock"), account="222222222222"),
        ),
    ),
    "selectors": Case(
        facts={"trails.0.has_custom_event_selectors": True, "trails.0.event_selectors": WRITES},
        line="trail.event_selectors",
        made=_trail(
            "PutEventSelectors",
            advancedEventSelectors=[
                {"fieldSelectors": [*SELECTOR["fieldSelectors"], {"field": "readOnly", "equals": ["false"]}]}
            ],
        ),
        repaired=_trail(
            "PutEventSelectors", eventSelectors=[{"readWriteType": "All", "includeManagementEvents": True}]
        ),
        others=(event(TRAIL, "PutEventSelectors", {"trailName": "other"}, 5),),
    ),
    "insights": Case(
        facts={"trails.0.insight_selectors": ABSENT},
        settings=INSIGHTS,
        line="trail.insights",
        made=_trail("PutInsightSelectors", insightSelectors=[]),
        repaired=_trail("PutInsightSelectors", insightSelectors=[{"insightType": "ApiCallRateInsight"}]),
    ),
    "recursive logging": Case(
        facts={"trails.0.recursive_logging": True},
        line="trail.update",
        made=event(TRAIL, "UpdateTrail", {"name": ARN, "recursiveLogging": True}),
        repaired=event(TRAIL, "UpdateTrail", {"name": ARN, "recursiveLogging": False}),
    ),
    "delegated administrator": Case(
        facts={"delegated_administrators": []},
        settings={"trail.delegated_administrator": "333333333333"},
        line="trail.delegate",
        made=event(
            TRAIL, "DeregisterOrganizationDelegatedAdmin", {"delegatedAdminAccountId": "333333333333"}
        ),
        repaired=event(TRAIL, "RegisterOrganizationDelegatedAdmin", {"memberAccountId": "333333333333"}),
        others=(
            event(
                TRAIL, "DeregisterOrganizationDelegatedAdmin", {"delegatedAdminAccountId": "444444444444"}, 5
            ),
        ),
    ),
    "trail's key": Case(
        facts={"trails.0.kms_key": ""},
        settings=OWN_KEY,
        line="trail.encryption",
        made=event(TRAIL, "UpdateTrail", {"name": "trailkeep", "kmsKeyId": ""}),
        repaired=event(TRAIL, "UpdateTrail", {"name": "trailkeep", "kmsKeyId": KEY}),
        others=(event(TRAIL, "UpdateTrail", {"name": "trailkeep", "isMultiRegionTrail": True}, 5),),
    ),
    "bucket's key": Case(
        facts={"bucket.encryption": ABSENT},
        settings=OWN_KEY,
        line="bucket.encryption",
        made=_s3("DeleteBucketEncryption"),
        repaired=_s3("PutBucketEncryption", Rule={"KMSMasterKeyID": KEY, "SSEAlgorithm": "aws:kms"}),
    ),
    "key policy": Case(
        facts={"key.policy": '{"Version":"2012-10-17","Statement":[]}'},
        settings=OWN_KEY,
        line="key.policy",
        made=_kms("PutKeyPolicy", keyId=KEY.rpartition("/")[2], policy='{"Statement":[]}'),
        repaired=_kms("PutKeyPolicy", keyId=KEY, policy=blueprint_for(config(OWN_KEY), STATE).key_policy),
        others=(event(KMS, "PutKeyPolicy", {"keyId": "other", "policy": "{}"}, 5),),
    ),
    "key rotation": Case(
        facts={"key.rotates": False},
        settings=OWN_KEY,
        line="key.rotation",
        made=_kms("DisableKeyRotation", keyId=KEY),
        repaired=_kms("EnableKeyRotation", keyId=KEY),
    ),
    "alias gone": Case(
        facts={"key": ABSENT},
        settings=OWN_KEY,
        line="key.create",
        made=_kms("DeleteAlias", aliasName=ALIAS),
        repaired=_kms("CreateAlias", aliasName=ALIAS, targetKeyId=KEY),
        others=(event(KMS, "DeleteAlias", {"aliasName": ALIAS}, 5),),
    ),
    "key disabled": Case(
        facts={"key.state": "Disabled"},
        settings=OWN_KEY,
        line=f"key {KEY}",
        made=_kms("DisableKey", keyId=KEY),
        repaired=_kms("EnableKey", keyId=KEY),
    ),
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
    asked = config(case.settings)
    estate = with_facts(apply_all(nothing(), planned(asked, nothing()).actions), case.facts)
    assert authors(estate, *case.others, settings=asked).get(case.line) is None
    assert authors(estate, case.made, *case.others, settings=asked)[case.line] == case.made.event_id
    if case.repaired:
        later = replace(case.repaired, at=AT + timedelta(minutes=9))
        assert authors(estate, case.made, later, *case.others, settings=asked).get(case.line) is None


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
    by_kind: tuple[tuple[str, dict[str, str]], ...] = (
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
