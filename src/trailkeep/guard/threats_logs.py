"""Threats to the logs themselves, and the other paths that lead to them.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html,
https://stratus-red-team.cloud/attack-techniques/AWS/, https://cloud.hacktricks.wiki/
"""

from __future__ import annotations

from trailkeep.guard.threat import (
    Attacker,
    Call,
    Control,
    Effect,
    Fact,
    Family,
    Source,
    Target,
    Threat,
    api,
    each,
    guide,
)

__all__ = ["BUCKET_ATTACKERS", "LOG_THREATS"]

BUCKET_ATTACKERS = frozenset(Attacker) - {Attacker.DELEGATE, Attacker.OTHER_TRAIL}
"""Whoever a policy may let at the bucket; those outside of its account only where a bucket policy does."""
_WRITERS = BUCKET_ATTACKERS | {Attacker.OTHER_TRAIL}
_OWNERS = frozenset({Attacker.ARCHIVE_ROOT, Attacker.ARCHIVE_IAM, Attacker.SERVICE_LINKED_ROLE})
_POLICIES = (Control.ARCHIVE_SCP, Control.RCP, Control.BUCKET_POLICY)
_LOCK = guide("S3 Object Lock", "AmazonS3/latest/userguide/object-lock.html")
_STRATUS = "https://stratus-red-team.cloud/attack-techniques/AWS"
_DENY = "deny changes to the objects by NotAction in the SCP and the bucket policy, and by name in the RCP"

LOG_THREATS = (
    Threat(
        id="delete-version",
        title="Delete a version of a log for good",
        technique="A delete request that names a version removes its bytes. With MFA delete it also needs a "
        "code of the root user's device.",
        effect=Effect.DELETE,
        family=Family.LOGS,
        attackers=BUCKET_ATTACKERS,
        ways=each(Target.LOG, "s3:DeleteObjectVersion"),
        refused_when=(Fact.COMPLIANCE, Fact.GOVERNANCE),
        controls=(*_POLICIES, Control.OBJECT_LOCK),
        stops="Object Lock refuses it while the retention lasts: in compliance mode to everybody, the root "
        "user included, in governance mode to whoever may not bypass it. Without a lock, a Deny does.",
        remains="Once the retention of a version is over only the policies are left, and a closed account "
        "loses its versions after 90 days, locked or not.",
        remedies=("lock in compliance mode for as long as logs must be kept", _DENY),
        mitre=("T1485", "T1070"),
        sources=(
            api("s3", "DeleteObject"),
            _LOCK,
            Source(title="Stratus Red Team", url=f"{_STRATUS}/aws.impact.s3-ransomware-individual-deletion/"),
        ),
    ),
    Threat(
        id="hide-by-delete-marker",
        title="Hide a log under a delete marker",
        technique="A delete request without a version puts a marker on top. The bytes stay, but listings, "
        "queries and validation see no log.",
        effect=Effect.BLIND,
        family=Family.LOGS,
        attackers=BUCKET_ATTACKERS,
        ways=each(Target.LOG, "s3:DeleteObject"),
        controls=_POLICIES,
        stops="A Deny on the objects. Object Lock does not: it protects versions, and a marker deletes none.",
        remains="Whoever reads must list versions to see what a marker hides.",
        remedies=(_DENY, "read by version, and compare what is listed with what was seen before"),
        mitre=("T1070", "T1485"),
        sources=(api("s3", "DeleteObject"), _LOCK),
    ),
    Threat(
        id="overwrite-log",
        title="Put a forged log or digest over the true one",
        technique="A new version under the same key becomes the current one; copies and multipart uploads "
        "need the same permission. The lock of the old version does not prevent it.",
        effect=Effect.ALTER,
        family=Family.LOGS,
        attackers=_WRITERS,
        ways=each(Target.LOG, "s3:PutObject"),
        controls=_POLICIES,
        stops="A Deny of s3:PutObject unless aws:SourceArn is the trail. Versioning keeps the true bytes, "
        "and the digest's hash tells which they are.",
        remains="Who reads the current version without verifying it reads the forgery.",
        remedies=("allow writing for aws:SourceArn of the one trail only", "verify, and read by version"),
        mitre=("T1565.001", "T1070"),
        sources=(
            api("s3", "PutObject"),
            _LOCK,
            guide(
                "Log file integrity validation",
                "awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html",
            ),
        ),
    ),
    Threat(
        id="bypass-governance",
        title="Bypass or shorten a governance retention, then delete",
        technique="In governance mode one permission deletes a locked version or shortens its days; the "
        "console sends the header for it unasked.",
        effect=Effect.DELETE,
        family=Family.LOGS,
        attackers=BUCKET_ATTACKERS,
        ways=(
            (
                Call(action="s3:BypassGovernanceRetention", target=Target.LOG),
                Call(action="s3:DeleteObjectVersion", target=Target.LOG),
            ),
            (
                Call(action="s3:BypassGovernanceRetention", target=Target.LOG),
                Call(action="s3:PutObjectRetention", target=Target.LOG),
            ),
        ),
        given=(Fact.GOVERNANCE,),
        refused_when=(Fact.COMPLIANCE,),
        controls=(*_POLICIES, Control.OBJECT_LOCK),
        stops="Compliance mode knows no bypass. In governance mode a Deny of both actions.",
        remains="In governance mode everything hangs on policies, which the management account can detach.",
        remedies=("change to compliance mode once the number of days is certain", _DENY),
        mitre=("T1485", "T1490"),
        sources=(api("s3", "PutObjectRetention"), _LOCK),
    ),
    Threat(
        id="lift-legal-hold",
        title="Lift a legal hold",
        technique="A legal hold has no mode and no end: whoever may set it may take it away.",
        effect=Effect.DELETE,
        family=Family.LOGS,
        attackers=BUCKET_ATTACKERS,
        ways=each(Target.LOG, "s3:PutObjectLegalHold"),
        given=(Fact.OBJECT_LOCK,),
        controls=_POLICIES,
        stops="A Deny on the objects. A retention that still runs holds the version all the same.",
        remedies=("rely on a retention, and use holds on top of it", _DENY),
        mitre=("T1490",),
        sources=(api("s3", "PutObjectLegalHold"), _LOCK),
    ),
    Threat(
        id="reencrypt-object",
        title="Re-encrypt a log with a key that is then destroyed",
        technique="UpdateObjectEncryption changes the key of an object in place. Lists of actions that were "
        "written before 2026 do not name it.",
        effect=Effect.BLIND,
        family=Family.LOGS,
        attackers=BUCKET_ATTACKERS,
        ways=each(Target.LOG, "s3:UpdateObjectEncryption"),
        refused_when=(Fact.COMPLIANCE, Fact.GOVERNANCE),
        controls=(*_POLICIES, Control.OBJECT_LOCK),
        stops="S3 refuses it for locked objects, and in compliance mode nobody can lift the lock; otherwise "
        "a Deny by NotAction.",
        remedies=("lock in compliance mode", _DENY),
        mitre=("T1486",),
        sources=(api("s3", "UpdateObjectEncryption"),),
    ),
    Threat(
        id="customer-key-ransom",
        title="Copy logs over themselves with a key that only the attacker has",
        technique="A copy with a customer-provided key (SSE-C) becomes the current version; S3 does not keep "
        "such a key.",
        effect=Effect.BLIND,
        family=Family.LOGS,
        attackers=_WRITERS,
        ways=each(Target.LOG, "s3:PutObject"),
        controls=_POLICIES,
        stops="What stops overwriting. New buckets also block SSE-C; old versions stay readable.",
        remains="The block of SSE-C is a setting: s3:PutEncryptionConfiguration takes it away.",
        remedies=("allow writing for aws:SourceArn of the one trail only", "block SSE-C on the bucket"),
        mitre=("T1486",),
        sources=(
            api("s3", "PutBucketEncryption"),
            Source(
                title="Stratus Red Team", url=f"{_STRATUS}/aws.impact.s3-ransomware-client-side-encryption/"
            ),
        ),
    ),
    Threat(
        id="change-object-metadata",
        title="Change tags, ACLs or annotations of a log",
        technique="Tags choose what lifecycle rules delete or move, ACLs let others read, and annotations "
        "are a surface that older lists of actions do not know.",
        effect=Effect.ALTER,
        family=Family.LOGS,
        attackers=BUCKET_ATTACKERS,
        ways=each(
            Target.LOG,
            """
            s3:PutObjectTagging s3:PutObjectVersionTagging s3:DeleteObjectTagging
            s3:DeleteObjectVersionTagging s3:PutObjectAcl s3:PutObjectVersionAcl s3:PutObjectAnnotation
            s3:PutObjectVersionAnnotation s3:DeleteObjectAnnotation s3:DeleteObjectVersionAnnotation
            s3:PutObjectRetention
            """,
        ),
        controls=_POLICIES,
        stops="A Deny on the objects by NotAction.",
        remains="Whether annotations of a locked version may change was not tried.",
        remedies=(_DENY, "turn ACLs off (BucketOwnerEnforced)"),
        mitre=("T1565.001",),
        sources=(api("s3", "PutObjectTagging"), api("s3", "PutObjectAcl")),
    ),
    Threat(
        id="replicate-into-archive",
        title="Replicate foreign objects or deletions into the archive",
        technique="A replication rule of another bucket writes objects, delete markers and tags here, with "
        "permissions of their own that lists of writing actions forget.",
        effect=Effect.INJECT,
        family=Family.LOGS,
        attackers=BUCKET_ATTACKERS,
        ways=each(
            Target.LOG,
            "s3:ReplicateObject s3:ReplicateDelete s3:ReplicateTags s3:ReplicateObjectAnnotation "
            "s3:ObjectOwnerOverrideToBucketOwner",
        ),
        controls=_POLICIES,
        stops="A Deny on the objects by NotAction.",
        remedies=(_DENY,),
        mitre=("T1565.001",),
        sources=(guide("Replicating objects", "AmazonS3/latest/userguide/replication.html"),),
    ),
    Threat(
        id="second-access-path",
        title="Reach the logs under another ARN",
        technique="Access points, multi-Region access points, Object Lambda and access grants name the same "
        "objects differently; a Deny on the bucket's ARN alone may not match the request.",
        effect=Effect.DELETE,
        family=Family.PATHS,
        attackers=_OWNERS,
        ways=(
            *each(Target.ACCESS_POINT, "s3:CreateAccessPoint s3:PutAccessPointPolicy"),
            *each(
                Target.MULTI_REGION_ACCESS_POINT,
                "s3:CreateMultiRegionAccessPoint s3:PutMultiRegionAccessPointPolicy",
            ),
            *each(
                Target.OBJECT_LAMBDA,
                "s3:CreateAccessPointForObjectLambda s3:PutAccessPointConfigurationForObjectLambda "
                "s3:PutAccessPointPolicyForObjectLambda",
            ),
            *each(Target.EVERYTHING, "s3:PutAccessPointPublicAccessBlock"),
            *each(
                Target.ACCESS_GRANTS,
                "s3:CreateAccessGrantsInstance s3:PutAccessGrantsInstanceResourcePolicy",
            ),
            *each(Target.GRANT_LOCATION, "s3:CreateAccessGrantsLocation"),
            *each(Target.ACCESS_GRANT, "s3:CreateAccessGrant"),
            *each(
                Target.LOG_BY_ACCESS_POINT,
                "s3:DeleteObjectVersion s3:DeleteObject s3:PutObject s3:UpdateObjectEncryption",
            ),
        ),
        controls=_POLICIES,
        unbound=frozenset({Attacker.SERVICE_LINKED_ROLE}),
        stops="A Deny of creating such paths in the archive account, and the same Deny on the access points' "
        "ARNs. S3 asks the bucket policy as well.",
        remains="Which ARN an SCP sees for a request through an access point was not tried on AWS.",
        remedies=("deny the creation of access points and grants, and name accesspoint/* beside the bucket",),
        mitre=("T1098", "T1485"),
        sources=(
            guide("Access point policies", "AmazonS3/latest/userguide/access-points-policies.html"),
            api("s3", "UpdateObjectEncryption"),
        ),
    ),
    Threat(
        id="batch-job",
        title="Let S3 Batch Operations do it",
        technique="A job works through a manifest with a role of the account: it copies, tags, replicates or "
        "changes the retention of every log.",
        effect=Effect.DELETE,
        family=Family.PATHS,
        attackers=_OWNERS,
        ways=(
            (
                Call(action="s3:CreateJob", target=Target.EVERYTHING),
                Call(action="iam:PassRole", target=Target.BATCH_ROLE),
            ),
        ),
        controls=(Control.ARCHIVE_SCP,),
        unbound=frozenset({Attacker.SERVICE_LINKED_ROLE}),
        stops="The job's role is bound by the same policies as any role of the account; denying s3:CreateJob "
        "stops it before.",
        remedies=("deny s3:CreateJob with Resource *", _DENY),
        mitre=("T1485", "T1565.001"),
        sources=(guide("S3 Batch Operations", "AmazonS3/latest/userguide/batch-ops.html"),),
    ),
    Threat(
        id="service-linked-role",
        title="Let a service-linked role touch the archive",
        technique="Neither SCPs nor RCPs bind the roles that AWS services own in an account.",
        effect=Effect.DELETE,
        family=Family.PATHS,
        attackers=frozenset({Attacker.SERVICE_LINKED_ROLE}),
        ways=(
            *each(Target.LOG, "s3:DeleteObjectVersion s3:DeleteObject s3:PutObject"),
            *each(
                Target.BUCKET, "s3:PutBucketPolicy s3:PutLifecycleConfiguration s3:PutEncryptionConfiguration"
            ),
        ),
        controls=(Control.BUCKET_POLICY,),
        stops="The bucket policy alone. AWS defines what such roles may do, and nobody can assume them.",
        remedies=("deny in the bucket policy what the SCP and the RCP deny",),
        mitre=("T1098.003",),
        sources=(
            guide(
                "Service control policies",
                "organizations/latest/userguide/orgs_manage_policies_scps.html",
            ),
            guide(
                "Resource control policies",
                "organizations/latest/userguide/orgs_manage_policies_rcps.html",
            ),
        ),
    ),
)
"""Logs and paths."""
