"""Controls of what the trail records, and what is recorded twice.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html,
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-manage-costs.html
"""

from __future__ import annotations

from collections.abc import Callable

from trailkeep.guard.control import Answer, Control, Severity, Subject, failed, passed, unknown
from trailkeep.guard.controls_trail import of_trail
from trailkeep.guard.estate import Absent, Trail, TrailStatus, Unreadable
from trailkeep.guard.selectors import ALL_MANAGEMENT, Selector, read, uncovered

__all__ = ["RECORDING_CONTROLS"]


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

    return of_trail(check)


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
    if trail.recursive_logging is None:
        return unknown(trail.arn, "AWS does not say whether deliveries are recorded, and data events are")
    return failed(
        trail.arn,
        f"data events of {trail.bucket} with recursive logging on: each delivery is an event of its own, "
        "and is billed",
    )


def _is_alone(subject: Subject, trail: Trail) -> Answer:
    trails = subject.estate.trails
    if isinstance(trails, Unreadable):
        return unknown(trail.arn, trails)
    others = [other for other in trails if other.arn != trail.arn]
    unsure = [
        other
        for other in others
        if isinstance(_selectors(other), Unreadable) or isinstance(other.status, Unreadable)
    ]
    same = [other.arn for other in others if other not in unsure and _records_management(other)]
    if same:
        return failed(
            trail.arn, f"management events recorded again, and billed, by {', '.join(sorted(same))}"
        )
    if unsure:
        return unknown(trail.arn, f"whether {unsure[0].arn} records the same could not be read")
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


RECORDING_CONTROLS = (
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
        id="trail.insights",
        severity=Severity.LOW,
        question="Are CloudTrail Insights on?",
        expected="Insights on management events",
        check=of_trail(_has_insights),
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
        check=of_trail(_does_not_loop),
        remedy="set trail.recursive_logging to false",
        action="trail.update",
    ),
    Control(
        id="trail.duplicates",
        severity=Severity.LOW,
        question="Is every management event of the management account recorded, and billed, only once?",
        expected="one trail with management events",
        check=of_trail(_is_alone),
        remedy="delete the other trail after a day on which both recorded",
    ),
)
