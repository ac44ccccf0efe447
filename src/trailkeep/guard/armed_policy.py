"""The armed bucket policy: what it denies beside what the plain one lets in.

The plain policy lets one trail deliver and the readers read. The armed one also denies, to everybody and
without an exemption, whatever neither they nor ``apply`` need:

::

    TrailkeepDenyOtherWriters   a new object by anybody but the trail
    TrailkeepDenyLogChanges     any change of an object: delete, retention, legal hold, bypass, tags, ACL
    TrailkeepDenyBucketChanges  any change of the bucket that ``apply`` does not make

It does not deny what ``apply`` does to the bucket. Root of the bucket's account may replace a bucket policy
whatever that policy says, so a deny of it would keep out nobody but the operator; the service control policy
and the resource control policy deny it while they are attached. For the same reason no caller ever loses
``s3:PutBucketPolicy``, and S3 never has to be told ``ConfirmRemoveSelfBucketAccess``.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
"""

from __future__ import annotations

from trailkeep.guard.documents import Document, canonical, compact, sids

__all__ = ["arming", "present", "with_denies"]

_READS = ("s3:Get*", "s3:List*")
_OPERATED = (
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketRequestPayment",
    "s3:PutBucketTagging",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
)
"""What ``apply`` changes of a bucket that exists."""


def arming(*, partition: str, bucket: str, trail: str) -> tuple[Document, ...]:
    """Return the statements that arm the policy of a bucket; ``trail`` is the ARN of the one trail.

    A request without ``aws:SourceArn`` is not the trail's. ``NotAction`` denies what AWS has yet to invent.
    """
    arn = f"arn:{partition}:s3:::{bucket}"
    everybody: Document = {"Effect": "Deny", "Principal": "*"}
    return (
        {
            "Sid": "TrailkeepDenyOtherWriters",
            **everybody,
            "Action": "s3:PutObject",
            "Resource": f"{arn}/*",
            "Condition": {"StringNotEquals": {"aws:SourceArn": trail}},
        },
        {
            "Sid": "TrailkeepDenyLogChanges",
            **everybody,
            "NotAction": [*_READS, "s3:PutObject", "s3:RestoreObject"],
            "Resource": f"{arn}/*",
        },
        {
            "Sid": "TrailkeepDenyBucketChanges",
            **everybody,
            "NotAction": [*_READS, *_OPERATED],
            "Resource": arn,
        },
    )


def with_denies(policy: Document, denies: tuple[Document, ...]) -> Document:
    """Return the policy with further statements at its end."""
    return {**policy, "Statement": [*policy["Statement"], *denies]}


def present(text: str, plain: Document, armed: Document) -> tuple[Document, ...]:
    """Return the statements beyond ``plain`` that a policy text holds of ``armed``, in their wanted form.

    A statement is held by its Sid, whatever it says by now, or by what it says.
    """
    held, said = sids(text), canonical(text) or frozenset()
    return tuple(
        statement
        for statement in armed["Statement"]
        if statement not in plain["Statement"] and (statement["Sid"] in held or _said(statement) <= said)
    )


def _said(statement: Document) -> frozenset[str]:
    return canonical(compact({"Statement": [statement]})) or frozenset()
