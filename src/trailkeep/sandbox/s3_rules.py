"""What S3 refuses and moto does not: Object Lock's rules, malformed policies, ACLs that ownership disables.

Parts of an upload that nobody began are refused, too, where moto fails.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from moto.s3.models import FakeBucket, FakeKey
from werkzeug.wrappers import Response

from trailkeep.core.errors import TrailkeepError
from trailkeep.guard.policy import parse_policy
from trailkeep.sandbox.calls import Call
from trailkeep.sandbox.faults import Fault, xml_answer
from trailkeep.sandbox.s3_actions import is_bypassing
from trailkeep.sandbox.xml_bodies import read_xml

__all__ = ["refuse_s3"]

_DENIED = Fault(code="AccessDenied", message="Access Denied", status=403)
_LOCKED = Fault(
    code="AccessDenied", message="Access Denied because object protected by object lock.", status=403
)
_MALFORMED_XML = Fault(
    code="MalformedXML",
    message="The XML you provided was not well-formed or did not validate against our published schema",
)
_NO_UPLOAD = Fault(code="NoSuchUpload", message="The specified multipart upload does not exist.", status=404)
_NO_KEY = Fault(code="NoSuchKey", message="The specified key does not exist.", status=404)
_NO_ACLS = Fault(code="AccessControlListNotSupported", message="The bucket does not allow ACLs")


def refuse_s3(call: Call, bucket: FakeBucket) -> Fault | Response | None:
    """Return S3's refusal, or its own answer where moto would err, or ``None`` to let moto answer."""
    if call.headers.get("x-amz-expected-bucket-owner", bucket.account_id) != bucket.account_id:
        return _DENIED
    if call.method == "GET" and call.key and "retention" in call.query:
        return _retention(call, bucket)
    if call.method != "PUT":
        return None
    if _is_acl_refused(call, bucket):
        return _NO_ACLS
    if "uploadId" in call.query and call.query["uploadId"] not in bucket.multiparts:
        return _NO_UPLOAD
    if call.key:
        return _refuse_object_lock(call, bucket) if {"retention", "legal-hold"} & call.query.keys() else None
    return _refuse_bucket_write(call, bucket)


def _refuse_bucket_write(call: Call, bucket: FakeBucket) -> Fault | Response | None:
    if "policy" in call.query:
        return _refuse_policy(call.body, bucket.name)
    if "versioning" in call.query:
        return _refuse_versioning(call.body, bucket)
    return _lock(call.body, bucket) if "object-lock" in call.query else None


def _is_acl_refused(call: Call, bucket: FakeBucket) -> bool:
    if str(bucket.ownership_rule) != "BucketOwnerEnforced" or not ("acl" in call.query or call.key):
        return False
    acl = call.headers.get("x-amz-acl", "" if "acl" in call.query else "bucket-owner-full-control")
    grants = any(name.lower().startswith("x-amz-grant-") for name, _ in call.headers)
    return grants or acl != "bucket-owner-full-control"


def _refuse_versioning(body: bytes, bucket: FakeBucket) -> Fault | None:
    asked = (read_xml(body, "VersioningConfiguration") or {}).get("Status")
    if bucket.object_lock_enabled and asked != "Enabled":
        return Fault(
            code="InvalidBucketState",
            message="An Object Lock configuration is present on this bucket, so the versioning state "
            "cannot be changed.",
            status=409,
        )
    return None


def _refuse_policy(body: bytes, bucket: str) -> Fault | None:
    try:
        parse_policy(body.decode("utf-8"), name="bucket policy")
        statements = json.loads(body)["Statement"]
    except (TrailkeepError, ValueError, KeyError):
        return Fault(code="MalformedPolicy", message="This policy contains invalid Json")
    listed = statements if isinstance(statements, list) else [statements]
    reason = next((reason for entry in listed if (reason := _policy_flaw(entry, bucket))), None)
    return Fault(code="MalformedPolicy", message=reason) if reason else None


def _policy_flaw(statement: dict[str, Any], bucket: str) -> str | None:
    if not {"Principal", "NotPrincipal"} & statement.keys():
        return "Missing required field Principal"
    resources = statement.get("Resource", statement.get("NotResource", ()))
    arn = f"arn:aws:s3:::{bucket}"
    for resource in [resources] if isinstance(resources, str) else resources:
        if resource not in {"*", arn} and not resource.startswith((f"{arn}/", f"{arn}*")):
            return "Policy has invalid resource"
    return None


def _refuse_object_lock(call: Call, bucket: FakeBucket) -> Fault | None:
    """Refuse to lock what is not there, which moto fails at, and to weaken a retention.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """
    if _version(call, bucket) is None:
        if call.query.get("versionId") and bucket.keys.getlist(call.key, []):
            return Fault(code="NoSuchVersion", message="The specified version does not exist.", status=404)
        return _NO_KEY
    return _refuse_retention(call, bucket) if "retention" in call.query else None


def _refuse_retention(call: Call, bucket: FakeBucket) -> Fault | None:
    """Refuse to shorten or weaken a retention: COMPLIANCE for everybody, GOVERNANCE without bypass."""
    version = _version(call, bucket)
    if version is None or not version.is_locked(governance_bypass=is_bypassing(call)):
        return None
    if version.lock_mode not in {"COMPLIANCE", "GOVERNANCE"}:
        return None
    asked = read_xml(call.body, "Retention") or {}
    is_weaker = version.lock_mode == "COMPLIANCE" and asked.get("Mode") != "COMPLIANCE"
    is_shorter = _moment(asked.get("RetainUntilDate", "")) < _moment(version.lock_until or "")
    return _LOCKED if is_weaker or is_shorter else None


def _retention(call: Call, bucket: FakeBucket) -> Fault | Response:
    """Answer GetObjectRetention, which moto does not have.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html
    """
    version = _version(call, bucket)
    if version is None:
        return _NO_KEY
    if not version.lock_mode:
        message = "The specified object does not have a ObjectLock configuration"
        return Fault(code="NoSuchObjectLockConfiguration", message=message, status=404)
    until = _moment(version.lock_until or "").strftime("%Y-%m-%dT%H:%M:%SZ")
    return xml_answer(
        f"<Retention><Mode>{version.lock_mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"
    )


def _version(call: Call, bucket: FakeBucket) -> FakeKey | None:
    versions = [entry for entry in bucket.keys.getlist(call.key, []) if isinstance(entry, FakeKey)]
    wanted = call.query.get("versionId")
    matching = [entry for entry in versions if wanted is None or entry.version_id == wanted]
    return matching[-1] if matching else None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _lock(body: bytes, bucket: FakeBucket) -> Fault | Response:
    """Set a bucket's default retention, which moto refuses once the bucket holds objects."""
    if not bucket.is_versioned:
        message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        return Fault(code="InvalidBucketState", message=message, status=409)
    configuration = read_xml(body, "ObjectLockConfiguration") or {}
    rule = (configuration.get("Rule") or {}).get("DefaultRetention") or {}
    days, years = (int(rule[unit]) if unit in rule else None for unit in ("Days", "Years"))
    is_whole = not rule or (
        rule.get("Mode") in {"GOVERNANCE", "COMPLIANCE"} and (days is None) != (years is None)
    )
    if configuration.get("ObjectLockEnabled") != "Enabled" or not is_whole:
        return _MALFORMED_XML
    bucket.object_lock_enabled = True
    bucket.default_lock_mode = rule.get("Mode")
    bucket.default_lock_days, bucket.default_lock_years = days, years
    return xml_answer("")
