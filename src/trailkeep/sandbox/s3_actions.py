"""Which IAM actions an S3 request needs, on which ARNs.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from trailkeep.sandbox.calls import Call
from trailkeep.sandbox.xml_bodies import read_xml

__all__ = ["ACCOUNT_BLOCK", "Need", "deleted_objects", "is_bypassing", "s3_needs"]

_BUCKET_READS = {
    "abac": "GetBucketAbac",
    "accelerate": "GetAccelerateConfiguration",
    "acl": "GetBucketAcl",
    "analytics": "GetAnalyticsConfiguration",
    "cors": "GetBucketCORS",
    "encryption": "GetEncryptionConfiguration",
    "intelligent-tiering": "GetIntelligentTieringConfiguration",
    "inventory": "GetInventoryConfiguration",
    "lifecycle": "GetLifecycleConfiguration",
    "location": "GetBucketLocation",
    "logging": "GetBucketLogging",
    "metadataConfiguration": "GetBucketMetadataTableConfiguration",
    "metadataTable": "GetBucketMetadataTableConfiguration",
    "metrics": "GetMetricsConfiguration",
    "notification": "GetBucketNotification",
    "object-lock": "GetBucketObjectLockConfiguration",
    "ownershipControls": "GetBucketOwnershipControls",
    "policy": "GetBucketPolicy",
    "policyStatus": "GetBucketPolicyStatus",
    "publicAccessBlock": "GetBucketPublicAccessBlock",
    "replication": "GetReplicationConfiguration",
    "requestPayment": "GetBucketRequestPayment",
    "tagging": "GetBucketTagging",
    "uploads": "ListBucketMultipartUploads",
    "versioning": "GetBucketVersioning",
    "versions": "ListBucketVersions",
    "website": "GetBucketWebsite",
}
_BUCKET_POSTS = {
    "metadataConfiguration": "CreateBucketMetadataTableConfiguration",
    "metadataTable": "CreateBucketMetadataTableConfiguration",
}
_BUCKET_WRITES = {
    name: action.replace("Get", "Put", 1) for name, action in _BUCKET_READS.items() if "Get" in action
} | {
    "metadataAnnotationTable": "UpdateBucketMetadataAnnotationTableConfiguration",
    "metadataInventoryTable": "UpdateBucketMetadataInventoryTableConfiguration",
    "metadataJournalTable": "UpdateBucketMetadataJournalTableConfiguration",
}
_BUCKET_DELETES = _BUCKET_WRITES | {
    "metadataConfiguration": "DeleteBucketMetadataTableConfiguration",
    "metadataTable": "DeleteBucketMetadataTableConfiguration",
    "policy": "DeleteBucketPolicy",
    "website": "DeleteBucketWebsite",
}
_BUCKET_TABLES = {
    "PUT": (_BUCKET_WRITES, "CreateBucket"),
    "POST": (_BUCKET_POSTS, "PutObject"),
    "DELETE": (_BUCKET_DELETES, "DeleteBucket"),
}
_OBJECT_READS = {
    "acl": ("GetObjectAcl", "GetObjectVersionAcl"),
    "annotation": ("GetObjectAnnotation", "GetObjectVersionAnnotation"),
    "attributes": ("GetObjectAttributes", "GetObjectVersionAttributes"),
    "legal-hold": ("GetObjectLegalHold", "GetObjectLegalHold"),
    "retention": ("GetObjectRetention", "GetObjectRetention"),
    "tagging": ("GetObjectTagging", "GetObjectVersionTagging"),
    "torrent": ("GetObjectTorrent", "GetObjectVersionTorrent"),
    "uploadId": ("ListMultipartUploadParts", "ListMultipartUploadParts"),
    "": ("GetObject", "GetObjectVersion"),
}
_OBJECT_WRITES = {
    "acl": ("PutObjectAcl", "PutObjectVersionAcl"),
    "annotation": ("PutObjectAnnotation", "PutObjectVersionAnnotation"),
    "encryption": ("UpdateObjectEncryption", "UpdateObjectEncryption"),
    "legal-hold": ("PutObjectLegalHold", "PutObjectLegalHold"),
    "restore": ("RestoreObject", "RestoreObject"),
    "retention": ("PutObjectRetention", "PutObjectRetention"),
    "select": ("GetObject", "GetObject"),
    "tagging": ("PutObjectTagging", "PutObjectVersionTagging"),
    "": ("PutObject", "PutObject"),
}
_OBJECT_DELETES = {
    "annotation": ("DeleteObjectAnnotation", "DeleteObjectVersionAnnotation"),
    "tagging": ("DeleteObjectTagging", "DeleteObjectVersionTagging"),
    "uploadId": ("AbortMultipartUpload", "AbortMultipartUpload"),
    "": ("DeleteObject", "DeleteObjectVersion"),
}
_LOCK_HEADERS = {
    "x-amz-object-lock-mode": "s3:object-lock-mode",
    "x-amz-object-lock-retain-until-date": "s3:object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold": "s3:object-lock-legal-hold",
}
_CONDITION_HEADERS = (
    "x-amz-acl",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-metadata-directive",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One action that a request needs; ``bucket`` is empty where no bucket is meant."""

    action: str
    resource: str
    bucket: str
    context: dict[str, tuple[str, ...]] = field(default_factory=dict)


ACCOUNT_BLOCK = "/v20180820/configuration/publicAccessBlock"


def s3_needs(call: Call) -> tuple[Need, ...]:
    """Return every action that an S3 request needs; for a multi-object delete see ``deleted_objects``."""
    if call.path == ACCOUNT_BLOCK:
        verb = "Get" if call.method == "GET" else "Put"
        return (Need(action=f"s3:{verb}AccountPublicAccessBlock", resource="*", bucket=""),)
    if not call.bucket:
        return (_need(call, "ListAllMyBuckets", bucket="", key=""),)
    if call.key:
        return _object_needs(call)
    if call.method == "POST" and not _BUCKET_POSTS.keys() & call.query.keys():
        return () if "delete" in call.query else (_need(call, "PutObject", bucket=call.bucket, key="*"),)
    return (_need(call, _bucket_action(call), bucket=call.bucket, key=""),)


def deleted_objects(call: Call) -> list[tuple[dict[str, Any], tuple[Need, ...]]]:
    """Return the entries of a multi-object delete, each with the actions it needs; none if malformed."""
    entries = (read_xml(call.body, "Delete") or {}).get("Object", [])
    listed = entries if isinstance(entries, list) else [entries]
    return [(entry, _delete_needs(call, entry["Key"], entry.get("VersionId"))) for entry in listed]


def is_bypassing(call: Call) -> bool:
    """Say whether a request asks to bypass GOVERNANCE retention."""
    return call.headers.get("x-amz-bypass-governance-retention", "").lower() == "true"


def _bucket_action(call: Call) -> str:
    """Name the action on a bucket; a write that is not known here gets a name of its own, never another's."""
    table, plain = _BUCKET_TABLES.get(call.method, (_BUCKET_READS, "ListBucket"))
    known = next((action for name, action in table.items() if name in call.query), "")
    unknown = "".join(name for name in call.query if name != "x-id")
    if known or table is _BUCKET_READS or not unknown.isalnum():
        return known or plain
    return f"{call.method.title()}Bucket{unknown.title()}"


def _object_needs(call: Call) -> tuple[Need, ...]:
    match call.method:
        case "PUT" | "POST":
            return _write_needs(call)
        case "DELETE" if not _OBJECT_DELETES.keys() & call.query.keys():
            return _delete_needs(call, call.key, call.query.get("versionId"))
        case "DELETE":
            return (_object_need(call, _OBJECT_DELETES),)
        case _:
            return (_object_need(call, _OBJECT_READS),)


def _object_need(call: Call, table: dict[str, tuple[str, str]]) -> Need:
    names = next((names for part, names in table.items() if part and part in call.query), table[""])
    return _need(call, names["versionId" in call.query], bucket=call.bucket, key=call.key)


def _write_needs(call: Call) -> tuple[Need, ...]:
    first = _object_need(call, _OBJECT_WRITES)
    more = [name for name, is_needed in _further_writes(call, first.action).items() if is_needed]
    needs = [first, *(_need(call, name, bucket=call.bucket, key=call.key) for name in more)]
    if source := call.headers.get("x-amz-copy-source"):
        bucket, _, rest = unquote(source).removeprefix("/").partition("/")
        key, is_version, _ = rest.partition("?versionId=")
        needs.append(_need(call, "GetObjectVersion" if is_version else "GetObject", bucket=bucket, key=key))
    return tuple(needs)


def _further_writes(call: Call, action: str) -> dict[str, bool]:
    """What the headers of a write ask for beyond its first action."""
    is_object = action == "s3:PutObject"
    acl = call.headers.get("x-amz-acl", "bucket-owner-full-control")
    return {
        "PutObjectAcl": is_object and acl != "bucket-owner-full-control",
        "PutObjectTagging": is_object and "x-amz-tagging" in call.headers,
        "PutObjectRetention": is_object and "x-amz-object-lock-mode" in call.headers,
        "PutObjectLegalHold": is_object and "x-amz-object-lock-legal-hold" in call.headers,
        "BypassGovernanceRetention": action == "s3:PutObjectRetention" and is_bypassing(call),
    }


def _delete_needs(call: Call, key: str, version_id: str | None) -> tuple[Need, ...]:
    version = {"s3:VersionId": (version_id,)} if version_id else {}
    names = ["DeleteObjectVersion" if version_id else "DeleteObject"]
    if is_bypassing(call):
        names.append("BypassGovernanceRetention")
    return tuple(_need(call, name, bucket=call.bucket, key=key, **version) for name in names)


def _need(call: Call, name: str, *, bucket: str, key: str, **context: tuple[str, ...]) -> Need:
    resource = f"arn:aws:s3:::{bucket}" if bucket else "*"
    return Need(
        action=f"s3:{name}",
        resource=f"{resource}/{key}" if key else resource,
        bucket=bucket,
        context={**_request_keys(call), **context},
    )


def _request_keys(call: Call) -> dict[str, tuple[str, ...]]:
    headers = {f"s3:{name}": call.headers.get(name) for name in _CONDITION_HEADERS}
    locks = {key: call.headers.get(name) for name, key in _LOCK_HEADERS.items()}
    queries = {f"s3:{name}": call.query.get(name) for name in ("prefix", "delimiter", "max-keys")}
    version = {"s3:VersionId": call.query.get("versionId")}
    found = headers | locks | queries | version
    return {key: (value,) for key, value in found.items() if value is not None}
