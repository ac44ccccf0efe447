"""What AWS says for a while of what was just made, and what to do where it goes on saying it.

Source: the errors of the botocore models of each service,
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html,
https://docs.aws.amazon.com/organizations/latest/APIReference/API_AttachPolicy.html,
https://docs.aws.amazon.com/kms/latest/developerguide/programming-eventual-consistency.html
"""

from __future__ import annotations

__all__ = ["BUCKET", "KEY", "ORGANIZATION", "REFUSED", "TRAIL", "way_out"]

BUCKET = ("OperationAborted", "NoSuchBucket", "NotSignedUp", "OptInRequired", "ServiceUnavailable")
KEY = (
    "DependencyTimeoutException",
    "KMSInternalException",
    "KMSInvalidStateException",
    "MalformedPolicyDocumentException",
    "NotFoundException",
    "ThrottlingException",
)
TRAIL = (
    "CloudTrailAccessNotEnabledException",
    "ConflictException",
    "InsufficientEncryptionPolicyException",
    "InsufficientS3BucketPolicyException",
    "InsufficientSnsTopicPolicyException",
    "InvalidCloudWatchLogsRoleArnException",
    "KmsException",
    "KmsKeyNotFoundException",
    "NoManagementAccountSLRExistsException",
    "S3BucketDoesNotExistException",
    "ThrottlingException",
    "TrailNotFoundException",
)
ORGANIZATION = (
    "ConcurrentModificationException",
    "FinalizingOrganizationException",
    "PolicyChangesInProgressException",
    "PolicyNotFoundException",
    "PolicyTypeNotEnabledException",
    "TargetNotFoundException",
    "TooManyRequestsException",
)
REFUSED = ("AccessDenied", "AccessDeniedException")
"""What S3 and KMS go on answering for a while after the guard that refused was taken off."""

_EXPLAIN = "run 'trailkeep explain --live', which names the statement that is missing or refuses"
_WAYS_OUT = {
    "CloudTrailAccessNotEnabledException": "enable trusted access for cloudtrail.amazonaws.com in the "
    "management account",
    "ConcurrentModificationException": "let what else changes the organization end",
    "ConflictException": "let what else changes the trail end",
    "FinalizingOrganizationException": "AWS takes up to an hour to finish a new organization",
    "InsufficientEncryptionPolicyException": _EXPLAIN,
    "InsufficientS3BucketPolicyException": _EXPLAIN,
    "InsufficientSnsTopicPolicyException": _EXPLAIN,
    "InvalidCloudWatchLogsRoleArnException": "see that cloudtrail.amazonaws.com may assume the role "
    "trail.cloudwatch_role names, and that it may write to the log group",
    "KmsException": _EXPLAIN,
    "KmsKeyNotFoundException": "see that the key exists, is enabled and is in the region of the bucket",
    "MalformedPolicyDocumentException": "see that every role that the policy names exists",
    "PolicyChangesInProgressException": "let what else changes the organization's policies end",
    "PolicyTypeNotEnabledException": "enable the policy type at the organization's root",
    "S3BucketDoesNotExistException": "see that the bucket exists and is the archive account's",
}


def way_out(code: str, *, lifted: bool = False) -> str:
    """Return what to do about an error that stayed, empty where nothing is known beyond its own words."""
    if lifted and code in REFUSED:
        return "see that the role may do it and that no other policy refuses it"
    return _WAYS_OUT.get(code, "")
