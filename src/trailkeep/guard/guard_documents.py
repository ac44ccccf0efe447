"""The organization policies that guard an archive: which there are, what each says, and where it hangs.

::

    trailkeep-archive             SCP  archive account   its own account only reads
    trailkeep-organization        SCP  root              no member touches the trail or leaves
    trailkeep-archive-resources   RCP  archive account   nobody but the trail writes, whoever calls

None has an exemption: breaking the glass means that the management account detaches them, which is recorded.
SCPs and RCPs bind neither the management account's principals (SCP) and resources (RCP), nor service-linked
roles.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from trailkeep.guard.documents import Document, archive_scp

__all__ = [
    "ARCHIVE_RCP",
    "ARCHIVE_SCP",
    "MEMBER_SCP",
    "POLICIES",
    "RCP",
    "SCP",
    "GuardPolicy",
    "Place",
    "archive_rcp",
    "archive_scp",
    "member_scp",
]

SCP = "SERVICE_CONTROL_POLICY"
RCP = "RESOURCE_CONTROL_POLICY"
POLICIES = {SCP: "service_control_policies", RCP: "resource_control_policies"}
"""Where the estate keeps the policies of a type."""
ARCHIVE_SCP = "trailkeep-archive"
MEMBER_SCP = "trailkeep-organization"
ARCHIVE_RCP = "trailkeep-archive-resources"

_WRITES = (
    "s3:Abort*",
    "s3:Bypass*",
    "s3:Create*",
    "s3:Delete*",
    "s3:Initiate*",
    "s3:ObjectOwner*",
    "s3:Pause*",
    "s3:PutA*",
    "s3:PutB*",
    "s3:PutE*",
    "s3:PutI*",
    "s3:PutL*",
    "s3:PutM*",
    "s3:PutObject?*",
    "s3:PutR*",
    "s3:Replicate*",
    "s3:Tag*",
    "s3:Untag*",
    "s3:Update*",
)


class Place(StrEnum):
    """Where a guard is attached."""

    ARCHIVE = "archive"
    ROOT = "root"


class GuardPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One organization policy of ours; ``document`` is compact JSON, empty where it is not asked for.

    ``key`` begins the ids of its actions, ``setting`` is what asks for it in ``trailkeep.toml``.
    """

    key: str
    name: str
    policy_type: str
    place: Place
    setting: str
    description: str
    document: str

    @property
    def refuses_bucket_changes(self) -> bool:
        """Whether the bucket cannot be changed while it is attached."""
        return self.place is Place.ARCHIVE


def member_scp(*, partition: str, trail: str) -> Document:
    """Return the service control policy for every member account; ``trail`` is the ARN of the trail.

    Accepting a handshake is leaving, too: another organization's invitation moves a member at once. Approving
    "all features" needs a handshake as well, but an organization without them has no SCPs. A delegated
    administrator of policies is a member account, and could detach every guard.

    Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html,
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_delegate_policies.html,
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_AcceptHandshake.html
    """
    role = (
        f"arn:{partition}:iam::*:role/aws-service-role/cloudtrail.amazonaws.com/AWSServiceRoleForCloudTrail"
    )
    return _denies(
        {
            "Sid": "TrailReadOnly",
            "NotAction": [
                "cloudtrail:Describe*",
                "cloudtrail:Get*",
                "cloudtrail:List*",
                "cloudtrail:LookupEvents",
            ],
            "Resource": trail,
        },
        {
            "Sid": "NoTrailDelegation",
            "Action": [
                "cloudtrail:DeregisterOrganizationDelegatedAdmin",
                "cloudtrail:RegisterOrganizationDelegatedAdmin",
            ],
            "Resource": "*",
        },
        {
            "Sid": "KeepServiceLinkedRole",
            "Action": [
                "iam:Attach*",
                "iam:Delete*",
                "iam:Detach*",
                "iam:Put*",
                "iam:Tag*",
                "iam:Untag*",
                "iam:Update*",
            ],
            "Resource": role,
        },
        {
            "Sid": "StayInOrganization",
            "Action": ["organizations:LeaveOrganization", "organizations:AcceptHandshake"],
            "Resource": "*",
        },
        {
            "Sid": "NoDelegatedGuardChange",
            "Action": [
                "organizations:AttachPolicy",
                "organizations:DeletePolicy",
                "organizations:DeleteResourcePolicy",
                "organizations:DetachPolicy",
                "organizations:DisablePolicyType",
                "organizations:MoveAccount",
                "organizations:PutResourcePolicy",
                "organizations:TagResource",
                "organizations:UntagResource",
                "organizations:UpdatePolicy",
            ],
            "Resource": "*",
        },
    )


def archive_rcp(*, partition: str, bucket: str, archive_account: str, trail: str) -> Document:
    """Return the resource control policy that lets nobody write but CloudTrail for exactly one trail.

    An RCP has no ``NotAction``, so writing is listed; ``PutObject`` alone depends on ``aws:SourceArn``, and a
    request without it is refused. Nor does any service read for somebody else (confused deputy): a service
    that acts for a user acts as that user.

    Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html,
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_examples.html
    """
    arn = f"arn:{partition}:s3:::{bucket}"
    resources = [
        arn,
        f"{arn}/*",
        f"arn:{partition}:s3:*:{archive_account}:accesspoint/*",
        f"arn:{partition}:s3::{archive_account}:accesspoint/*",
    ]
    other_trail = {"StringNotEquals": {"aws:SourceArn": trail}}
    return _denies(
        {
            "Sid": "ArchiveUnchangeable",
            "Principal": "*",
            "Action": [*_WRITES],
            "Resource": resources,
        },
        {
            "Sid": "OnlyTheTrailWrites",
            "Principal": "*",
            "Action": "s3:Put*",
            "Resource": resources,
            "Condition": other_trail,
        },
        {
            "Sid": "NoServiceForOthers",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": resources,
            "Condition": {**other_trail, "Bool": {"aws:PrincipalIsAWSService": "true"}},
        },
    )


def _denies(*statements: Document) -> Document:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Sid": one["Sid"], "Effect": "Deny", **one} for one in statements],
    }
