"""What tests of proofs share: the usual pasted recipe, written anew, and folders of policies as mappings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trailkeep.guard.prove_closure import Prover
from trailkeep.guard.prove_documents import document_guards

__all__ = ["BUCKET", "PARAMS", "RECIPE", "TRAIL", "Folder", "folder", "prover", "read_folder"]

BUCKET = "recipe-trail-archive"
ORGANIZATION = "o-exampleorgid"
TRAIL = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep"
PARAMS = {
    "bucket": BUCKET,
    "management_account": "111111111111",
    "archive_account": "222222222222",
    "organization": ORGANIZATION,
    "trail": TRAIL,
}
_CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}
RECIPE: Mapping[str, Any] = {
    "bucket-policy.json": {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "CloudTrailAclCheck",
                "Effect": "Allow",
                "Principal": _CLOUDTRAIL,
                "Action": "s3:GetBucketAcl",
                "Resource": f"arn:aws:s3:::{BUCKET}",
            },
            {
                "Sid": "CloudTrailWrite",
                "Effect": "Allow",
                "Principal": _CLOUDTRAIL,
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{BUCKET}/AWSLogs/{ORGANIZATION}/*",
                "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
            },
        ],
    },
    "scp.json": {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ProtectLogs",
                "Effect": "Deny",
                "Action": [
                    "s3:DeleteBucket",
                    "s3:DeleteBucketPolicy",
                    "s3:DeleteObject",
                    "s3:DeleteObjectVersion",
                    "s3:PutBucketAcl",
                    "s3:PutBucketPolicy",
                    "s3:PutBucketVersioning",
                    "s3:PutEncryptionConfiguration",
                    "s3:PutLifecycleConfiguration",
                    "s3:PutObjectAcl",
                    "s3:PutObjectTagging",
                ],
                "Resource": [f"arn:aws:s3:::{BUCKET}"],
            }
        ],
    },
}
"""A bucket policy without a source and an SCP on the bucket's ARN alone, as blog posts have them."""

Folder = dict[str, bytes | str]


def folder(documents: Mapping[str, Any], *, params: Mapping[str, str] | None = None) -> Folder:
    """Return documents as the files of a folder."""
    listed = {**documents, **({"params.json": params} if params else {})}
    return {name: json.dumps(document).encode() for name, document in listed.items()}


def read_folder(path: Path) -> Folder:
    """Return the JSON files of a folder."""
    return {file.name: file.read_bytes() for file in sorted(path.glob("*.json"))}


def prover(files: Folder) -> Prover:
    """Return what proves a folder."""
    return Prover(guards=document_guards(files))
