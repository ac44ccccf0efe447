"""Calls about the account itself: STS, IAM, Organizations, CloudTrail, logs, metrics, costs.

Parameters are written as each service writes them; places such as ``%(bucket)s`` are filled by ``premises``.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from trailkeep.sandbox.stage.templates import Call, failing

_GLOBAL = "us-east-1"
_NOBODY = "because no identity-based policy allows the {action} action"


def _iam(name: str, request: str = "null", response: str = "null", *, read_only: bool = True) -> Call:
    return Call(
        service="iam",
        name=name,
        region=_GLOBAL,
        request=request,
        response=response,
        read_only=read_only,
        host="iam.amazonaws.com",
    )


def _refused(call: Call, action: str, resource: str, code: str = "AccessDenied") -> Call:
    reason = _NOBODY.format(action=action)
    message = f"User: %(arn)s is not authorized to perform: {action} on resource: {resource} {reason}"
    return failing(call, code, message)


IDENTITY = Call(service="sts", name="GetCallerIdentity", version="1.08")
USERS = _iam("ListUsers")
ROLES = _iam("ListRoles", '{"maxItems":1000}')
ROLE = _iam("GetRole", '{"roleName":"%(role)s"}')
ROLE_POLICIES = _iam("ListRolePolicies", '{"roleName":"%(role)s"}')
ATTACHED = _iam("ListAttachedRolePolicies", '{"roleName":"%(role)s"}')
NO_ROLE = failing(
    ROLE,
    "NoSuchEntityException",
    "The role with name %(role)s-old cannot be found.",
    request='{"roleName":"%(role)s-old"}',
)
ACCOUNT_SUMMARY = _iam("GetAccountSummary")
ATTACH = _iam(
    "AttachRolePolicy",
    '{"roleName":"%(role)s","policyArn":"arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"}',
    read_only=False,
)
NO_USER = _refused(
    _iam("CreateUser", read_only=False), "iam:CreateUser", "arn:aws:iam::%(account)s:user/test-user"
)
LOG_GROUPS = Call(
    service="logs", name="DescribeLogGroups", request='{"limit":50}', api_version="20140328", version="1.11"
)
LOG_STREAM = Call(
    service="logs",
    name="CreateLogStream",
    read_only=False,
    request='{"logGroupName":"%(log_group)s","logStreamName":"%(stream)s"}',
    api_version="20140328",
)
LOG_QUERY = Call(
    service="logs",
    name="StartQuery",
    request='{"logGroupNames":["%(log_group)s"],"startTime":%(earlier)s,"endTime":%(millis)s,'
    '"queryString":"***","limit":1000}',
    response='{"queryId":"%(fresh)s"}',
    api_version="20140328",
)
RETENTION = Call(
    service="logs",
    name="PutRetentionPolicy",
    read_only=False,
    request='{"logGroupName":"%(log_group)s","retentionInDays":90}',
    api_version="20140328",
)
ALARMS = Call(service="monitoring", name="DescribeAlarms", request='{"maxRecords":100}', version="1.09")
METRICS = Call(service="monitoring", name="ListMetrics", request='{"namespace":"AWS/EC2"}', version="1.09")
COSTS = Call(
    service="ce",
    name="GetCostAndUsage",
    region=_GLOBAL,
    request='{"granularity":"DAILY","metrics":["UnblendedCost"]}',
)
LOOKUP = Call(service="cloudtrail", name="LookupEvents", request='{"maxResults":50}')
TRAILS = Call(
    service="cloudtrail",
    name="DescribeTrails",
    request='{"trailNameList":[],"includeShadowTrails":true}',
)
EVENT_COUNTS = Call(
    service="health",
    name="DescribeEventAggregates",
    region=_GLOBAL,
    request='{"filter":{"eventStatusCodes":["open","upcoming"]},"aggregateField":"eventTypeCategory"}',
    invoked_by="health.amazonaws.com",
)
HUBS = Call(service="notifications", name="ListNotificationHubs", region=_GLOBAL)
ORGANIZATION = Call(service="organizations", name="DescribeOrganization", region=_GLOBAL, version="1.09")
