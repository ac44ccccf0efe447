"""Threats to the archive's bucket: its settings decide what becomes of logs that no request names.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingBucket.html,
https://stratus-red-team.cloud/attack-techniques/AWS/, https://traildiscover.cloud/
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
from trailkeep.guard.threats_logs import BUCKET_ATTACKERS

__all__ = ["BUCKET_THREATS"]

_OWNERS = frozenset({Attacker.ARCHIVE_ROOT, Attacker.ARCHIVE_IAM, Attacker.SERVICE_LINKED_ROLE})
_POLICIES = (Control.ARCHIVE_SCP, Control.RCP, Control.BUCKET_POLICY)
_DENY = "deny changes to the bucket by NotAction in the SCP and the bucket policy, and by name in the RCP"
_DISCOVER = Source(title="TrailDiscover", url="https://traildiscover.cloud/")
_DELIVERY = guide(
    "Bucket policy for CloudTrail",
    "awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html",
)

BUCKET_THREATS = (
    Threat(
        id="expire-by-lifecycle",
        title="Let a lifecycle rule expire the logs",
        technique="S3 itself deletes what a rule names: no policy is asked, and no data event tells of it. "
        "The same permission sets and removes rules.",
        effect=Effect.DELETE,
        family=Family.BUCKET,
        attackers=BUCKET_ATTACKERS,
        ways=each(Target.BUCKET, "s3:PutLifecycleConfiguration"),
        controls=_POLICIES,
        stops="A Deny of s3:PutLifecycleConfiguration. A lock that still runs keeps the versions, though not "
        "from delete markers.",
        remains="A rule that was there before the archive was sealed goes on working.",
        remedies=("remove rules that expire logs before sealing", _DENY),
        mitre=("T1485.001", "T1070", "T1562.008", "T1685.002"),
        sources=(
            api("s3", "PutBucketLifecycleConfiguration"),
            Source(
                title="Stratus Red Team",
                url="https://stratus-red-team.cloud/attack-techniques/AWS/"
                "aws.defense-evasion.cloudtrail-lifecycle-rule/",
            ),
        ),
    ),
    Threat(
        id="suspend-versioning",
        title="Suspend versioning or remove MFA delete",
        technique="Without versioning the next write or delete of a key leaves nothing behind it.",
        effect=Effect.DELETE,
        family=Family.BUCKET,
        attackers=BUCKET_ATTACKERS,
        ways=each(Target.BUCKET, "s3:PutBucketVersioning"),
        refused_when=(Fact.OBJECT_LOCK,),
        controls=(*_POLICIES, Control.OBJECT_LOCK),
        stops="A bucket with Object Lock cannot suspend versioning; otherwise a Deny.",
        remedies=("turn Object Lock on", _DENY),
        mitre=("T1490",),
        sources=(
            api("s3", "PutBucketVersioning"),
            guide("S3 Object Lock", "AmazonS3/latest/userguide/object-lock.html"),
        ),
    ),
    Threat(
        id="weaken-default-lock",
        title="Shorten or drop the default retention",
        technique="The lock of logs that are there stays; each log delivered afterwards gets the weaker one.",
        effect=Effect.DELETE,
        family=Family.BUCKET,
        attackers=BUCKET_ATTACKERS,
        ways=each(Target.BUCKET, "s3:PutBucketObjectLockConfiguration"),
        controls=_POLICIES,
        stops="A Deny on the bucket. Object Lock itself cannot be turned off again.",
        remains="Logs delivered between such a change and its repair are held less well.",
        remedies=(_DENY,),
        mitre=("T1490", "T1562.008", "T1685.002"),
        sources=(api("s3", "PutObjectLockConfiguration"),),
    ),
    Threat(
        id="change-bucket-policy",
        title="Change or delete the bucket policy",
        technique="Without its Allow CloudTrail delivers nothing, and without its Deny others may write. No "
        "Deny in the bucket policy itself keeps the owner's root user from changing it.",
        effect=Effect.STOP,
        family=Family.BUCKET,
        attackers=BUCKET_ATTACKERS,
        ways=each(Target.BUCKET, "s3:PutBucketPolicy s3:DeleteBucketPolicy"),
        controls=_POLICIES,
        stops="The SCP of the archive account or an RCP; against the root user only these.",
        remains="The management account can detach both, and then unlock the policy by sts:AssumeRoot.",
        remedies=(_DENY, "attach an SCP and an RCP: the bucket policy does not bind its owner's root here"),
        mitre=("T1562.008", "T1685.002"),
        sources=(api("s3", "PutBucketPolicy"), api("s3", "DeleteBucketPolicy"), _DELIVERY),
    ),
    Threat(
        id="poison-default-encryption",
        title="Set the default encryption to a key that does not work",
        technique="S3 does not check a default KMS key: with a missing, disabled or foreign one the next "
        "deliveries fail, or only the attacker can read them.",
        effect=Effect.STOP,
        family=Family.BUCKET,
        attackers=BUCKET_ATTACKERS,
        ways=each(Target.BUCKET, "s3:PutEncryptionConfiguration"),
        controls=_POLICIES,
        stops="A Deny on the bucket; CloudTrail's delivery error shows it afterwards.",
        remains="That deliveries fail then follows from the documentation and was not tried on AWS.",
        remedies=(_DENY, "watch the trail's delivery error"),
        mitre=("T1562.008", "T1685.002", "T1486"),
        sources=(api("s3", "PutBucketEncryption"), _DISCOVER),
    ),
    Threat(
        id="requester-pays",
        title="Turn on Requester Pays",
        technique="CloudTrail does not deliver to a bucket whose requester pays.",
        effect=Effect.STOP,
        family=Family.BUCKET,
        attackers=BUCKET_ATTACKERS,
        ways=each(Target.BUCKET, "s3:PutBucketRequestPayment"),
        controls=_POLICIES,
        stops="A Deny on the bucket. Lists of actions seldom name this one.",
        remedies=(_DENY,),
        mitre=("T1562.008", "T1685.002"),
        sources=(api("s3", "PutBucketRequestPayment"), _DELIVERY),
    ),
    Threat(
        id="delete-bucket",
        title="Delete the bucket and register its name elsewhere",
        technique="An empty bucket can go. The trail keeps its name, so whoever registers that name next "
        "receives the logs.",
        effect=Effect.STOP,
        family=Family.BUCKET,
        attackers=BUCKET_ATTACKERS,
        ways=(
            (
                Call(action="s3:DeleteBucket", target=Target.BUCKET),
                Call(action="s3:CreateBucket", target=Target.BUCKET, elsewhere=True),
            ),
        ),
        refused_when=(Fact.COMPLIANCE,),
        controls=(*_POLICIES, Control.OBJECT_LOCK),
        stops="A bucket that holds locked versions cannot be emptied; otherwise a Deny. A name in the "
        "account's regional namespace cannot be registered by others.",
        remedies=(_DENY, "name the bucket in the account's regional namespace (-an)"),
        mitre=("T1485", "T1562.008", "T1685.002"),
        sources=(api("s3", "DeleteBucket"), api("s3", "CreateBucket")),
    ),
    Threat(
        id="open-bucket",
        title="Open the bucket to others",
        technique="Ownership controls bring ACLs back, ACLs and public access then let others in; the "
        "account-wide switches know no resource, so a Deny on the bucket's ARN never matches them.",
        effect=Effect.EXPOSE,
        family=Family.BUCKET,
        attackers=BUCKET_ATTACKERS,
        ways=(
            *each(
                Target.BUCKET,
                "s3:PutBucketOwnershipControls s3:PutBucketAcl s3:PutBucketPublicAccessBlock",
            ),
            (Call(action="s3:PutAccountPublicAccessBlock", target=Target.EVERYTHING, only=_OWNERS),),
        ),
        controls=_POLICIES,
        unbound=frozenset({Attacker.SERVICE_LINKED_ROLE}),
        stops="A Deny on the bucket, and one with Resource * for s3:PutAccountPublicAccessBlock.",
        remains="Mostly a matter of who reads: the bucket's own block holds when the account's is gone. "
        "Service-linked roles are bound on the bucket only.",
        remedies=(_DENY, "deny s3:PutAccountPublicAccessBlock with Resource *"),
        mitre=("T1530", "T1098"),
        sources=(api("s3", "PutBucketOwnershipControls"), api("s3", "PutPublicAccessBlock")),
    ),
    Threat(
        id="copy-out",
        title="Send copies or news of the logs to another account",
        technique="Replication, inventory, analytics and access logging carry data out; a notification can "
        "start a function that deletes each new log.",
        effect=Effect.EXPOSE,
        family=Family.BUCKET,
        attackers=BUCKET_ATTACKERS,
        ways=(
            *each(
                Target.BUCKET,
                "s3:PutReplicationConfiguration s3:PutInventoryConfiguration s3:PutAnalyticsConfiguration "
                "s3:PutBucketNotification s3:PutBucketLogging",
            ),
            *each(Target.LOG, "s3:InitiateReplication"),
        ),
        controls=_POLICIES,
        stops="A Deny on the bucket and its objects. Such a function would need a permission to delete, too.",
        remedies=(_DENY,),
        mitre=("T1537",),
        sources=(
            api("s3", "PutBucketReplication"),
            api("s3", "PutBucketNotificationConfiguration"),
            _DISCOVER,
        ),
    ),
    Threat(
        id="move-to-cold-storage",
        title="Move the logs where reading takes hours",
        technique="Archive tiers and transitions to deep archive keep the bytes and take the speed.",
        effect=Effect.BLIND,
        family=Family.BUCKET,
        attackers=BUCKET_ATTACKERS,
        ways=each(Target.BUCKET, "s3:PutIntelligentTieringConfiguration s3:PutLifecycleConfiguration"),
        controls=_POLICIES,
        stops="A Deny on the bucket.",
        remains="Nothing is lost: it costs time and the price of restoring.",
        remedies=(_DENY, "leave s3:RestoreObject open"),
        mitre=("T1562.008", "T1685.002"),
        sources=(api("s3", "PutBucketIntelligentTieringConfiguration"),),
    ),
    Threat(
        id="change-bucket-features",
        title="Use switches of the bucket that lists of actions forget",
        technique="Access by tags, tags, CORS, a website, metadata tables, metrics, acceleration, pausing a "
        "replication: each is small, and each new one is missing in yesterday's list.",
        effect=Effect.BLIND,
        family=Family.BUCKET,
        attackers=BUCKET_ATTACKERS,
        ways=each(
            Target.BUCKET,
            """
            s3:PutBucketAbac s3:TagResource s3:UntagResource s3:PutBucketTagging s3:PutBucketCORS
            s3:PutBucketWebsite s3:DeleteBucketWebsite s3:PutAccelerateConfiguration
            s3:PutMetricsConfiguration s3:CreateBucketMetadataTableConfiguration
            s3:DeleteBucketMetadataTableConfiguration s3:UpdateBucketMetadataAnnotationTableConfiguration
            s3:UpdateBucketMetadataInventoryTableConfiguration
            s3:UpdateBucketMetadataJournalTableConfiguration s3:PauseReplication
            """,
        ),
        controls=_POLICIES,
        stops="A Deny by NotAction, which covers switches that AWS has yet to add.",
        remains="An RCP has no NotAction, so it covers only names that begin like known ones.",
        remedies=(_DENY,),
        mitre=("T1562.008", "T1685.002"),
        sources=(api("s3", "PutBucketAbac"), api("s3", "PutBucketTagging")),
    ),
)
"""The bucket."""
