"""Controls of the organization trail: that there is one, what it records, and how it is set.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/best-practices-security.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from trailkeep.guard.audit_facts import Feed
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
from trailkeep.guard.estate import Absent, Trail, TrailStatus, Unreadable
from trailkeep.guard.selectors import ALL_MANAGEMENT, Selector, read, uncovered

__all__ = ["TRAIL_CONTROLS"]

_FEED_MAY_REST = timedelta(hours=24)


def _of_trail(check: Callable[[Subject, Trail], Answer]) -> Callable[[Subject], Answer]:
    """Return a check that needs the trail; where there is none another control fails."""

    def answer(subject: Subject) -> Answer:
        if isinstance(subject.trail, Unreadable):
            return unknown(subject.trail_name, subject.trail)
        if isinstance(subject.trail, Absent):
            return not_applicable(
                subject.trail_name, "there is no organization trail; see trail.organization"
            )
        return check(subject, subject.trail)

    return answer


def _exists(subject: Subject) -> Answer:
    trails = subject.estate.trails
    if isinstance(trails, Unreadable):
        return unknown("trails of the management account", trails)
    if not trails:
        return failed("trails of the management account", "none")
    return passed("trails of the management account", ", ".join(trail.arn for trail in trails))


def _is_organization(subject: Subject) -> Answer:
    if isinstance(subject.trail, Unreadable):
        return unknown(subject.trail_name, subject.trail)
    if isinstance(subject.trail, Absent):
        others = subject.estate.trails
        count = 0 if isinstance(others, Unreadable) else len(others)
        return failed(subject.trail_name, f"none among {count} trails of the management account")
    return passed(subject.trail_name, "it records every account of the organization")


def _is_logging(_: Subject, trail: Trail) -> Answer:
    if isinstance(trail.status, Unreadable):
        return unknown(trail.arn, trail.status)
    if trail.status.is_logging:
        return passed(trail.arn, "it is logging")
    return failed(trail.arn, "a trail that is stopped")


def _logs_everywhere(subject: Subject, trail: Trail) -> Answer:
    if isinstance(subject.status, Unreadable):
        return unknown(trail.arn, subject.status)
    kinds = {finding.kind.value: finding for finding in subject.status.findings}
    if stopped := kinds.get("trail.stopped"):
        return failed(trail.arn, f"it stopped in {', '.join(stopped.regions) or 'its home region'}")
    if refused := kinds.get("status.unreadable"):
        return unknown(trail.arn, refused.message)
    return passed(trail.arn, "no region in which it could be asked says that it stopped")


def _is_multi_region(_: Subject, trail: Trail) -> Answer:
    if trail.is_multi_region:
        return passed(trail.arn, "it records every region")
    return failed(trail.arn, f"a trail of {trail.home_region or 'one region'} alone")


def _has_global_events(_: Subject, trail: Trail) -> Answer:
    if trail.includes_global_events:
        return passed(trail.arn, "events of global services such as IAM are recorded")
    return failed(trail.arn, "a trail without events of IAM, STS and other global services")


def _validates(_: Subject, trail: Trail) -> Answer:
    if trail.validates_logs:
        return passed(trail.arn, "a signed digest of every hour is delivered")
    return failed(trail.arn, "no digests, so a log that is gone or changed is never noticed")


def _is_encrypted(_: Subject, trail: Trail) -> Answer:
    if trail.kms_key:
        return passed(trail.arn, f"logs are encrypted with {trail.kms_key}")
    return failed(trail.arn, "encryption with keys of S3's own")


def _selectors(trail: Trail) -> tuple[Selector, ...] | Unreadable:
    """Return what the trail records."""
    if isinstance(trail.event_selectors, Unreadable):
        return trail.event_selectors
    if isinstance(trail.event_selectors, Absent):
        return ALL_MANAGEMENT
    found = read(trail.event_selectors)
    if found is None:
        return Unreadable(call="cloudtrail:GetEventSelectors", error="expected selectors, got another form")
    return found


def _records(*wanted: Selector, words: str) -> Callable[[Subject], Answer]:
    def check(_: Subject, trail: Trail) -> Answer:
        selectors = _selectors(trail)
        if isinstance(selectors, Unreadable):
            return unknown(trail.arn, selectors)
        if uncovered(wanted, selectors):
            return failed(trail.arn, f"selectors that do not record {words}")
        return passed(trail.arn, f"{words} are recorded")

    return _of_trail(check)


def _data(kind: str, *, read_only: str) -> Selector:
    fields = [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": [kind]},
        {"Field": "readOnly", "Equals": [read_only]},
    ]
    return {"FieldSelectors": fields}


def _both(kind: str) -> tuple[Selector, Selector]:
    return _data(kind, read_only="true"), _data(kind, read_only="false")


def _has_insights(_: Subject, trail: Trail) -> Answer:
    if isinstance(trail.insight_selectors, Unreadable):
        return unknown(trail.arn, trail.insight_selectors)
    if isinstance(trail.insight_selectors, Absent) or trail.insight_selectors == "[]":
        return failed(trail.arn, "no Insights")
    return passed(trail.arn, "Insights are on")


def _of_archive(bucket: str, partition: str) -> Selector:
    fields = [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        {"Field": "readOnly", "Equals": ["false"]},
        {"Field": "resources.ARN", "StartsWith": [f"arn:{partition}:s3:::{bucket}/AWSLogs/"]},
    ]
    return {"FieldSelectors": fields}


def _does_not_loop(subject: Subject, trail: Trail) -> Answer:
    selectors = _selectors(trail)
    if isinstance(selectors, Unreadable):
        return unknown(trail.arn, selectors)
    if uncovered([_of_archive(trail.bucket, subject.estate.caller.partition)], selectors):
        return passed(trail.arn, "writes to the archive are not recorded as data events")
    if trail.recursive_logging is False:
        return passed(trail.arn, "recursive logging is off")
    told = "on" if trail.recursive_logging else "not told"
    return failed(
        trail.arn,
        f"data events of {trail.bucket} with recursive logging {told}: each delivery is an event of its own, "
        "and is billed",
    )


def _is_alone(subject: Subject, trail: Trail) -> Answer:
    trails = subject.estate.trails
    if isinstance(trails, Unreadable):
        return unknown(trail.arn, trails)
    others = [other for other in trails if other.arn != trail.arn]
    unsure = [other for other in others if isinstance(_selectors(other), Unreadable)]
    same = [other.arn for other in others if other not in unsure and _records_management(other)]
    if same:
        return failed(
            trail.arn, f"management events recorded again, and billed, by {', '.join(sorted(same))}"
        )
    if unsure:
        return unknown(trail.arn, f"what {unsure[0].arn} records could not be read")
    return passed(trail.arn, "no other trail of the management account records management events")


def _records_management(trail: Trail) -> bool:
    selectors = _selectors(trail)
    is_stopped = isinstance(trail.status, TrailStatus) and not trail.status.is_logging
    if isinstance(selectors, Unreadable) or is_stopped:
        return False
    categories = [
        field.get("Equals")
        for one in selectors
        for field in one["FieldSelectors"]
        if field["Field"] == "eventCategory"
    ]
    return ["Management"] in categories


def _feeds_logs(subject: Subject, trail: Trail) -> Answer:
    feed = subject.facts.feed
    if not trail.log_group:
        return failed(trail.arn, "no log group of CloudWatch Logs")
    if isinstance(feed, Unreadable):
        return unknown(trail.arn, feed)
    if isinstance(feed, Absent) or not isinstance(feed, Feed) or feed.delivered_at is None:
        return failed(trail.arn, f"{trail.log_group}, to which nothing was delivered")
    if feed.error:
        return failed(trail.arn, f"{trail.log_group}, to which the last delivery failed: {feed.error}")
    if subject.now - feed.delivered_at > _FEED_MAY_REST:
        return failed(trail.arn, f"{trail.log_group}, to which nothing was delivered for a day")
    return passed(trail.arn, f"events reach {trail.log_group}")


def _is_tagged(subject: Subject, trail: Trail) -> Answer:
    tags = subject.facts.trail_tags
    if isinstance(tags, Unreadable):
        return unknown(trail.arn, tags)
    own = [tag.key for tag in tags if not tag.key.startswith("aws:")]
    return passed(trail.arn, f"tagged with {', '.join(own)}") if own else failed(trail.arn, "none")


TRAIL_CONTROLS = (
    Control(
        id="trail.exists",
        severity=Severity.CRITICAL,
        question="Does the management account have a trail at all?",
        expected="at least one trail",
        check=_exists,
        remedy="create the organization trail",
        action="trail.create",
    ),
    Control(
        id="trail.organization",
        severity=Severity.CRITICAL,
        question="Does an organization trail record every account, those that join later too?",
        expected="an organization trail",
        check=_is_organization,
        remedy="create the organization trail",
        action="trail.create",
    ),
    Control(
        id="trail.logging",
        severity=Severity.CRITICAL,
        question="Is the trail logging?",
        expected="a trail that is logging",
        check=_of_trail(_is_logging),
        remedy="start the trail, and see in the Event history who stopped it",
        action="trail.start",
    ),
    Control(
        id="trail.every_region",
        severity=Severity.CRITICAL,
        question="Is the trail logging in every region in which it can be asked?",
        expected="a trail that is logging in every region",
        check=_of_trail(_logs_everywhere),
        remedy="see 'trailkeep status' for the regions",
        action="trail.start",
    ),
    Control(
        id="trail.multi_region",
        severity=Severity.HIGH,
        question="Does the trail record every region?",
        expected="a trail of every region",
        check=_of_trail(_is_multi_region),
        remedy="make the trail one of every region",
        action="trail.update",
    ),
    Control(
        id="trail.global_events",
        severity=Severity.HIGH,
        question="Does the trail record global services such as IAM and STS?",
        expected="a trail with global service events",
        check=_of_trail(_has_global_events),
        remedy="include global service events",
        action="trail.update",
    ),
    Control(
        id="trail.management_events",
        severity=Severity.HIGH,
        question="Are all management events recorded, reads and writes, of every service?",
        expected="selectors that record all management events",
        check=_records(*ALL_MANAGEMENT, words="all management events"),
        remedy="record all management events, without excluding a source such as KMS",
        action="trail.event_selectors",
    ),
    Control(
        id="trail.validation",
        severity=Severity.HIGH,
        question="Does CloudTrail deliver signed digests of the logs?",
        expected="log file validation",
        check=_of_trail(_validates),
        remedy="switch log file validation on; what was delivered without it is never covered",
        action="trail.update",
    ),
    Control(
        id="trail.encryption",
        severity=Severity.LOW,
        question="Are logs encrypted with a KMS key of your own?",
        expected="a KMS key",
        check=_of_trail(_is_encrypted),
        remedy="set archive.encryption to sse-kms, or keep S3's keys, which nobody can delete",
        action="trail.encryption",
    ),
    Control(
        id="trail.insights",
        severity=Severity.LOW,
        question="Are CloudTrail Insights on?",
        expected="Insights on management events",
        check=_of_trail(_has_insights),
        remedy="name them in trail.insights; each analyzed event costs",
        action="trail.insights",
    ),
    Control(
        id="trail.s3_writes",
        severity=Severity.LOW,
        question="Are writes to objects of every bucket recorded?",
        expected="data events of AWS::S3::Object",
        check=_records(_data("AWS::S3::Object", read_only="false"), words="writes to S3 objects"),
        remedy="add AWS::S3::Object to trail.data_events; each event costs",
        action="trail.event_selectors",
    ),
    Control(
        id="trail.s3_reads",
        severity=Severity.LOW,
        question="Are reads of objects of every bucket recorded?",
        expected="data events of AWS::S3::Object",
        check=_records(_data("AWS::S3::Object", read_only="true"), words="reads of S3 objects"),
        remedy="add AWS::S3::Object to trail.data_events; each event costs",
        action="trail.event_selectors",
    ),
    Control(
        id="trail.lambda_invocations",
        severity=Severity.LOW,
        question="Are invocations of Lambda functions recorded?",
        expected="data events of AWS::Lambda::Function",
        check=_records(*_both("AWS::Lambda::Function"), words="Lambda invocations"),
        remedy="add AWS::Lambda::Function to trail.data_events; each event costs",
        action="trail.event_selectors",
    ),
    Control(
        id="trail.recursion",
        severity=Severity.MEDIUM,
        question="Is it certain that no delivery causes an event that is delivered in turn?",
        expected="recursive logging off where data events of the archive are recorded",
        check=_of_trail(_does_not_loop),
        remedy="set trail.recursive_logging to false",
        action="trail.update",
    ),
    Control(
        id="trail.duplicates",
        severity=Severity.LOW,
        question="Is every management event of the management account recorded, and billed, only once?",
        expected="one trail with management events",
        check=_of_trail(_is_alone),
        remedy="delete the other trail after a day on which both recorded",
    ),
    Control(
        id="trail.cloudwatch",
        severity=Severity.LOW,
        question="Do events reach CloudWatch Logs, for alarms within minutes?",
        expected="a log group that got events in the last 24 hours",
        check=_of_trail(_feeds_logs),
        remedy="set trail.cloudwatch_log_group and trail.cloudwatch_role",
        action="trail.update",
    ),
    Control(
        id="trail.tags",
        severity=Severity.LOW,
        question="Does the trail have a tag that says whose it is?",
        expected="a tag",
        check=_of_trail(_is_tagged),
        remedy="tag it: aws cloudtrail add-tags",
    ),
)
