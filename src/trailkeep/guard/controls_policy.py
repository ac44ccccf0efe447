"""Controls of the bucket policy: whom it lets in, and whether it lets exactly our trail write.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html,
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cross-service-confused-deputy-prevention.html
"""

from __future__ import annotations

import json

from trailkeep.guard.control import (
    Answer,
    Control,
    Severity,
    Subject,
    failed,
    not_applicable,
    passed,
    unknown,
)
from trailkeep.guard.controls_archive import of_bucket
from trailkeep.guard.effective import refuses_plaintext
from trailkeep.guard.estate import Absent, Bucket, Trail, Unreadable
from trailkeep.guard.plan_readers import outsiders
from trailkeep.guard.trail_access import deliveries, stranger_trail

__all__ = ["POLICY_CONTROLS"]


def _accepts_trail(subject: Subject, _: Bucket) -> Answer:
    trail = subject.trail
    if isinstance(trail, Unreadable):
        return unknown(subject.bucket_name, trail)
    if isinstance(trail, Absent):
        return not_applicable(subject.bucket_name, "there is no organization trail; see trail.organization")
    found = deliveries(subject.attached, "s3", trail=trail.arn, prefix=trail.prefix)
    if isinstance(found, Unreadable):
        return unknown(subject.bucket_name, found)
    refused = [one for one in found if not one.is_allowed]
    if refused:
        return failed(subject.bucket_name, f"CloudTrail may not {refused[0].name}: {refused[0].reason}")
    return passed(subject.bucket_name, "CloudTrail may check the bucket and write to both folders")


def _refuses_other_trails(subject: Subject, _: Bucket) -> Answer:
    prefix = subject.trail.prefix if isinstance(subject.trail, Trail) else ""
    stranger = stranger_trail(subject.estate.caller.partition)
    found = deliveries(subject.attached, "s3", trail=stranger, prefix=prefix)
    if isinstance(found, Unreadable):
        return unknown(subject.bucket_name, found)
    allowed = [one for one in found if one.action == "s3:PutObject" and one.is_allowed]
    if allowed:
        return failed(
            subject.bucket_name, f"the trail of any account may {allowed[0].name}: {allowed[0].reason}"
        )
    return passed(subject.bucket_name, "the trail of another account may not write")


def _needs_tls(subject: Subject, _: Bucket) -> Answer:
    refused = refuses_plaintext(subject.attached)
    if isinstance(refused, Unreadable):
        return unknown(subject.bucket_name, refused)
    if refused:
        return passed(subject.bucket_name, "requests without TLS are refused")
    return failed(subject.bucket_name, "requests without TLS answered")


def _names_insiders(subject: Subject, bucket: Bucket) -> Answer:
    accounts = subject.estate.accounts
    if isinstance(bucket.policy, Unreadable):
        return unknown(subject.bucket_name, bucket.policy)
    if isinstance(accounts, Unreadable):
        return unknown(subject.bucket_name, accounts)
    if isinstance(bucket.policy, Absent):
        return passed(subject.bucket_name, "there is no bucket policy")
    try:
        said = json.loads(bucket.policy).get("Statement", [])
        statements = said if isinstance(said, list) else [said]
        inside = frozenset(account.id for account in accounts)
        found = [name for statement in statements for name in outsiders(statement, inside)]
    except (ValueError, AttributeError):
        return unknown(subject.bucket_name, "the bucket policy is no JSON object of statements")
    if found:
        return failed(subject.bucket_name, f"a policy that lets in {', '.join(dict.fromkeys(found))}")
    return passed(subject.bucket_name, "the policy names AWS services and accounts of the organization alone")


POLICY_CONTROLS = (
    Control(
        id="archive.accepts_trail",
        severity=Severity.CRITICAL,
        question="Do the policies let CloudTrail deliver for this trail?",
        expected="policies that let CloudTrail write to the folders of the organization",
        check=of_bucket(_accepts_trail),
        remedy="see 'trailkeep explain' for the statement",
        action="bucket.policy",
    ),
    Control(
        id="archive.source_arn",
        severity=Severity.HIGH,
        question="Is CloudTrail refused when it delivers for somebody else's trail?",
        expected="a condition on aws:SourceArn in every statement that lets CloudTrail write",
        check=of_bucket(_refuses_other_trails),
        remedy="add the condition: the path keeps nobody out, a stranger chooses the prefix of a trail",
        action="bucket.policy",
    ),
    Control(
        id="archive.tls",
        severity=Severity.MEDIUM,
        question="Is a request without TLS refused?",
        expected="a deny where aws:SecureTransport is false",
        check=of_bucket(_needs_tls),
        remedy="add the deny for the bucket and its objects",
        action="bucket.policy",
    ),
    Control(
        id="archive.outsiders",
        severity=Severity.HIGH,
        question="Does the bucket policy name nobody outside of the organization?",
        expected="accounts of the organization alone",
        check=of_bucket(_names_insiders),
        remedy="remove the statement from the bucket policy",
    ),
)
