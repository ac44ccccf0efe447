"""Controls of the guards, by proof and not by name: what is still possible with what is attached.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html,
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
"""

from __future__ import annotations

from collections.abc import Callable

from trailkeep.guard.control import (
    Answer,
    Control,
    Outcome,
    Severity,
    Subject,
    failed,
    not_applicable,
    passed,
    unknown,
)
from trailkeep.guard.effective import Gap, Threat, effective
from trailkeep.guard.estate import Absent, Bucket, ForeignBucket, Organization, Trail, Unreadable
from trailkeep.guard.guard_documents import RCP, SCP

__all__ = ["GUARD_CONTROLS", "gaps_in_words"]

_NAMED = 3
_TYPES = {SCP: "service control policies", RCP: "resource control policies"}


def gaps_in_words(gaps: tuple[Gap, ...]) -> str:
    """Return the first gaps as one sentence, and how many more there are."""
    shown = [f"{gap.caller} may call {gap.action}" for gap in gaps[:_NAMED]]
    rest = len(gaps) - len(shown)
    return f"{'; '.join([*shown, f'and {rest} more' if rest else '']).rstrip('; ')} ({gaps[0].reason})"


def _bucket_holds(threat: Threat, *, well: str) -> Callable[[Subject], Answer]:
    def check(subject: Subject) -> Answer:
        match subject.bucket:
            case Unreadable() as why:
                return unknown(subject.bucket_name, why)
            case Absent() | ForeignBucket():
                return not_applicable(subject.bucket_name, "there is no bucket of ours; see archive.bucket")
            case Bucket():
                return _answer(subject, subject.bucket_name, threat, well)

    return check


def _answer(subject: Subject, resource: str, threat: Threat, well: str) -> Answer:
    if isinstance(subject.estate.roots, Unreadable):
        return unknown(resource, subject.estate.roots)
    gaps = effective(subject.attached, threat)
    if isinstance(gaps, Unreadable):
        return unknown(resource, gaps)
    return failed(resource, gaps_in_words(gaps)) if gaps else passed(resource, well)


def _trail_holds(subject: Subject) -> Answer:
    if isinstance(subject.trail, Unreadable):
        return unknown(subject.trail_name, subject.trail)
    if not isinstance(subject.trail, Trail):
        return not_applicable(subject.trail_name, "there is no organization trail; see trail.organization")
    found = _answer(subject, subject.trail.arn, Threat.STOP, "proved: no member may stop or change it")
    if found.outcome is Outcome.FAIL:
        return failed(found.resource, f"as delegated administrator of CloudTrail {found.reason}")
    return found


def _stays(subject: Subject) -> Answer:
    archive = subject.estate.archive_account
    if isinstance(archive, Unreadable):
        return unknown("archive account", archive)
    if isinstance(archive, Absent):
        return not_applicable("archive account", "there is none; see organization.archive_account")
    return _answer(
        subject, f"account {archive}", Threat.LEAVE, "it can neither leave the organization nor close itself"
    )


def _are_enabled(subject: Subject) -> Answer:
    roots, name = subject.estate.roots, subject.organization_name
    if isinstance(roots, Unreadable):
        return unknown(name, roots)
    if not isinstance(subject.estate.organization, Organization):
        return not_applicable(name, "there is no organization")
    missing = [
        words for kind, words in _TYPES.items() if not any(kind in root.policy_types for root in roots)
    ]
    if missing:
        return failed(name, f"{' and '.join(missing)} switched off")
    return passed(name, f"{' and '.join(_TYPES.values())} are on")


GUARD_CONTROLS = (
    Control(
        id="guards.policy_types",
        severity=Severity.HIGH,
        question="Are service and resource control policies on?",
        expected="both types of policies on",
        check=_are_enabled,
        remedy="enable the type; what is attached has no effect while it is off",
        action="rcp.enable",
    ),
    Control(
        id="guards.destroy",
        severity=Severity.CRITICAL,
        question="Is it proved that no caller asked about can delete a log or a version of one?",
        expected="guards that refuse it to the root user and administrators of the archive account too",
        check=_bucket_holds(Threat.DESTROY, well="proved: no caller asked about may delete a log"),
        remedy="arm the guards",
        action="scp.attach",
    ),
    Control(
        id="guards.forge",
        severity=Severity.HIGH,
        question="Can nobody but CloudTrail write a log?",
        expected="guards that refuse it to whoever calls",
        check=_bucket_holds(Threat.FORGE, well="proved: no caller asked about may write a log"),
        remedy="arm the guards",
        action="rcp.attach",
    ),
    Control(
        id="guards.reconfigure",
        severity=Severity.CRITICAL,
        question="Is it proved that no caller asked about can change what keeps the logs, such as the lock?",
        expected="guards that refuse it to the root user and administrators of the archive account too",
        check=_bucket_holds(Threat.RECONFIGURE, well="proved: no caller asked about may change the bucket"),
        remedy="arm the guards",
        action="scp.attach",
    ),
    Control(
        id="guards.trail",
        severity=Severity.HIGH,
        question="Could no member account stop or change the trail, were it delegated administrator?",
        expected="guards that refuse it in every member account",
        check=_trail_holds,
        remedy="arm the guards",
        action="members.attach",
    ),
    Control(
        id="guards.membership",
        severity=Severity.HIGH,
        question="Can the archive account neither leave the organization nor close itself?",
        expected="guards that refuse it to its root user too",
        check=_stays,
        remedy="arm the guards: who leaves sheds every guard, and who is closed loses the logs",
        action="members.attach",
    ),
)
