"""The calls of the story, act by act; the places they leave open are filled by the teller.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html (wording of refusals)
"""

from __future__ import annotations

from trailkeep.sandbox.stage import calls_account as account
from trailkeep.sandbox.stage import calls_compute as compute
from trailkeep.sandbox.stage import calls_data as data
from trailkeep.sandbox.stage.templates import Call, failing

__all__ = [
    "BLIND",
    "CHECK_ARCHIVE",
    "CLEAN_UP",
    "CLOSE",
    "CREATE_BACKDOOR",
    "CREATE_BACKDOOR_KEY",
    "CREATE_OWN_KEY",
    "DELETE_LOG",
    "DELETE_ORG",
    "ERASE",
    "EXPIRE_LOGS",
    "INVESTIGATE",
    "LOOK_AROUND",
    "RETURN",
    "SETTLE",
    "SHARE_SNAPSHOT",
    "START_LEGACY",
    "STOP_LEGACY",
    "STOP_ORG",
    "TAKE",
    "WITHDRAW",
    "refused",
]

_GLOBAL = "us-east-1"
_IDENTITY_POLICY = "because no identity-based policy allows the {action} action"
_SERVICE_CONTROL = "with an explicit deny in a service control policy"
_OBJECT = '\\"arn:aws:s3:::%(bucket)s/%(log_key)s\\"'
_BUCKET = '\\"arn:aws:s3:::%(bucket)s\\"'


def refused(
    call: Call, action: str, resource: str, *, by: str = _IDENTITY_POLICY, request: str | None = None
) -> Call:
    """Return ``call`` refused as AWS words it: ``by`` says which kind of policy decided."""
    reason = by.format(action=action)
    message = f"User: %(arn)s is not authorized to perform: {action} on resource: {resource} {reason}"
    return failing(call, "AccessDenied", message, request=request)


def _iam(name: str, request: str, response: str = "null") -> Call:
    return Call(
        service="iam",
        name=name,
        read_only=False,
        region=_GLOBAL,
        host="iam.amazonaws.com",
        request=request,
        response=response,
    )


def _trail(name: str, place: str, *, read_only: bool = False) -> Call:
    return Call(service="cloudtrail", name=name, read_only=read_only, request=f'{{"name":"%({place})s"}}')


def _log_object(name: str, request: str) -> Call:
    return Call(
        service="s3",
        name=name,
        read_only=False,
        data=True,
        request=f'{{"bucketName":"%(bucket)s","Host":"%(bucket)s.s3.%(region)s.amazonaws.com",{request}}}',
        resources='[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::%(bucket)s/%(log_key)s"},'
        '{"accountId":"%(account)s","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::%(bucket)s"}]',
        host="%(bucket)s.s3.%(region)s.amazonaws.com",
    )


def _log_bucket(name: str, request: str) -> Call:
    return Call(
        service="s3",
        name=name,
        read_only=False,
        request=f'{{"bucketName":"%(bucket)s","Host":"%(bucket)s.s3.%(region)s.amazonaws.com",{request}}}',
        resources='[{"accountId":"%(account)s","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::%(bucket)s"}]',
        host="%(bucket)s.s3.%(region)s.amazonaws.com",
    )


def _new_key(user: str, key: str) -> Call:
    return _iam(
        "CreateAccessKey",
        f'{{"userName":"{user}"}}',
        f'{{"accessKey":{{"userName":"{user}","accessKeyId":"{key}","status":"Active","createDate":"%(now)s"}}}}',
    )


def _switch_off(user: str, key: str) -> Call:
    return _iam("UpdateAccessKey", f'{{"userName":"{user}","accessKeyId":"{key}","status":"Inactive"}}')


def _revoke(role_name: str) -> Call:
    """Return the policy that the IAM console writes to revoke a role's older sessions."""
    document = (
        '{\\"Version\\":\\"2012-10-17\\",\\"Statement\\":[{\\"Effect\\":\\"Deny\\",\\"Action\\":[\\"*\\"],'
        '\\"Resource\\":[\\"*\\"],\\"Condition\\":{\\"DateLessThan\\":{\\"aws:TokenIssueTime\\":\\"%(time)s\\"}}}]}'
    )
    policy = f'"policyName":"AWSRevokeOlderSessions","policyDocument":"{document}"'
    return _iam("PutRolePolicy", f'{{"roleName":"{role_name}",{policy}}}')


def _share(kind: str) -> Call:
    return Call(
        service="ec2",
        name="ModifySnapshotAttribute",
        read_only=False,
        request=f'{{"snapshotId":"%(snapshot)s","createVolumePermission":{{"{kind}":{{"items":['
        '{"userId":"%(attacker_account)s"}]}},"attributeType":"CREATE_VOLUME_PERMISSION"}',
        response='{"requestId":"%(request)s","_return":true}',
        version="1.10",
    )


_USER = "arn:aws:iam::%(account)s:user/%(victim)s"
_ORGANIZATION = "arn:aws:organizations::%(account)s:organization/*"
_MASTER_POLICY = '"policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"'

LIST_ACCOUNTS = Call(service="organizations", name="ListAccounts", region=_GLOBAL, version="1.08")
LIST_KEYS = Call(service="kms", name="ListKeys", request='{"limit":1000}')
LIST_TABLES = Call(service="dynamodb", name="ListTables", api_version="2012-08-10")
OWN_POLICIES = Call(
    service="iam",
    name="ListAttachedUserPolicies",
    region=_GLOBAL,
    host="iam.amazonaws.com",
    request='{"userName":"%(victim)s"}',
)
ALL_DETAILS = Call(
    service="iam", name="GetAccountAuthorizationDetails", region=_GLOBAL, host="iam.amazonaws.com"
)
CREATE_OWN_KEY = _new_key("%(victim)s", "%(victim_key)s")
LOOK_AROUND: tuple[Call, ...] = (
    account.IDENTITY,
    account.USERS,
    account.ROLES,
    OWN_POLICIES,
    refused(ALL_DETAILS, "iam:GetAccountAuthorizationDetails", "*", request="null"),
    refused(LIST_ACCOUNTS, "organizations:ListAccounts", "*"),
    refused(account.ORGANIZATION, "organizations:DescribeOrganization", _ORGANIZATION),
    refused(data.SECRETS, "secretsmanager:ListSecrets", "*", request="null"),
    refused(
        compute.PARAMETERS, "ssm:DescribeParameters", "arn:aws:ssm:%(region)s:%(account)s:*", request="null"
    ),
    refused(compute.FUNCTIONS, "lambda:ListFunctions", "*", request="null"),
    refused(LIST_KEYS, "kms:ListKeys", "*", request="null"),
    refused(LIST_TABLES, "dynamodb:ListTables", "arn:aws:dynamodb:%(region)s:%(account)s:table/*"),
    refused(account.TRAILS, "cloudtrail:DescribeTrails", "*", request="null"),
    refused(account.ACCOUNT_SUMMARY, "iam:GetAccountSummary", "*"),
    refused(
        account.COSTS,
        "ce:GetCostAndUsage",
        "arn:aws:ce:us-east-1:%(account)s:/GetCostAndUsage",
        request="null",
    ),
    refused(compute.LIST_STACKS, "cloudformation:ListStacks", "*", request="null"),
    refused(_iam("CreateUser", "null"), "iam:CreateUser", "arn:aws:iam::%(account)s:user/%(backdoor)s"),
    compute.NO_RUN,
    data.BUCKETS,
)

STOP_ORG = refused(
    _trail("StopLogging", "org_trail"), "cloudtrail:StopLogging", "%(org_trail)s", by=_SERVICE_CONTROL
)
DELETE_ORG = refused(
    _trail("DeleteTrail", "org_trail"), "cloudtrail:DeleteTrail", "%(org_trail)s", by=_SERVICE_CONTROL
)
STOP_LEGACY = _trail("StopLogging", "legacy_trail")
START_LEGACY = _trail("StartLogging", "legacy_trail")
STATUS = _trail("GetTrailStatus", "legacy_trail", read_only=True)
BLIND: tuple[Call, ...] = (
    account.IDENTITY,
    data.BUCKETS,
    compute.INSTANCES,
    account.TRAILS,
    STATUS,
    STOP_ORG,
    DELETE_ORG,
    STOP_LEGACY,
)

CREATE_BACKDOOR = _iam(
    "CreateUser",
    '{"userName":"%(backdoor)s"}',
    '{"user":{"path":"/","userName":"%(backdoor)s","userId":"%(user_id)s",'
    '"arn":"arn:aws:iam::%(account)s:user/%(backdoor)s","createDate":"%(now)s"}}',
)
CREATE_BACKDOOR_KEY = _new_key("%(backdoor)s", "%(backdoor_key)s")
SETTLE: tuple[Call, ...] = (
    CREATE_BACKDOOR,
    _iam("AttachUserPolicy", f'{{"userName":"%(backdoor)s",{_MASTER_POLICY}}}'),
    CREATE_BACKDOOR_KEY,
    data.SECRETS,
    data.SECRET,
    data.DECRYPT_SECRET,
)

SHARE_SNAPSHOT = _share("add")
TAKE: tuple[Call, ...] = (
    account.IDENTITY,
    data.SECRETS,
    data.SECRET,
    data.DECRYPT_SECRET,
    data.SECRET,
    data.DECRYPT_SECRET,
    data.DATABASES,
    compute.SNAPSHOTS,
    Call(
        service="ec2",
        name="CreateSnapshot",
        read_only=False,
        request='{"volumeId":"%(volume)s"}',
        response='{"requestId":"%(request)s","snapshotId":"%(snapshot)s","volumeId":"%(volume)s",'
        '"status":"pending","startTime":%(millis)s,"ownerId":"%(account)s","volumeSize":"100","encrypted":false}',
        version="1.10",
    ),
    SHARE_SNAPSHOT,
    STOP_ORG,
)

DELETE_LOG = refused(
    _log_object("DeleteObject", '"key":"%(log_key)s","versionId":"%(version)s"'),
    "s3:DeleteObjectVersion",
    _OBJECT,
    by=_SERVICE_CONTROL,
)
_SHORTEN = refused(
    _log_object(
        "PutObjectRetention", '"key":"%(log_key)s","retention":"","x-amz-bypass-governance-retention":"true"'
    ),
    "s3:PutObjectRetention",
    _OBJECT,
    by=_SERVICE_CONTROL,
)
EXPIRE_LOGS = refused(
    _log_bucket(
        "PutBucketLifecycle",
        '"lifecycle":"","LifecycleConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/",'
        '"Rule":{"Status":"Enabled","Filter":{"Prefix":"AWSLogs/"},"Expiration":{"Days":1},"ID":"tidy"}}',
    ),
    "s3:PutLifecycleConfiguration",
    _BUCKET,
    by=_SERVICE_CONTROL,
)
_SUSPEND = refused(
    _log_bucket(
        "PutBucketVersioning",
        '"versioning":"","VersioningConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/",'
        '"Status":"Suspended"}',
    ),
    "s3:PutBucketVersioning",
    _BUCKET,
    by=_SERVICE_CONTROL,
)
_OPEN_UP = refused(
    _log_bucket("DeleteBucketPolicy", '"policy":""'), "s3:DeleteBucketPolicy", _BUCKET, by=_SERVICE_CONTROL
)
_LOCK = Call(
    service="s3",
    name="GetBucketObjectLockConfiguration",
    request='{"bucketName":"%(bucket)s","object-lock":"","Host":"%(bucket)s.s3.%(region)s.amazonaws.com"}',
    resources='[{"accountId":"%(account)s","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::%(bucket)s"}]',
    host="%(bucket)s.s3.%(region)s.amazonaws.com",
)
ERASE: tuple[Call, ...] = (
    account.IDENTITY,
    data.BUCKETS,
    data.VERSIONING,
    _LOCK,
    DELETE_LOG,
    DELETE_LOG,
    DELETE_LOG,
    _SHORTEN,
    EXPIRE_LOGS,
    _SUSPEND,
    _OPEN_UP,
)
RETURN: tuple[Call, ...] = (account.IDENTITY, data.BUCKETS, data.SECRET, data.DECRYPT_SECRET)

INVESTIGATE: tuple[Call, ...] = (
    Call(
        service="cloudtrail",
        name="LookupEvents",
        request='{"lookupAttributes":[{"attributeKey":"AccessKeyId","attributeValue":"%(stolen_key)s"}],'
        '"maxResults":50}',
    ),
    account.LOOKUP,
    account.TRAILS,
    STATUS,
)
WITHDRAW: tuple[Call, ...] = (
    _switch_off("%(victim)s", "%(stolen_key)s"),
    _switch_off("%(victim)s", "%(victim_key)s"),
    _iam("DeleteAccessKey", '{"userName":"%(victim)s","accessKeyId":"%(victim_key)s"}'),
    _new_key("%(victim)s", "%(replacement_key)s"),
)
CLEAN_UP: tuple[Call, ...] = (
    _revoke("deploy-staging"),
    _switch_off("%(backdoor)s", "%(backdoor_key)s"),
    _iam("DetachUserPolicy", f'{{"userName":"%(backdoor)s",{_MASTER_POLICY}}}'),
    _iam("DeleteAccessKey", '{"userName":"%(backdoor)s","accessKeyId":"%(backdoor_key)s"}'),
    _iam("DeleteUser", '{"userName":"%(backdoor)s"}'),
)
CLOSE: tuple[Call, ...] = (_revoke("deploy-prod"), _share("remove"), data.PUT_SECRET, data.PUT_SECRET)
CHECK_ARCHIVE: tuple[Call, ...] = (
    data.ACL,
    data.VERSIONING,
    _LOCK,
    data.LIFECYCLE,
    _revoke("log-archive-reader"),
)
