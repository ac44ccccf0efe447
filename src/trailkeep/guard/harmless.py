"""Actions that change something and cannot touch the evidence, each with the reason.

Only whole names, no patterns: a pattern would also call harmless what AWS adds later.
"""

from __future__ import annotations

from types import MappingProxyType

__all__ = ["HARMLESS"]

_TAGS = "labels only; where a policy decides by tags, its proof takes them for anything"
_WORDS = "describes, or says how long a session may last"
_SESSION = "gives a session, and whatever that does is asked again"
_NEW = "adds something, and takes nothing from what is there"
_PATH = "takes another way to the logs away"
_USE = "uses a key, and changes none"
_LAKE = "acts on event data stores, channels and dashboards, which hold no log of the archive"
_STORE = "reaches only keys in a custom key store, and the archive's key needs none (see move-key)"
_JOB = "runs or labels a job that is there; its role is bound like any of the account"
_CONTACT = "changes whom AWS writes to, and no resource"
_IDENTITY = "changes identity policies, and a proof takes every principal for an administrator"
_MEMBERS = "changes who is in the organization beside the archive, or how it is grouped or billed"
_GROUP = "adds to a log group, or makes it keep more; the logs in the bucket stay as they are"
_NEWS = "sends or receives messages about logs, and no message is a log"

_REASONS: tuple[tuple[str, str, str], ...] = (
    ("account", _CONTACT, "DeleteAlternateContact PutAccountName PutAlternateContact PutContactInformation"),
    ("account", "a trail of all regions records a new one, too", "EnableRegion"),
    ("cloudtrail", _TAGS, "AddTags RemoveTags"),
    ("cloudtrail", _NEW, "CreateTrail StartLogging"),
    (
        "cloudtrail",
        _LAKE,
        """
        CancelQuery CreateChannel CreateDashboard CreateEventDataStore CreateServiceLinkedChannel
        DeleteChannel DeleteDashboard DeleteEventDataStore DeleteResourcePolicy DeleteServiceLinkedChannel
        DisableFederation EnableFederation GenerateQuery PutResourcePolicy RestoreEventDataStore
        StartDashboardRefresh StartEventDataStoreIngestion StartImport StartQuery
        StopEventDataStoreIngestion StopImport UpdateChannel UpdateDashboard UpdateEventDataStore
        UpdateServiceLinkedChannel
        """,
    ),
    ("iam", _IDENTITY, "AttachRolePolicy DeleteRolePermissionsBoundary PutRolePolicy"),
    ("iam", _NEW, "CreateRole CreateServiceLinkedRole"),
    ("iam", _TAGS, "TagRole UntagRole"),
    ("iam", _WORDS, "UpdateRole UpdateRoleDescription"),
    ("kms", _NEW, "CreateAlias CreateKey CreateCustomKeyStore"),
    ("kms", "keeps a key alive or usable", "CancelKeyDeletion EnableKey EnableKeyRotation"),
    (
        "kms",
        "older key material stays, and still decrypts",
        "DisableKeyRotation RotateKeyOnDemand SynchronizeMultiRegionKey",
    ),
    (
        "kms",
        _USE,
        """
        Decrypt DeriveSharedSecret Encrypt GenerateDataKey GenerateDataKeyPair
        GenerateDataKeyPairWithoutPlaintext GenerateDataKeyWithoutPlaintext GenerateMac GenerateRandom
        ReEncryptFrom ReEncryptTo Sign Verify VerifyMac
        """,
    ),
    (
        "kms",
        _STORE,
        "ConnectCustomKeyStore DeleteCustomKeyStore DisconnectCustomKeyStore UpdateCustomKeyStore",
    ),
    ("kms", _TAGS, "TagResource UntagResource"),
    ("kms", _WORDS, "UpdateKeyDescription"),
    (
        "logs",
        _GROUP,
        """
        CreateExportTask CreateLogAnomalyDetector CreateLogGroup CreateLogStream DeleteDataProtectionPolicy
        DeleteRetentionPolicy DeleteSyslogConfiguration DeleteTransformer IntegrateWithDataset
        IntegrateWithS3Table ProcessWithPipeline PutBearerTokenAuthentication PutLogEvents
        PutSyslogConfiguration
        """,
    ),
    ("logs", _TAGS, "TagLogGroup TagResource UntagLogGroup UntagResource"),
    (
        "organizations",
        _MEMBERS,
        """
        CancelHandshake CreateAccount CreateGovCloudAccount CreateOrganization CreateOrganizationalUnit
        DeclineHandshake DeleteOrganizationalUnit InviteAccountToOrganization
        InviteOrganizationToTransferResponsibility TerminateResponsibilityTransfer UpdateOrganizationalUnit
        UpdateResponsibilityTransfer
        """,
    ),
    ("organizations", "takes a delegation away", "DeleteResourcePolicy"),
    (
        "organizations",
        _NEW,
        "CreatePolicy EnableAWSServiceAccess EnableAllFeatures EnablePolicyType",
    ),
    ("organizations", _TAGS, "TagResource UntagResource"),
    ("s3", "discards an upload that is no version yet", "AbortMultipartUpload"),
    ("s3", "makes a log in cold storage readable", "RestoreObject"),
    (
        "s3",
        _PATH,
        """
        DeleteAccessGrant DeleteAccessGrantsInstance DeleteAccessGrantsInstanceResourcePolicy
        DeleteAccessGrantsLocation DeleteAccessPoint DeleteAccessPointForObjectLambda
        DeleteAccessPointPolicy DeleteAccessPointPolicyForObjectLambda DeleteMultiRegionAccessPoint
        DissociateAccessGrantsIdentityCenter
        """,
    ),
    (
        "s3",
        "changes a way that is there, and whoever goes it is bound like any principal of the account",
        "AssociateAccessGrantsIdentityCenter SubmitMultiRegionAccessPointRoutes UpdateAccessGrantsLocation",
    ),
    ("s3", _JOB, "DeleteJobTagging PutJobTagging UpdateJobPriority UpdateJobStatus"),
    (
        "s3",
        "sums up storage, and changes none",
        """
        CreateStorageLensGroup DeleteStorageLensConfiguration DeleteStorageLensConfigurationTagging
        DeleteStorageLensGroup PutStorageLensConfiguration PutStorageLensConfigurationTagging
        UpdateStorageLensGroup
        """,
    ),
    ("sns", _NEWS, "AddPermission ConfirmSubscription CreateTopic Publish Subscribe"),
    ("sns", _TAGS, "TagResource UntagResource"),
    (
        "sts",
        _SESSION,
        """
        AssumeRole AssumeRoleWithSAML AssumeRoleWithWebIdentity GetDelegatedAccessToken GetFederationToken
        GetWebIdentityToken SetContext SetSourceIdentity TagGetWebIdentityToken TagSession
        """,
    ),
    ("sts", "reads a message", "DecodeAuthorizationMessage"),
)

HARMLESS = MappingProxyType(
    {f"{service}:{name}": reason for service, reason, names in _REASONS for name in names.split()}
)
"""The reason for every such action."""
