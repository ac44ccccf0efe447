"""What the roles that may read the archive are given: in the bucket policy, and in the key policy."""

from __future__ import annotations

from trailkeep.core.config import Config
from trailkeep.guard.documents import Document

__all__ = ["letting_readers", "reader_key_grants", "readers_in"]

_SID = "TrailkeepReaders"


def letting_readers(policy: Document, config: Config, *, partition: str) -> Document:
    """Return the bucket policy, extended by the roles that may list and read every version of a log.

    Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    """
    if not config.archive.readers:
        return policy
    arn = f"arn:{partition}:s3:::{config.archive.bucket}"
    statement: Document = {
        "Sid": _SID,
        "Effect": "Allow",
        "Principal": {"AWS": [*config.archive.readers]},
        "Action": ["s3:GetObject*", "s3:ListBucket*"],
        "Resource": [arn, f"{arn}/*"],
    }
    return {**policy, "Statement": [*policy["Statement"], statement]}


def reader_key_grants(config: Config) -> list[Document]:
    """Return the statement that lets the readers decrypt, none where there are no readers.

    It asks for no encryption context: with a bucket key that is the bucket's ARN, without one the trail's.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
    """
    if not config.archive.readers:
        return []
    return [
        {
            "Sid": _SID,
            "Effect": "Allow",
            "Principal": {"AWS": [*config.archive.readers]},
            "Action": ["kms:Decrypt", "kms:DescribeKey"],
            "Resource": "*",
        }
    ]


def readers_in(policy: Document) -> frozenset[str]:
    """Return the roles that a bucket policy of ours lets read."""
    return frozenset(
        role
        for statement in policy["Statement"]
        if statement["Sid"] == _SID
        for role in statement["Principal"]["AWS"]
    )
