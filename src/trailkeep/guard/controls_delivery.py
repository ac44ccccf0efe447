"""Controls of what really arrives, judged from the archive and from GetTrailStatus of each region.

What a trail is set to record tells nothing of what it delivers; these ask the archive itself.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html
"""

from __future__ import annotations

from collections.abc import Callable

from trailkeep.core.times import format_moment
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
from trailkeep.guard.status import CellState, Finding, Row, Status, StatusKind

__all__ = ["DELIVERY_CONTROLS"]

_NAMED = 5
_NO_TRAIL = "there is no organization trail; see trail.organization"


def _of_status(check: Callable[[Subject, Trail, Status], Answer]) -> Callable[[Subject], Answer]:
    """Return a check that needs the trail and what was seen of the archive."""

    def answer(subject: Subject) -> Answer:
        if isinstance(subject.trail, Unreadable):
            return unknown(subject.trail_name, subject.trail)
        if isinstance(subject.trail, Absent):
            return not_applicable(subject.trail_name, _NO_TRAIL)
        if isinstance(subject.status, Unreadable):
            return unknown(subject.trail_name, subject.status)
        return check(subject, subject.trail, subject.status)

    return answer


def _found(status: Status, *kinds: StatusKind) -> list[Finding]:
    return [finding for finding in status.findings if finding.kind in kinds]


def _messages(findings: list[Finding]) -> str:
    shown = [finding.message for finding in findings[:_NAMED]]
    rest = len(findings) - len(shown)
    return "; ".join([*shown, f"and {rest} more"] if rest else shown)


def _without(*kinds: StatusKind, well: str) -> Callable[[Subject], Answer]:
    """Return a check that fails on findings of some kinds, and does not know where not all could be seen."""

    def check(_: Subject, trail: Trail, status: Status) -> Answer:
        if found := _found(status, *kinds):
            return failed(trail.arn, _messages(found))
        if refused := _found(status, StatusKind.UNREADABLE):
            return unknown(trail.arn, _messages(refused))
        if status.newest_log_at is None and status.newest_digest_at is None:
            return unknown(trail.arn, "nothing was delivered yet")
        return passed(trail.arn, well)

    return _of_status(check)


def _delivers(_: Subject, trail: Trail, status: Status) -> Answer:
    if found := _found(status, StatusKind.DELIVERY_FAILING):
        return failed(trail.arn, _messages(found))
    if isinstance(trail.status, Unreadable):
        return unknown(trail.arn, trail.status)
    if trail.status.latest_delivery_error:
        return failed(trail.arn, f"the error {trail.status.latest_delivery_error}")
    return passed(trail.arn, "the last delivery of a log succeeded")


def _delivers_digests(_: Subject, trail: Trail, status: Status) -> Answer:
    if not trail.validates_logs:
        return not_applicable(trail.arn, "the trail makes no digests; see trail.validation")
    kinds = (StatusKind.DIGEST_FAILING, StatusKind.DIGEST_NEVER, StatusKind.DIGEST_LATE)
    if found := _found(status, *kinds):
        return failed(trail.arn, _messages(found))
    if isinstance(trail.status, TrailStatus) and trail.status.latest_digest_delivery_error:
        return failed(trail.arn, f"the error {trail.status.latest_digest_delivery_error}")
    if pending := _found(status, StatusKind.DIGEST_PENDING):
        return unknown(trail.arn, _messages(pending))
    if refused := _found(status, StatusKind.UNREADABLE):
        return unknown(trail.arn, _messages(refused))
    return passed(trail.arn, "the last delivery of a digest succeeded, and none is late")


def _covers_joined(subject: Subject, trail: Trail, status: Status) -> Answer:
    """Answer for the accounts that the archive knows nothing of since they joined."""
    if refused := _found(status, StatusKind.UNREADABLE):
        return unknown(trail.arn, _messages(refused))
    never = [row.account for row in status.rows if _is_without_any(row)]
    new = {finding.account for finding in _found(status, StatusKind.ACCOUNT_NEW)}
    if missing := [account for account in never if account not in new]:
        return failed(trail.arn, f"nothing ever from {', '.join(missing[:_NAMED])} ({len(missing)} in all)")
    if new:
        return unknown(trail.arn, f"{', '.join(sorted(new)[:_NAMED])} joined a moment ago; ask again")
    accounts = subject.estate.accounts
    if isinstance(accounts, Unreadable):
        return unknown(trail.arn, accounts)
    return passed(trail.arn, f"each of {len(status.rows)} active accounts has delivered")


def _is_without_any(row: Row) -> bool:
    return bool(row.cells) and all(cell.state is CellState.NEVER for cell in row.cells)


def _is_fresh(_: Subject, trail: Trail, status: Status) -> Answer:
    if found := _found(status, StatusKind.ARCHIVE_LATE):
        return failed(trail.arn, _messages(found))
    newest = max((at for at in (status.newest_log_at, status.newest_digest_at) if at), default=None)
    if newest is None:
        return unknown(trail.arn, "nothing was delivered yet")
    return passed(trail.arn, f"the newest delivery is of {format_moment(newest)}")


DELIVERY_CONTROLS = (
    Control(
        id="delivery.logs",
        severity=Severity.CRITICAL,
        question="Did the last delivery of a log succeed?",
        expected="a delivery that succeeded",
        check=_of_status(_delivers),
        remedy="see which bucket policy, key policy or resource control policy refuses CloudTrail: "
        "run 'trailkeep explain'",
        action="bucket.policy",
    ),
    Control(
        id="delivery.digests",
        severity=Severity.HIGH,
        question="Are digests delivered, and none late?",
        expected="a digest of every hour",
        check=_of_status(_delivers_digests),
        remedy="see 'trailkeep status'; a digest that is missing leaves a gap for ever",
    ),
    Control(
        id="delivery.fresh",
        severity=Severity.CRITICAL,
        question="Was something delivered lately?",
        expected="a delivery within the last hour",
        check=_of_status(_is_fresh),
        remedy="see 'trailkeep status'",
    ),
    Control(
        id="delivery.accounts",
        severity=Severity.HIGH,
        question="Does every account of the organization deliver?",
        expected="deliveries of every account",
        check=_without(StatusKind.ACCOUNT_SILENT, well="no account is silent"),
        remedy="see that the account has the role AWSServiceRoleForCloudTrail and that the organization "
        "trusts CloudTrail",
        action="trust.enable",
    ),
    Control(
        id="delivery.regions",
        severity=Severity.HIGH,
        question="Does every region of every account deliver?",
        expected="digests of every region that is enabled",
        check=_without(StatusKind.REGION_SILENT, well="no region is silent"),
        remedy="see 'trailkeep status' for the accounts and regions",
    ),
    Control(
        id="delivery.joined",
        severity=Severity.HIGH,
        question="Are accounts that joined after the trail was made recorded as well?",
        expected="deliveries of every account since it joined",
        check=_of_status(_covers_joined),
        remedy="see that the account has the role AWSServiceRoleForCloudTrail",
    ),
)
