"""The policy documents that guard an archive, and how an observed one is made to say what it must.

Documents are plain JSON values; ``canonical`` says when two are equal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

from trailkeep.guard.canonical import Document, canonical, canonical_statement, sids, statements_of

__all__ = [
    "Document",
    "Merged",
    "archive_scp",
    "bucket_policy",
    "canonical",
    "compact",
    "merge",
    "numbered",
    "only_lets_read",
    "sids",
]


def bucket_policy(
    *, partition: str, bucket: str, organization_id: str, management_account: str, trail: str
) -> Document:
    """Return the policy that lets exactly one trail (``trail`` is its ARN) deliver, and only over TLS.

    ``organization_id`` is empty for the trail of one account, which delivers below its own folder alone.

    Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
    """
    arn = f"arn:{partition}:s3:::{bucket}"
    service = {"Service": "cloudtrail.amazonaws.com"}
    source = {"aws:SourceArn": trail}
    delivery = {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", **source}}
    organization = {
        "Sid": "AWSCloudTrailOrganizationWrite20150319",
        "Effect": "Allow",
        "Principal": service,
        "Action": "s3:PutObject",
        "Resource": f"{arn}/AWSLogs/{organization_id}/*",
        "Condition": delivery,
    }
    return _document(
        {
            "Sid": "AWSCloudTrailAclCheck20150319",
            "Effect": "Allow",
            "Principal": service,
            "Action": "s3:GetBucketAcl",
            "Resource": arn,
            "Condition": {"StringEquals": source},
        },
        {
            "Sid": "AWSCloudTrailWrite20150319",
            "Effect": "Allow",
            "Principal": service,
            "Action": "s3:PutObject",
            "Resource": f"{arn}/AWSLogs/{management_account}/*",
            "Condition": delivery,
        },
        *([organization] if organization_id else []),
        {
            "Sid": "TrailkeepDenyInsecureTransport",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    )


def archive_scp(*, partition: str, bucket: str, archive_account: str) -> Document:
    """Return the service control policy that makes the archive read-only for its own account, root included.

    ``NotAction`` denies what AWS has yet to invent; the bucket, its objects and every access point are named,
    because an action on objects never matches the ARN of a bucket.

    Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_syntax.html
    """
    arn = f"arn:{partition}:s3:::{bucket}"
    return _document(
        {
            "Sid": "ArchiveReadOnly",
            "Effect": "Deny",
            "NotAction": ["s3:Get*", "s3:List*", "s3:RestoreObject"],
            "Resource": [
                arn,
                f"{arn}/*",
                f"arn:{partition}:s3:*:{archive_account}:accesspoint/*",
                f"arn:{partition}:s3::{archive_account}:accesspoint/*",
            ],
        },
        {
            "Sid": "NoNewAccessPaths",
            "Effect": "Deny",
            "Action": [
                "s3:CreateAccessPoint*",
                "s3:PutAccessPoint*",
                "s3:DeleteAccessPoint*",
                "s3:CreateMultiRegionAccessPoint",
                "s3:PutMultiRegionAccessPointPolicy",
                "s3:CreateAccessGrant*",
                "s3:PutAccessGrants*",
                "s3:PutAccountPublicAccessBlock",
                "s3:CreateJob",
            ],
            "Resource": "*",
        },
        {
            "Sid": "StayInOrganization",
            "Effect": "Deny",
            "Action": [
                "organizations:LeaveOrganization",
                "organizations:AcceptHandshake",
                "account:CloseAccount",
                "account:DisableRegion",
            ],
            "Resource": "*",
        },
    )


def compact(document: Document) -> str:
    """Return the JSON text without white space, which counts against AWS's size limits."""
    return json.dumps(document, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """An observed policy made to say what it must: the ``document``, and what became of further statements.

    ``kept`` and ``dropped`` are compact JSON texts; a text that is no policy is dropped as a whole.
    """

    document: Document
    kept: tuple[str, ...]
    dropped: tuple[str, ...]
    changed: bool


def merge(
    text: str,
    wanted: Document,
    *,
    may_stay: Callable[[Document], bool],
    is_older: Callable[[Document], bool],
) -> Merged:
    """Return what an observed policy text must become to say all of ``wanted``.

    A statement that has the Sid of a wanted one is replaced where ``is_older`` says that it is an older
    version; any other further statement stays where ``may_stay`` says so, under a Sid of its own.
    """
    statements = statements_of(text)
    if statements is None:
        return Merged(document=wanted, kept=(), dropped=(text,), changed=True)
    ours = {statement["Sid"] for statement in wanted["Statement"]}
    said = canonical(compact(wanted)) or frozenset()
    further = [
        statement
        for statement in statements
        if not (str(statement.get("Sid")) in ours and is_older(statement))
        and canonical_statement(statement) not in said
    ]
    staying = [statement for statement in further if may_stay(statement)]
    document = {**wanted, "Statement": [*wanted["Statement"], *numbered(staying, ours)]}
    return Merged(
        document=document,
        kept=tuple(map(compact, staying)),
        dropped=tuple(compact(statement) for statement in further if statement not in staying),
        changed=canonical(text) != canonical(compact(document)),
    )


def numbered(statements: Iterable[Document], taken: set[str]) -> list[Document]:
    """Return the statements with a number behind each Sid that is taken."""
    listed = [*statements]
    used = taken | {str(statement["Sid"]) for statement in listed if "Sid" in statement}
    named = []
    for statement in listed:
        sid = str(statement.get("Sid"))
        if sid in taken:
            sid = next(f"{sid}{number}" for number in count(2) if f"{sid}{number}" not in used)
            used = used | {sid}
            named.append({**statement, "Sid": sid})
        else:
            named.append(statement)
    return named


def only_lets_read(statement: Document) -> bool:
    """Return whether a statement of a bucket policy does no more than let somebody named read."""
    actions = [str(action).lower() for action in _listed(statement.get("Action", []))]
    named = statement.get("Principal")
    principals = (
        [str(who) for many in named.values() for who in _listed(many)] if isinstance(named, dict) else []
    )
    return (
        statement.get("Effect") == "Allow"
        and actions != []
        and all(action.startswith(("s3:get", "s3:list")) for action in actions)
        and principals != []
        and not any("*" in who for who in principals)
    )


def _document(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
