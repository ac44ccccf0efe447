"""S3 in the embedded AWS: policies bind, Object Lock holds, other accounts stay out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from sandbox_archives import BUCKET, attach, make_bucket, policy, refused, set_default_retention
from trailkeep.guard.documents import archive_scp
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Identity, Sandbox

pytestmark = pytest.mark.sandbox
KEY = "AWSLogs/o-exampleorgid/111111111111/a log+ü.json.gz"
ATTACKERS = [Identity.ADMINISTRATOR, Identity.ROOT, Identity.USER]
OBJECTS = f"arn:aws:s3:::{BUCKET}/*"
SCP_DENY = "with an explicit deny in a service control policy"


def _attacker(sandbox: Sandbox, identity: Identity = Identity.ROOT) -> Any:
    return sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID, identity)


def _put(s3: Any, key: str = KEY) -> str:
    return str(s3.put_object(Bucket=BUCKET, Key=key, Body=b"log")["VersionId"])


def _guard(sandbox: Sandbox) -> str:
    document = archive_scp(partition="aws", bucket=BUCKET, archive_account=LOG_ARCHIVE_ACCOUNT_ID)
    return attach(sandbox, document, target=LOG_ARCHIVE_ACCOUNT_ID)


@pytest.mark.parametrize("identity", ATTACKERS)
def test_an_scp_alone_keeps_log_versions(sandbox: Sandbox, identity: Identity) -> None:
    """Without Object Lock, root and administrators of the archive account cannot delete a log under the SCP."""
    version = _put(make_bucket(sandbox))
    _guard(sandbox)
    s3 = _attacker(sandbox, identity)
    with refused("AccessDenied", "s3:DeleteObjectVersion", f'on resource: "arn:aws:s3:::{BUCKET}/', SCP_DENY):
        s3.delete_object(Bucket=BUCKET, Key=KEY, VersionId=version)
    with refused("AccessDenied", "s3:DeleteObject on", SCP_DENY):
        s3.delete_object(Bucket=BUCKET, Key=KEY)
    assert s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == b"log"


@pytest.mark.parametrize(
    ("operation", "arguments", "action"),
    [
        ("put_object", {"Key": KEY, "Body": b"x" * 3_000_000}, "PutObject"),
        ("delete_bucket", {}, "DeleteBucket"),
        ("delete_bucket_policy", {}, "DeleteBucketPolicy"),
        ("put_bucket_policy", {"Policy": "{}"}, "PutBucketPolicy"),
        ("delete_bucket_lifecycle", {}, "PutLifecycleConfiguration"),
        ("delete_public_access_block", {}, "PutBucketPublicAccessBlock"),
        (
            "put_bucket_versioning",
            {"VersioningConfiguration": {"Status": "Suspended"}},
            "PutBucketVersioning",
        ),
        (
            "put_object_lock_configuration",
            {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
            "PutBucketObjectLockConfiguration",
        ),
        (
            "put_object_retention",
            {
                "Key": KEY,
                "Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": datetime(2030, 1, 1, tzinfo=UTC)},
            },
            "PutObjectRetention",
        ),
        ("put_object_legal_hold", {"Key": KEY, "LegalHold": {"Status": "ON"}}, "PutObjectLegalHold"),
        ("put_object_tagging", {"Key": KEY, "Tagging": {"TagSet": []}}, "PutObjectTagging"),
        ("copy_object", {"Key": "copy", "CopySource": {"Bucket": BUCKET, "Key": KEY}}, "PutObject"),
        ("create_multipart_upload", {"Key": KEY}, "PutObject"),
        ("abort_multipart_upload", {"Key": KEY, "UploadId": "u"}, "AbortMultipartUpload"),
    ],
)
def test_the_scp_names_the_action(
    sandbox: Sandbox, operation: str, arguments: dict[str, Any], action: str
) -> None:
    """Every way to change the archive is refused under the name of its IAM action."""
    _put(make_bucket(sandbox))
    _guard(sandbox)
    with refused("AccessDenied", f"s3:{action} on resource", SCP_DENY):
        getattr(_attacker(sandbox), operation)(Bucket=BUCKET, **arguments)


def test_many_deletes_are_judged_key_by_key(sandbox: Sandbox) -> None:
    """A multi-object delete deletes what it may and reports an error for each key that it may not."""
    s3 = make_bucket(sandbox)
    versions = {key: _put(s3, key) for key in ("logs/a", "logs/b", "tmp/c")}
    deny = {"Effect": "Deny", "Action": "s3:DeleteObjectVersion", "Resource": f"arn:aws:s3:::{BUCKET}/logs/*"}
    attach(sandbox, {"Version": "2012-10-17", "Statement": [deny]}, target=LOG_ARCHIVE_ACCOUNT_ID)
    objects = [{"Key": key, "VersionId": version} for key, version in versions.items()]
    told = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": objects})
    assert [entry["Key"] for entry in told["Deleted"]] == ["tmp/c"]
    assert [(entry["Key"], entry["Code"]) for entry in told["Errors"]] == [
        ("logs/a", "AccessDenied"),
        ("logs/b", "AccessDenied"),
    ]
    told = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": objects[:2]})
    assert "Deleted" not in told
    assert len(told["Errors"]) == 2
    assert len(s3.list_object_versions(Bucket=BUCKET)["Versions"]) == 2


def test_an_scp_on_a_unit_binds_below_it(sandbox: Sandbox) -> None:
    """An SCP on an OU binds the accounts in it and nobody else, and stops binding when its type is disabled."""
    s3 = make_bucket(sandbox)
    organizations = sandbox.client("organizations")
    parent = organizations.list_parents(ChildId=LOG_ARCHIVE_ACCOUNT_ID)["Parents"][0]["Id"]
    deny = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
    attach(sandbox, {"Version": "2012-10-17", "Statement": [deny]}, target=parent)
    with refused("AccessDenied", SCP_DENY):
        _put(s3)
    prod = sandbox.client("s3", "333333333333", region="us-east-1")
    prod.create_bucket(Bucket="prod-bucket")
    prod.put_object(Bucket="prod-bucket", Key="k", Body=b"")
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.disable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    _put(s3)


def test_scps_do_not_bind_the_management_account(sandbox: Sandbox) -> None:
    """A deny on the organization's root stops members and not the management account."""
    root = sandbox.client("organizations").list_roots()["Roots"][0]["Id"]
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    attach(sandbox, {"Version": "2012-10-17", "Statement": [deny]}, target=root)
    sandbox.client("s3", region="us-east-1").create_bucket(Bucket="management-bucket")
    with refused("AccessDenied", SCP_DENY):
        _attacker(sandbox).create_bucket(
            Bucket="member-bucket", CreateBucketConfiguration={"LocationConstraint": sandbox.region}
        )


def test_an_rcp_binds_the_management_account_too(sandbox: Sandbox) -> None:
    """An RCP on the archive account stops whoever calls, also where the bucket policy would allow it."""
    document = policy(sandbox)
    document["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
            "Action": "s3:DeleteObject*",
            "Resource": OBJECTS,
        }
    )
    version = _put(make_bucket(sandbox, document=document))
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject*", "Resource": OBJECTS}
    rcp = attach(
        sandbox,
        {"Version": "2012-10-17", "Statement": [deny]},
        target=LOG_ARCHIVE_ACCOUNT_ID,
        kind="RESOURCE_CONTROL_POLICY",
    )
    management = sandbox.client("s3")
    with refused("AccessDenied", "with an explicit deny in a resource control policy"):
        management.delete_object(Bucket=BUCKET, Key=KEY, VersionId=version)
    sandbox.client("organizations").detach_policy(PolicyId=rcp, TargetId=LOG_ARCHIVE_ACCOUNT_ID)
    management.delete_object(Bucket=BUCKET, Key=KEY, VersionId=version)


def test_other_accounts_need_the_bucket_policy(sandbox: Sandbox) -> None:
    """Another account, even the management account, reads only what the bucket policy grants to it."""
    document = policy(sandbox)
    s3 = make_bucket(sandbox, document=document)
    _put(s3)
    management = sandbox.client("s3")
    with refused("AccessDenied", "because no resource-based policy allows the s3:GetObject action"):
        management.get_object(Bucket=BUCKET, Key=KEY)
    document["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"AWS": "111111111111"},
            "Action": "s3:GetObject",
            "Resource": OBJECTS,
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": sandbox.organization_id}},
        }
    )
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))
    assert management.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == b"log"
    with refused("AccessDenied"):
        management.list_objects_v2(Bucket=BUCKET)
    with refused("MethodNotAllowed"):
        management.get_bucket_policy(Bucket=BUCKET)


def test_anonymous_callers_are_refused(sandbox: Sandbox) -> None:
    """Without credentials nothing of a bucket is readable."""
    _put(make_bucket(sandbox))
    anonymous = boto3.client(
        "s3",
        endpoint_url=sandbox.endpoint_url,
        region_name=sandbox.region,
        config=Config(signature_version=UNSIGNED),
    )
    with refused("AccessDenied"):
        anonymous.get_object(Bucket=BUCKET, Key=KEY)
    with refused("AccessDenied"):
        anonymous.list_buckets()


def test_root_repairs_a_bucket_policy_that_locks_out(sandbox: Sandbox) -> None:
    """A bucket policy that denies everything binds an administrator, but not root on the policy itself."""
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{BUCKET}", OBJECTS],
    }
    make_bucket(sandbox, document={"Version": "2012-10-17", "Statement": [deny]})
    with refused("AccessDenied", "with an explicit deny in a resource-based policy"):
        _attacker(sandbox, Identity.USER).delete_bucket_policy(Bucket=BUCKET)
    _attacker(sandbox, Identity.ROOT).delete_bucket_policy(Bucket=BUCKET)


@pytest.mark.parametrize("identity", ATTACKERS)
def test_compliance_retention_holds_without_any_policy(sandbox: Sandbox, identity: Identity) -> None:
    """Under COMPLIANCE nobody deletes a version before its time, bypass or not, nor shortens the time."""
    version = _put(make_bucket(sandbox, lock="COMPLIANCE"))
    s3 = _attacker(sandbox, identity)
    where = {"Bucket": BUCKET, "Key": KEY, "VersionId": version}
    for bypass in (False, True):
        with refused("AccessDenied"):
            s3.delete_object(**where, BypassGovernanceRetention=bypass)
        with refused("AccessDenied", "protected by object lock"):
            s3.put_object_retention(
                **where,
                BypassGovernanceRetention=bypass,
                Retention={"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=1)},
            )
    told = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": KEY, "VersionId": version}]})
    assert told["Errors"][0]["Code"] == "AccessDenied"
    longer = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=500)}
    s3.put_object_retention(**where, Retention=longer)
    s3.delete_object(Bucket=BUCKET, Key=KEY)  # only hides it behind a delete marker
    assert s3.get_object(**where)["Body"].read() == b"log"


def test_governance_retention_yields_to_bypass(sandbox: Sandbox) -> None:
    """Under GOVERNANCE a version goes only with the bypass header, which needs its own permission."""
    version = _put(make_bucket(sandbox, lock="GOVERNANCE"))
    s3 = _attacker(sandbox)
    where = {"Bucket": BUCKET, "Key": KEY, "VersionId": version}
    with refused("AccessDenied"):
        s3.delete_object(**where)
    deny = {"Effect": "Deny", "Action": "s3:BypassGovernanceRetention", "Resource": "*"}
    policy_id = attach(sandbox, {"Version": "2012-10-17", "Statement": [deny]}, target=LOG_ARCHIVE_ACCOUNT_ID)
    with refused("AccessDenied", "s3:BypassGovernanceRetention"):
        s3.delete_object(**where, BypassGovernanceRetention=True)
    sandbox.client("organizations").detach_policy(PolicyId=policy_id, TargetId=LOG_ARCHIVE_ACCOUNT_ID)
    s3.delete_object(**where, BypassGovernanceRetention=True)


def test_what_is_not_there_cannot_be_locked(sandbox: Sandbox) -> None:
    """A retention or legal hold on a key or a version that does not exist is refused as such."""
    s3 = make_bucket(sandbox)
    s3.put_object(Bucket=BUCKET, Key="log", Body=b"x")
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=1)}
    for key, code in (("none", "NoSuchKey"), ("log", "NoSuchVersion")):
        named = {"Bucket": BUCKET, "Key": key, "VersionId": "none"}
        with refused(code):
            s3.put_object_retention(**named, Retention=retention)
        with refused(code):
            s3.put_object_legal_hold(**named, LegalHold={"Status": "ON"})
    s3.put_object_legal_hold(Bucket=BUCKET, Key="log", LegalHold={"Status": "ON"})


def test_a_retention_is_told(sandbox: Sandbox) -> None:
    """GetObjectRetention tells what HeadObject does, and that there is none, or no such object."""
    s3 = make_bucket(sandbox)
    s3.put_object(Bucket=BUCKET, Key="plain", Body=b"x")
    set_default_retention(s3, mode="GOVERNANCE")
    s3.put_object(Bucket=BUCKET, Key="held", Body=b"x")
    head = s3.head_object(Bucket=BUCKET, Key="held")
    told = s3.get_object_retention(Bucket=BUCKET, Key="held")["Retention"]
    assert told == {"Mode": head["ObjectLockMode"], "RetainUntilDate": head["ObjectLockRetainUntilDate"]}
    for key, code in (("plain", "NoSuchObjectLockConfiguration"), ("none", "NoSuchKey")):
        with refused(code):
            s3.get_object_retention(Bucket=BUCKET, Key=key)


def test_nobody_writes_into_an_upload_that_nobody_began(sandbox: Sandbox) -> None:
    """A part of an upload that does not exist is refused; one of an upload that does is taken."""
    make_bucket(sandbox)
    s3 = _attacker(sandbox)
    named = {"Bucket": BUCKET, "Key": KEY, "PartNumber": 1, "Body": b"log"}
    with refused("NoSuchUpload"):
        s3.upload_part(**named, UploadId="nobody")
    begun = s3.create_multipart_upload(Bucket=BUCKET, Key=KEY)["UploadId"]
    assert s3.upload_part(**named, UploadId=begun)["ETag"]


def test_default_retention_can_be_set_on_a_bucket_in_use(sandbox: Sandbox) -> None:
    """A new default retention binds the versions to come and leaves the older ones as they are."""
    s3 = make_bucket(sandbox)
    free = _put(s3)
    set_default_retention(s3, mode="COMPLIANCE")
    bound = _put(s3)
    s3.delete_object(Bucket=BUCKET, Key=KEY, VersionId=free)
    with refused("AccessDenied"):
        s3.delete_object(Bucket=BUCKET, Key=KEY, VersionId=bound)
    told = s3.get_object_lock_configuration(Bucket=BUCKET)["ObjectLockConfiguration"]
    assert told["Rule"]["DefaultRetention"] == {"Mode": "COMPLIANCE", "Days": 400}


def test_a_default_retention_is_in_days_or_years(sandbox: Sandbox) -> None:
    """A default retention without exactly one period is malformed."""
    s3 = make_bucket(sandbox)
    for period in ({}, {"Days": 1, "Years": 1}):
        rule = {"DefaultRetention": {"Mode": "GOVERNANCE", **period}}
        with refused("MalformedXML"):
            s3.put_object_lock_configuration(
                Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
            )


def test_a_locked_bucket_keeps_versioning(sandbox: Sandbox) -> None:
    """Versioning of a bucket with Object Lock cannot be suspended."""
    s3 = make_bucket(sandbox)
    with refused("InvalidBucketState"):
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})


@pytest.mark.parametrize(
    "document",
    [
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": OBJECTS}]},
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::other/*"}
            ],
        },
        {"Version": "2012-10-17", "Statement": [{"Effect": "Perhaps"}]},
        {},
    ],
)
def test_malformed_bucket_policies(sandbox: Sandbox, document: dict[str, Any]) -> None:
    """A bucket policy without a principal, about another bucket, or of no known grammar is malformed."""
    s3 = make_bucket(sandbox)
    with refused("MalformedPolicy"):
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))


def test_ownership_disables_acls(sandbox: Sandbox) -> None:
    """Where the bucket owner is enforced, ACLs other than full control for it are refused."""
    s3 = make_bucket(sandbox)
    with refused("AccessControlListNotSupported"):
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"", ACL="public-read")
    with refused("AccessControlListNotSupported"):
        s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read")
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"", ACL="bucket-owner-full-control")


def test_the_expected_owner_is_checked(sandbox: Sandbox) -> None:
    """A call that expects another bucket owner is refused."""
    s3 = make_bucket(sandbox)
    with refused("AccessDenied"):
        s3.list_objects_v2(Bucket=BUCKET, ExpectedBucketOwner="333333333333")


def test_unknown_buckets_are_said_to_be_unknown(sandbox: Sandbox) -> None:
    """A bucket that does not exist is NoSuchBucket, for everybody."""
    with refused("NoSuchBucket"):
        sandbox.client("s3").list_objects_v2(Bucket="nobody-has-this")
