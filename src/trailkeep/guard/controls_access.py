"""Controls of who reaches the bucket, and how it answers.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
"""

from __future__ import annotations

from trailkeep.guard.control import Answer, Control, Severity, Subject, failed, passed, unknown
from trailkeep.guard.controls_archive import of_bucket
from trailkeep.guard.effective import Threat, effective
from trailkeep.guard.estate import Absent, Bucket, Encryption, PublicAccessBlock, Trail, Unreadable

__all__ = ["ACCESS_CONTROLS"]

_PUBLIC_SWITCHES = (
    "block_public_acls",
    "ignore_public_acls",
    "block_public_policy",
    "restrict_public_buckets",
)


def _blocks_public(subject: Subject, bucket: Bucket) -> Answer:
    return _block(subject.bucket_name, bucket.public_access_block)


def _account_blocks_public(subject: Subject, bucket: Bucket) -> Answer:
    return _block(f"account {bucket.owner}", subject.estate.account_public_access_block)


def _block(resource: str, block: PublicAccessBlock | Absent | Unreadable) -> Answer:
    if isinstance(block, Unreadable):
        return unknown(resource, block)
    if isinstance(block, Absent):
        return failed(resource, "no public access block")
    off = [name for name in _PUBLIC_SWITCHES if not getattr(block, name)]
    return failed(resource, f"{', '.join(off)} off") if off else passed(resource, "all four switches are on")


def _is_not_public(subject: Subject, bucket: Bucket) -> Answer:
    block, of_account = bucket.public_access_block, subject.estate.account_public_access_block
    if _overrules(block) or _overrules(of_account):
        return passed(subject.bucket_name, "the public access block overrules policy and ACL")
    grants = subject.facts.public_grants
    gaps = effective(subject.attached, Threat.READ)
    if gaps and not isinstance(gaps, Unreadable):
        return failed(subject.bucket_name, f"{gaps[0].caller} may call {gaps[0].action}: {gaps[0].reason}")
    if not isinstance(grants, Unreadable) and grants and bucket.ownership != "BucketOwnerEnforced":
        return failed(subject.bucket_name, f"an ACL that grants {', '.join(grants)}")
    for fact in (block, of_account, grants, gaps):
        if isinstance(fact, Unreadable):
            return unknown(subject.bucket_name, fact)
    return passed(subject.bucket_name, "neither policy nor ACL lets a stranger in")


def _overrules(block: PublicAccessBlock | Absent | Unreadable) -> bool:
    if not isinstance(block, PublicAccessBlock):
        return False
    return block.restrict_public_buckets and block.ignore_public_acls


def _is_owner_enforced(subject: Subject, bucket: Bucket) -> Answer:
    if isinstance(bucket.ownership, Unreadable):
        return unknown(subject.bucket_name, bucket.ownership)
    if bucket.ownership == "BucketOwnerEnforced":
        return passed(subject.bucket_name, "ACLs have no effect")
    told = "none" if isinstance(bucket.ownership, Absent) else bucket.ownership
    return failed(subject.bucket_name, f"object ownership {told}, under which an ACL can give a log away")


def _lets_owner_pay(subject: Subject, bucket: Bucket) -> Answer:
    if isinstance(bucket.request_payer, Unreadable):
        return unknown(subject.bucket_name, bucket.request_payer)
    if bucket.request_payer == "Requester":
        return failed(subject.bucket_name, "requester pays, to which CloudTrail cannot deliver")
    return passed(subject.bucket_name, "the owner pays for requests")


def _is_access_logged(subject: Subject, bucket: Bucket) -> Answer:
    target = subject.facts.access_log_bucket
    if isinstance(target, Unreadable):
        return unknown(subject.bucket_name, target)
    if isinstance(target, Absent):
        return failed(subject.bucket_name, "no server access logs")
    if target == bucket.name:
        return failed(
            subject.bucket_name, "server access logs in the archive itself, where S3 cannot write them"
        )
    return passed(subject.bucket_name, f"server access logs go to {target}")


def _is_kms_encrypted(subject: Subject, bucket: Bucket) -> Answer:
    match bucket.encryption:
        case Unreadable() as why:
            return unknown(subject.bucket_name, why)
        case Encryption(kms_key=key) if key:
            return passed(subject.bucket_name, f"new objects are encrypted with {key}")
        case _:
            return failed(subject.bucket_name, "keys of S3's own")


def _tells(subject: Subject, _: Bucket) -> Answer:
    trail, notifies = subject.trail, subject.facts.notifies
    if isinstance(trail, Trail) and trail.sns_topic:
        return passed(subject.bucket_name, f"CloudTrail tells {trail.sns_topic} of each log")
    if notifies is True:
        return passed(subject.bucket_name, "S3 tells of each object")
    for fact in (notifies, trail):
        if isinstance(fact, Unreadable):
            return unknown(subject.bucket_name, fact)
    return failed(subject.bucket_name, "neither a topic of the trail nor event notifications of the bucket")


ACCESS_CONTROLS = (
    Control(
        id="archive.public_access_block",
        severity=Severity.HIGH,
        question="Are all four public access blocks of the bucket on?",
        expected="all four switches on",
        check=of_bucket(_blocks_public),
        remedy="switch them on",
        action="bucket.public_access",
    ),
    Control(
        id="archive.account_public_access_block",
        severity=Severity.MEDIUM,
        question="Are all four public access blocks of the archive account on?",
        expected="all four switches on",
        check=of_bucket(_account_blocks_public),
        remedy="switch them on for the whole account",
        action="account.public_access",
    ),
    Control(
        id="archive.not_public",
        severity=Severity.CRITICAL,
        question="Can no stranger read or write the archive?",
        expected="a bucket that lets no stranger in",
        check=of_bucket(_is_not_public),
        remedy="remove the statement or the grant, and switch the public access block on",
        action="bucket.public_access",
    ),
    Control(
        id="archive.ownership",
        severity=Severity.MEDIUM,
        question="Are ACLs without effect?",
        expected="BucketOwnerEnforced",
        check=of_bucket(_is_owner_enforced),
        remedy="set it",
        action="bucket.ownership",
    ),
    Control(
        id="archive.requester_pays",
        severity=Severity.CRITICAL,
        question="Does the owner of the bucket pay for requests?",
        expected="the owner to pay",
        check=of_bucket(_lets_owner_pay),
        remedy="set request payment to BucketOwner",
        action="bucket.request_payment",
    ),
    Control(
        id="archive.access_logging",
        severity=Severity.LOW,
        question="Does S3 write server access logs of the archive to another bucket?",
        expected="server access logs",
        check=of_bucket(_is_access_logged),
        remedy="log to an unlocked bucket of the same account and region",
    ),
    Control(
        id="archive.notifications",
        severity=Severity.LOW,
        question="Is something told of each log that arrives?",
        expected="a topic or event notifications",
        check=of_bucket(_tells),
        remedy="set trail.sns_topic; nothing that Trailkeep does needs it",
        action="trail.update",
    ),
    Control(
        id="archive.kms_encryption",
        severity=Severity.LOW,
        question="Does the bucket encrypt with a KMS key of your own?",
        expected="a KMS key",
        check=of_bucket(_is_kms_encrypted),
        remedy="set archive.encryption to sse-kms, or keep S3's keys, which nobody can delete",
        action="bucket.encryption",
    ),
)
