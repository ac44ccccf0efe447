"""Controls of the bucket: whose it is, and what keeps logs in it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
"""

from __future__ import annotations

from collections.abc import Callable

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
from trailkeep.guard.effective import Threat, effective
from trailkeep.guard.estate import (
    Absent,
    Bucket,
    ForeignBucket,
    ObjectLock,
    Organization,
    Unreadable,
)
from trailkeep.guard.plan_lifecycle import early_expirations

__all__ = ["ARCHIVE_CONTROLS", "of_bucket"]

_NAMED = 3


def of_bucket(check: Callable[[Subject, Bucket], Answer]) -> Callable[[Subject], Answer]:
    """Return a check that needs the bucket; where there is none of ours another control fails."""

    def answer(subject: Subject) -> Answer:
        match subject.bucket:
            case Bucket() as bucket:
                return check(subject, bucket)
            case Unreadable() as why:
                return unknown(subject.bucket_name, why)
            case _:
                return not_applicable(subject.bucket_name, "there is no bucket of ours; see archive.bucket")

    return answer


def _is_ours(subject: Subject) -> Answer:
    match subject.bucket:
        case Bucket() as bucket:
            return passed(subject.bucket_name, f"account {bucket.owner} owns it")
        case ForeignBucket() as foreign:
            return failed(subject.bucket_name, f"a bucket of somebody else ({foreign.evidence})")
        case Absent():
            return failed(subject.bucket_name, "none")
        case Unreadable() as why:
            return unknown(subject.bucket_name, why)


def _is_apart(subject: Subject, bucket: Bucket) -> Answer:
    organization = subject.estate.organization
    if isinstance(organization, Unreadable):
        return unknown(subject.bucket_name, organization)
    if isinstance(organization, Organization) and bucket.owner == organization.management_account:
        return failed(subject.bucket_name, "a bucket in the management account, which no policy binds")
    return passed(subject.bucket_name, f"it is in member account {bucket.owner}")


def _is_versioned(subject: Subject, bucket: Bucket) -> Answer:
    if isinstance(bucket.versioning, Unreadable):
        return unknown(subject.bucket_name, bucket.versioning)
    if bucket.versioning == "Enabled":
        return passed(subject.bucket_name, "versioning is on")
    return failed(subject.bucket_name, f"versioning {bucket.versioning.lower() or 'never on'}")


def _is_locked(subject: Subject, bucket: Bucket) -> Answer:
    match bucket.object_lock:
        case Unreadable() as why:
            return unknown(subject.bucket_name, why)
        case Absent():
            return failed(subject.bucket_name, "no Object Lock")
        case ObjectLock(mode=""):
            return failed(subject.bucket_name, "Object Lock without a default retention, which locks no log")
        case ObjectLock(mode=mode, days=days):
            return passed(subject.bucket_name, f"new logs are locked for {days} days in mode {mode}")


def _is_lock_final(subject: Subject, bucket: Bucket) -> Answer:
    lock = bucket.object_lock
    if isinstance(lock, Unreadable):
        return unknown(subject.bucket_name, lock)
    if isinstance(lock, Absent) or not lock.mode:
        return not_applicable(subject.bucket_name, "nothing is locked; see archive.object_lock")
    if lock.mode == "COMPLIANCE":
        return passed(subject.bucket_name, "nobody can lift COMPLIANCE before its time")
    gaps = effective(subject.attached, Threat.UNLOCK)
    if isinstance(gaps, Unreadable):
        return unknown(subject.bucket_name, gaps)
    if gaps:
        return failed(subject.bucket_name, f"GOVERNANCE, and {gaps[0].caller} may call {gaps[0].action}")
    return passed(subject.bucket_name, "GOVERNANCE, and no caller asked about may bypass it")


def _is_kept(subject: Subject, bucket: Bucket) -> Answer:
    lock = bucket.object_lock
    if not subject.retention_days:
        return not_applicable(
            subject.bucket_name, "neither trailkeep.toml nor --framework asks for a number of days"
        )
    if isinstance(lock, Unreadable):
        return unknown(subject.bucket_name, lock)
    days = 0 if isinstance(lock, Absent) or not lock.mode else lock.days
    asked = f"the {subject.retention_days} days of {subject.asked_by}"
    if days < subject.retention_days:
        return failed(subject.bucket_name, f"{days} days of lock, less than {asked}")
    return passed(subject.bucket_name, f"{days} days of lock cover {asked}")


def _does_not_expire_early(subject: Subject, bucket: Bucket) -> Answer:
    rules = bucket.lifecycle
    lock = bucket.object_lock
    if isinstance(rules, Unreadable):
        return unknown(subject.bucket_name, rules)
    if isinstance(rules, Absent):
        return passed(subject.bucket_name, "no lifecycle rule deletes anything")
    if isinstance(lock, Unreadable):
        return unknown(subject.bucket_name, lock)
    days = max(subject.retention_days, lock.days if isinstance(lock, ObjectLock) else 0)
    if found := list(early_expirations(rules, days)):
        return failed(subject.bucket_name, f"{'; '.join(found)}, before {days} days are over")
    return passed(subject.bucket_name, f"no lifecycle rule ends a log before {days} days are over")


def _has_lifecycle(subject: Subject, bucket: Bucket) -> Answer:
    if isinstance(bucket.lifecycle, Unreadable):
        return unknown(subject.bucket_name, bucket.lifecycle)
    if isinstance(bucket.lifecycle, Absent):
        return failed(
            subject.bucket_name, "no lifecycle rules, so remains of broken uploads stay and are billed"
        )
    return passed(subject.bucket_name, "there are lifecycle rules")


def _hides_nothing(subject: Subject, _: Bucket) -> Answer:
    versions = subject.facts.versions
    if isinstance(versions, Unreadable):
        return unknown(subject.bucket_name, versions)
    if versions.delete_markers:
        shown = ", ".join(versions.delete_markers[:_NAMED])
        return failed(
            subject.bucket_name,
            f"{len(versions.delete_markers)} delete markers among {versions.looked_at} versions: {shown}",
        )
    if not versions.is_complete:
        return unknown(
            subject.bucket_name,
            f"no delete marker among the first {versions.looked_at} versions, and there are more; "
            "see more with --versions",
        )
    return passed(subject.bucket_name, f"no delete marker among all {versions.looked_at} versions")


def _needs_mfa(subject: Subject, bucket: Bucket) -> Answer:
    lock, mfa = bucket.object_lock, subject.facts.mfa_delete
    if isinstance(lock, ObjectLock) and lock.mode:
        return not_applicable(
            subject.bucket_name,
            "Object Lock refuses what MFA Delete would ask for, and MFA Delete forbids lifecycle rules",
        )
    if isinstance(mfa, Unreadable):
        return unknown(subject.bucket_name, mfa)
    return passed(subject.bucket_name, "MFA Delete is on") if mfa else failed(subject.bucket_name, "none")


def _replicates_inside(subject: Subject, _: Bucket) -> Answer:
    replicas, accounts = subject.facts.replicas, subject.estate.accounts
    if isinstance(replicas, Unreadable):
        return unknown(subject.bucket_name, replicas)
    if isinstance(replicas, Absent) or not replicas:
        return not_applicable(subject.bucket_name, "nothing is replicated")
    if isinstance(accounts, Unreadable):
        return unknown(subject.bucket_name, accounts)
    inside = {account.id for account in accounts} | {""}
    if outside := [replica for replica in replicas if replica.account not in inside]:
        return failed(
            subject.bucket_name,
            f"copies in {outside[0].bucket} of account {outside[0].account}, which the organization has not",
        )
    return passed(subject.bucket_name, f"copies stay in {', '.join(replica.bucket for replica in replicas)}")


def _is_copied(subject: Subject, _: Bucket) -> Answer:
    replicas = subject.facts.replicas
    if isinstance(replicas, Unreadable):
        return unknown(subject.bucket_name, replicas)
    if isinstance(replicas, Absent) or not replicas:
        return failed(subject.bucket_name, "no replication")
    return passed(subject.bucket_name, f"logs are copied to {', '.join(one.bucket for one in replicas)}")


ARCHIVE_CONTROLS = (
    Control(
        id="archive.bucket",
        severity=Severity.CRITICAL,
        question="Is the bucket that the trail delivers to there, and the archive account's own?",
        expected="a bucket of the archive account",
        check=_is_ours,
        remedy="create the bucket, or deliver to one of yours: anyone can take a name that is free",
        action="bucket.create",
    ),
    Control(
        id="archive.separate_account",
        severity=Severity.HIGH,
        question="Is the archive in a member account of its own, where organization policies bind?",
        expected="a bucket in a member account",
        check=of_bucket(_is_apart),
        remedy="let the trail deliver to a bucket in a log archive account",
        action="account.create",
    ),
    Control(
        id="archive.versioning",
        severity=Severity.HIGH,
        question="Does the bucket keep what is overwritten or deleted?",
        expected="versioning on",
        check=of_bucket(_is_versioned),
        remedy="switch versioning on",
        action="bucket.versioning",
    ),
    Control(
        id="archive.object_lock",
        severity=Severity.HIGH,
        question="Is every new log locked?",
        expected="Object Lock with a default retention",
        check=of_bucket(_is_locked),
        remedy="set the default retention; only what is delivered from then on is locked",
        action="bucket.object_lock",
    ),
    Control(
        id="archive.lock_mode",
        severity=Severity.MEDIUM,
        question="Can nobody lift the lock before its time?",
        expected="COMPLIANCE, or GOVERNANCE that guards keep anyone from bypassing",
        check=of_bucket(_is_lock_final),
        remedy="arm the guards, or set retention.lock_mode to COMPLIANCE, which is final",
        action="scp.attach",
    ),
    Control(
        id="archive.retention",
        severity=Severity.HIGH,
        question="Are logs locked as long as they must be kept?",
        expected="a lock for as long as is asked for",
        check=of_bucket(_is_kept),
        remedy="raise retention.days",
        action="bucket.object_lock",
    ),
    Control(
        id="archive.lifecycle",
        severity=Severity.HIGH,
        question="Does no lifecycle rule delete or hide a log before its time?",
        expected="no rule that expires logs early",
        check=of_bucket(_does_not_expire_early),
        remedy="remove the rule, or let it come after the retention",
        action="bucket.lifecycle",
    ),
    Control(
        id="archive.lifecycle_rules",
        severity=Severity.LOW,
        question="Does the bucket have lifecycle rules, which clean up what is left of broken uploads?",
        expected="lifecycle rules",
        check=of_bucket(_has_lifecycle),
        remedy="add a rule that aborts multipart uploads",
        action="bucket.lifecycle",
    ),
    Control(
        id="archive.delete_markers",
        severity=Severity.CRITICAL,
        question="Is no log hidden behind a delete marker?",
        expected="no delete marker",
        check=of_bucket(_hides_nothing),
        remedy="find out who set it, then delete the marker: the locked log below it is still there",
    ),
    Control(
        id="archive.mfa_delete",
        severity=Severity.LOW,
        question="Does a delete need a second factor, where no Object Lock refuses it?",
        expected="MFA Delete",
        check=of_bucket(_needs_mfa),
        remedy="lock the logs instead",
        action="bucket.object_lock",
    ),
    Control(
        id="archive.copy",
        severity=Severity.LOW,
        question="Is there a copy of the logs in another bucket?",
        expected="replication to another bucket",
        check=of_bucket(_is_copied),
        remedy="replicate to a locked bucket in another region, or keep a copy of the lake",
    ),
    Control(
        id="archive.replication",
        severity=Severity.HIGH,
        question="Do copies of the logs stay in the organization?",
        expected="copies in accounts of the organization",
        check=of_bucket(_replicates_inside),
        remedy="remove the replication rule, and find out who set it",
    ),
)
