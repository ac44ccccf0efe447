"""What nothing guards in the archive of one account, said before anybody relies on it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html (on the account's root user)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trailkeep.guard.blueprint import Blueprint

__all__ = ["PROBED", "limits", "not_probed"]

PROBED = (
    "s3:DeleteObjectVersion",
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",
    "s3:PutObject",
    "s3:AbortMultipartUpload",
)
"""The calls that an armed archive is probed with where something refuses them."""
_LOCK_READS = frozenset({"s3:GetObjectRetention", "s3:HeadObject", "s3:ListObjectsV2", "sts:AssumeRole"})
"""What the check of the lock ends with where it saw a log, or could not look."""
_NO_LOCKED_LOG = (
    "the lock: no log was seen under it yet (to see it takes s3:GetObjectRetention); "
    "run 'trailkeep apply --arm' again later"
)


def not_probed(blueprint: Blueprint, made: Iterable[str]) -> tuple[str, ...]:
    """Return what was not tried or seen, as the calls ``made`` show; the archive is armed.

    In the archive of one account a call is tried only where the bucket policy refuses it. Where another call
    is among them, nobody could look what refuses, and there is nothing to say of the calls.
    """
    calls = {*made}
    lock = () if calls & _LOCK_READS else (_NO_LOCKED_LOG,)
    if blueprint.is_of_organization or not calls <= {*PROBED, *_LOCK_READS}:
        return lock
    return (
        *(
            f"{call}: nothing refuses it to an administrator of the account, so it is not tried"
            for call in PROBED
            if call not in calls
        ),
        *lock,
    )


def limits(blueprint: Blueprint) -> tuple[str, ...]:
    """Return what the account's own administrators still can do; nothing where it is an organization's."""
    return () if blueprint.is_of_organization else tuple(_limits(blueprint))


def _limits(blueprint: Blueprint) -> Iterator[str]:
    account, bucket = blueprint.archive_account, blueprint.bucket
    yield (
        f"administrators and the root user of {account} can stop, change or delete the trail; "
        "what happens then is not recorded, and what was delivered stays"
    )
    yield (
        f"they can change the bucket policy, the lifecycle and the lock of logs to come of {bucket}; "
        "the root user can always set the bucket policy again"
    )
    if blueprint.lock_mode == "COMPLIANCE":
        yield (
            "they cannot delete or change a log that was delivered under COMPLIANCE before its days end; "
            "they can hide it behind a delete marker, and its versions stay"
        )
    else:
        yield (
            "where the bucket policy lets them, or after they changed it, they can delete a log that is "
            "locked under GOVERNANCE, with s3:BypassGovernanceRetention; only COMPLIANCE holds against them"
        )
    if blueprint.encryption == "sse-kms":
        yield (
            "they can disable the key or schedule its deletion; without it no log can be read, locked or not"
        )
    yield f"whoever closes account {account} deletes its logs after 90 days, locked or not [nv]"
