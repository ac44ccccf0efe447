"""Calls about data and the keys to it: S3, KMS, Secrets Manager, RDS, DynamoDB.

Parameters are written as each service writes them; places such as ``%(bucket)s`` are filled by ``premises``.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from trailkeep.sandbox.stage.templates import Call, failing

_BUCKET = '[{"accountId":"%(account)s","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::%(bucket)s"}]'
_KEY = (
    '[{"accountId":"%(account)s","type":"AWS::KMS::Key",'
    '"ARN":"arn:aws:kms:%(region)s:%(account)s:key/%(key)s"}]'
)
_SECRET_ARN = "arn:aws:secretsmanager:%(region)s:%(account)s:secret:%(secret)s"  # noqa: S105 - a name, not a secret
_NOBODY = "because no identity-based policy allows the {action} action"


def _s3(name: str, query: str = "", *, read_only: bool = True, more: str = "") -> Call:
    marker = f',"{query}":""' if query else ""
    return Call(
        service="s3",
        name=name,
        read_only=read_only,
        request=f'{{"bucketName":"%(bucket)s","Host":"%(bucket)s.s3.%(region)s.amazonaws.com"{marker}{more}}}',
        resources=_BUCKET,
        host="%(bucket)s.s3.%(region)s.amazonaws.com",
    )


def _refused(call: Call, action: str, resource: str, code: str = "AccessDenied") -> Call:
    reason = _NOBODY.format(action=action)
    message = f"User: %(arn)s is not authorized to perform: {action} on resource: {resource} {reason}"
    return failing(call, code, message)


BUCKETS = Call(
    service="s3",
    name="ListBuckets",
    request='{"Host":"s3.%(region)s.amazonaws.com"}',
    host="s3.%(region)s.amazonaws.com",
)
ACL = _s3("GetBucketAcl", "acl")
POLICY = _s3("GetBucketPolicy", "policy")
LOCATION = _s3("GetBucketLocation", "location")
VERSIONING = _s3("GetBucketVersioning", "versioning")
ENCRYPTION = _s3("GetBucketEncryption", "encryption")
TAGGING = failing(_s3("GetBucketTagging", "tagging"), "NoSuchTagSet", "The TagSet does not exist")
LIFECYCLE = failing(
    _s3("GetBucketLifecycle", "lifecycle"),
    "NoSuchLifecycleConfiguration",
    "The lifecycle configuration does not exist",
)
PUBLIC_ACCESS = _s3("GetBucketPublicAccessBlock", "publicAccessBlock")
PUT_TAGGING = _s3(
    "PutBucketTagging",
    "tagging",
    read_only=False,
    more=',"Tagging":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/",'
    '"TagSet":{"Tag":{"Key":"Standort","Value":"Zürich"}}}',
)
NO_BUCKET_POLICY = _refused(
    _s3("GetBucketPolicy", "policy"), "s3:GetBucketPolicy", '\\"arn:aws:s3:::%(bucket)s\\"'
)
DECRYPT = Call(
    service="kms",
    name="Decrypt",
    request='{"encryptionAlgorithm":"SYMMETRIC_DEFAULT",'
    '"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::%(bucket)s"}}',
    resources=_KEY,
)
DECRYPT_SECRET = Call(
    service="kms",
    name="Decrypt",
    request=f'{{"encryptionContext":{{"SecretARN":"{_SECRET_ARN}","SecretVersionId":"%(fresh)s"}},'
    '"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}',
    resources=_KEY,
    invoked_by="secretsmanager.amazonaws.com",
)
DECRYPT_PARAMETER = Call(
    service="kms",
    name="Decrypt",
    request='{"encryptionContext":{"PARAMETER_ARN":"arn:aws:ssm:%(region)s:%(account)s:parameter%(parameter)s"},'
    '"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}',
    resources=_KEY,
    invoked_by="AWS Internal",
)
DATA_KEY = Call(
    service="kms",
    name="GenerateDataKey",
    request='{"keySpec":"AES_256","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::%(bucket)s/%(object)s"},'
    '"keyId":"arn:aws:kms:%(region)s:%(account)s:key/%(key)s"}',
    resources=_KEY,
)
ALIASES = Call(service="kms", name="ListAliases", request='{"limit":100}')
NO_KEY = _refused(DECRYPT, "kms:Decrypt", "arn:aws:kms:%(region)s:%(account)s:key/%(key)s")
SECRETS = Call(service="secretsmanager", name="ListSecrets", request='{"maxResults":100}')
SECRET = Call(service="secretsmanager", name="GetSecretValue", request=f'{{"secretId":"{_SECRET_ARN}"}}')
PUT_SECRET = Call(
    service="secretsmanager",
    name="PutSecretValue",
    read_only=False,
    request=f'{{"clientRequestToken":"%(fresh)s","secretId":"{_SECRET_ARN}"}}',
    response=f'{{"arn":"{_SECRET_ARN}"}}',
)
DATABASES = Call(service="rds", name="DescribeDBInstances", request='{"maxRecords":100}')
DATABASE = Call(service="rds", name="DescribeDBInstances", request='{"dBInstanceIdentifier":"%(database)s"}')
DB_SNAPSHOT = Call(
    service="rds",
    name="CreateDBSnapshot",
    read_only=False,
    request='{"dBSnapshotIdentifier":"%(database)s-%(suffix)s","dBInstanceIdentifier":"%(database)s"}',
    response='{"dBSnapshotIdentifier":"%(database)s-%(suffix)s","dBInstanceIdentifier":"%(database)s",'
    '"engine":"postgres","allocatedStorage":200,"status":"creating","vpcId":"%(vpc)s","encrypted":true,'
    '"snapshotType":"manual"}',
)
TABLE = Call(
    service="dynamodb",
    name="DescribeTable",
    request='{"tableName":"%(table)s"}',
    resources='[{"accountId":"%(account)s","type":"AWS::DynamoDB::Table",'
    '"ARN":"arn:aws:dynamodb:%(region)s:%(account)s:table/%(table)s"}]',
    api_version="2012-08-10",
)
