"""Controls of the organization trail: that there is one, and how it is set.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/best-practices-security.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

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
from trailkeep.guard.estate import Absent, Bucket, Trail, Unreadable

__all__ = ["TRAIL_CONTROLS", "of_trail"]

_FEED_MAY_REST = timedelta(hours=24)


def of_trail(check: Callable[[Subject, Trail], Answer]) -> Callable[[Subject], Answer]:
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


def _fills_archive(subject: Subject, trail: Trail) -> Answer:
    match subject.bucket:
        case Unreadable() as why:
            return unknown(trail.arn, why)
        case Bucket() as bucket if bucket.name == trail.bucket:
            return passed(trail.arn, f"it delivers to {trail.bucket}")
        case _:
            return failed(trail.arn, f"deliveries to {trail.bucket or 'no bucket'}")


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
    refused = [one for one in subject.status.findings if one.message.startswith("cloudtrail:")]
    if refused:
        return unknown(trail.arn, refused[0].message)
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


def _feeds_logs(subject: Subject, trail: Trail) -> Answer:
    feed = subject.facts.feed
    if not trail.log_group:
        return failed(trail.arn, "no log group of CloudWatch Logs")
    if isinstance(feed, Unreadable):
        return unknown(trail.arn, feed)
    if isinstance(feed, Absent) or feed.delivered_at is None:
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
        id="trail.archive",
        severity=Severity.CRITICAL,
        question="Does the trail deliver to the archive?",
        expected="deliveries to a bucket of the archive account",
        check=of_trail(_fills_archive),
        remedy="let the trail deliver to the archive",
        action="trail.update",
    ),
    Control(
        id="trail.logging",
        severity=Severity.CRITICAL,
        question="Is the trail logging?",
        expected="a trail that is logging",
        check=of_trail(_is_logging),
        remedy="start the trail, and see in the Event history who stopped it",
        action="trail.start",
    ),
    Control(
        id="trail.every_region",
        severity=Severity.CRITICAL,
        question="Is the trail logging in every region in which it can be asked?",
        expected="a trail that is logging in every region",
        check=of_trail(_logs_everywhere),
        remedy="see 'trailkeep status' for the regions",
        action="trail.start",
    ),
    Control(
        id="trail.multi_region",
        severity=Severity.HIGH,
        question="Does the trail record every region?",
        expected="a trail of every region",
        check=of_trail(_is_multi_region),
        remedy="make the trail one of every region",
        action="trail.update",
    ),
    Control(
        id="trail.global_events",
        severity=Severity.HIGH,
        question="Does the trail record global services such as IAM and STS?",
        expected="a trail with global service events",
        check=of_trail(_has_global_events),
        remedy="include global service events",
        action="trail.update",
    ),
    Control(
        id="trail.validation",
        severity=Severity.HIGH,
        question="Does CloudTrail deliver signed digests of the logs?",
        expected="log file validation",
        check=of_trail(_validates),
        remedy="switch log file validation on; what was delivered without it is never covered",
        action="trail.update",
    ),
    Control(
        id="trail.encryption",
        severity=Severity.LOW,
        question="Are logs encrypted with a KMS key of your own?",
        expected="a KMS key",
        check=of_trail(_is_encrypted),
        remedy="set archive.encryption to sse-kms, or keep S3's keys, which nobody can delete",
        action="trail.encryption",
    ),
    Control(
        id="trail.cloudwatch",
        severity=Severity.LOW,
        question="Do events reach CloudWatch Logs, for alarms within minutes?",
        expected="a log group that got events in the last 24 hours",
        check=of_trail(_feeds_logs),
        remedy="set trail.cloudwatch_log_group and trail.cloudwatch_role",
        action="trail.update",
    ),
    Control(
        id="trail.tags",
        severity=Severity.LOW,
        question="Does the trail have a tag that says whose it is?",
        expected="a tag",
        check=of_trail(_is_tagged),
        remedy="tag it: aws cloudtrail add-tags",
    ),
)
