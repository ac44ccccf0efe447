"""Controls of the organization around the archive, and of who is told when something changes.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html
"""

from __future__ import annotations

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
from trailkeep.guard.controls_guards import gaps_in_words
from trailkeep.guard.effective import Threat, effective
from trailkeep.guard.estate import Absent, ForeignBucket, Organization, Unreadable

__all__ = ["ORGANIZATION_CONTROLS"]

_CLOUDTRAIL = "cloudtrail.amazonaws.com"
_CREDENTIALS = "RootCredentialsManagement"
_SESSIONS = "RootSessions"
_CHANGES = ("DeleteTrail", "StopLogging", "UpdateTrail")


def _has_all_features(subject: Subject) -> Answer:
    found, name = subject.estate.organization, subject.organization_name
    if isinstance(found, Unreadable):
        return unknown(name, found)
    if not isinstance(found, Organization):
        return failed(name, "no organization")
    if found.feature_set == "ALL":
        return passed(name, "all features are enabled")
    return failed(name, f"the feature set {found.feature_set}")


def _trusts_cloudtrail(subject: Subject) -> Answer:
    services, name = subject.estate.trusted_services, subject.organization_name
    if isinstance(services, Unreadable):
        return unknown(name, services)
    if _CLOUDTRAIL in services:
        return passed(name, "it trusts CloudTrail")
    return failed(name, "no trust, so the trail records no member, and nothing says so")


def _has_archive_account(subject: Subject) -> Answer:
    archive, accounts = subject.estate.archive_account, subject.estate.accounts
    if isinstance(archive, Unreadable):
        return unknown("archive account", archive)
    if isinstance(archive, Absent):
        return failed("archive account", "none")
    if isinstance(accounts, Unreadable):
        return unknown(f"account {archive}", accounts)
    status = next((account.status for account in accounts if account.id == archive), "")
    if status == "ACTIVE":
        return passed(f"account {archive}", "it is an active account of the organization")
    return failed(f"account {archive}", f"an account that is {status.lower() or 'not of the organization'}")


def _delegates_safely(subject: Subject) -> Answer:
    admins, name = subject.estate.delegated_administrators, subject.organization_name
    if isinstance(admins, Unreadable):
        return unknown(name, admins)
    if not admins:
        return passed(name, "CloudTrail has no delegated administrator")
    if isinstance(subject.trail, Absent):
        return not_applicable(name, "there is no organization trail; see trail.organization")
    gaps = effective(subject.attached, Threat.STOP_AS_DELEGATE)
    if isinstance(gaps, Unreadable):
        return unknown(name, gaps)
    named = ", ".join(admins)
    if gaps:
        return failed(name, f"{named} as delegated administrator, and {gaps_in_words(gaps)}")
    return passed(name, f"the delegated administrator {named} may read trails and not change them")


def _centralizes_root(subject: Subject) -> Answer:
    features, name = subject.facts.root_features, subject.organization_name
    if isinstance(features, Unreadable):
        return unknown(name, features)
    if _CREDENTIALS in features:
        return passed(name, "members need no root credentials of their own")
    return failed(name, "root users of members that keep credentials of their own")


def _limits_root_sessions(subject: Subject) -> Answer:
    features, name = subject.facts.root_features, subject.organization_name
    if isinstance(features, Unreadable):
        return unknown(name, features)
    if _SESSIONS not in features:
        return not_applicable(name, "the management account cannot open root sessions in members")
    if isinstance(subject.bucket, Absent | ForeignBucket):
        return not_applicable(name, "there is no bucket of ours; see archive.bucket")
    gaps = effective(subject.attached, Threat.UNLOCK_AS_ROOT)
    if isinstance(gaps, Unreadable):
        return unknown(name, gaps)
    if gaps:
        return failed(name, f"root sessions, in which {gaps_in_words(gaps)}")
    return passed(name, "a root session in the archive account may not touch the bucket policy")


def _is_watched(subject: Subject) -> Answer:
    watchers, name = subject.facts.watchers, subject.trail_name
    if isinstance(subject.trail, Absent):
        return not_applicable(name, "there is no organization trail; see trail.organization")
    if isinstance(watchers, Unreadable):
        return unknown(name, watchers)
    looking = [one for one in watchers if _sees_changes(one.looks_for)]
    if heard := [one.name for one in looking if one.is_heard]:
        return passed(name, f"{', '.join(heard)} tells of changes")
    if looking:
        return failed(name, f"{looking[0].name}, which tells nobody")
    return failed(name, "nothing that tells anybody")


def _sees_changes(pattern: str) -> bool:
    """Return whether a pattern names the calls that end a trail, or all of CloudTrail's calls."""
    if "anything-but" in pattern:
        return False
    return all(change in pattern for change in _CHANGES) or "eventName" not in pattern


ORGANIZATION_CONTROLS = (
    Control(
        id="organization.all_features",
        severity=Severity.HIGH,
        question="Does the organization have all features, without which no policy binds anyone?",
        expected="all features",
        check=_has_all_features,
        remedy="enable all features; every account has to agree",
    ),
    Control(
        id="organization.trusted_access",
        severity=Severity.CRITICAL,
        question="Does the organization trust CloudTrail?",
        expected="trusted access of CloudTrail",
        check=_trusts_cloudtrail,
        remedy="enable trusted access, and see who disabled it",
        action="trust.enable",
    ),
    Control(
        id="organization.archive_account",
        severity=Severity.HIGH,
        question="Is there an active account for the archive?",
        expected="an active account of the organization",
        check=_has_archive_account,
        remedy="create it; one that was closed can be reopened for 90 days, then its logs are gone",
        action="account.create",
    ),
    Control(
        id="organization.delegated_administrators",
        severity=Severity.CRITICAL,
        question="Can no delegated administrator of CloudTrail change the trail?",
        expected="no delegated administrator that may change the trail",
        check=_delegates_safely,
        remedy="arm the guards, or deregister the administrator",
        action="members.attach",
    ),
    Control(
        id="organization.root_credentials",
        severity=Severity.MEDIUM,
        question="Is root access of member accounts centralized, so that they need no root credentials?",
        expected="centralized root access",
        check=_centralizes_root,
        remedy="enable it in IAM, then delete the root credentials of the archive account",
    ),
    Control(
        id="organization.root_sessions",
        severity=Severity.MEDIUM,
        question="Can no root session that the management account opens unlock the bucket policy?",
        expected="guards that bind the root user of the archive account",
        check=_limits_root_sessions,
        remedy="arm the guards",
        action="scp.attach",
    ),
    Control(
        id="watch.changes",
        severity=Severity.MEDIUM,
        question="Is somebody told when the trail is stopped, changed or deleted?",
        expected="an alarm or a rule for StopLogging, UpdateTrail and DeleteTrail",
        check=_is_watched,
        remedy="make an EventBridge rule, or a metric filter with an alarm, that reaches a person",
    ),
)
