"""Calls about machines and what is deployed on them: EC2, Lambda, Systems Manager, CloudFormation, ECR.

Parameters are written as each service writes them; places such as ``%(bucket)s`` are filled by ``premises``.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from trailkeep.sandbox.stage.templates import Call, failing


def _ec2(name: str, request: str) -> Call:
    return Call(service="ec2", name=name, request=request, version="1.10")


def _ec2_write(name: str, request: str, answer: str) -> Call:
    response = f'{{"requestId":"%(request)s",{answer}}}'
    return Call(service="ec2", name=name, read_only=False, request=request, response=response, version="1.10")


INSTANCES = _ec2("DescribeInstances", '{"maxResults":1000,"instancesSet":{},"filterSet":{}}')
ONE_INSTANCE = _ec2(
    "DescribeInstances", '{"instancesSet":{"items":[{"instanceId":"%(instance)s"}]},"filterSet":{}}'
)
GROUPS = _ec2("DescribeSecurityGroups", '{"securityGroupSet":{},"securityGroupIdSet":{},"filterSet":{}}')
VPCS = _ec2("DescribeVpcs", '{"vpcSet":{},"filterSet":{}}')
SUBNETS = _ec2(
    "DescribeSubnets",
    '{"subnetSet":{},"filterSet":{"items":[{"name":"vpc-id","valueSet":{"items":[{"value":"%(vpc)s"}]}}]}}',
)
VOLUMES = _ec2("DescribeVolumes", '{"volumeSet":{"items":[{"volumeId":"%(volume)s"}]},"filterSet":{}}')
SNAPSHOTS = _ec2(
    "DescribeSnapshots", '{"snapshotSet":{},"ownersSet":{"items":[{"owner":"self"}]},"filterSet":{}}'
)
ROUTES = _ec2("DescribeRouteTables", '{"routeTableIdSet":{},"filterSet":{}}')
ZONES = _ec2("DescribeAvailabilityZones", '{"availabilityZoneSet":{},"availabilityZoneIdSet":{}}')
TAGS = _ec2(
    "DescribeTags",
    '{"maxResults":5,"filterSet":{"items":[{"name":"resource-id",'
    '"valueSet":{"items":[{"value":"%(instance)s"}]}}]}}',
)
GONE_VOLUME = failing(VOLUMES, "Client.InvalidVolume.NotFound", "The volume '%(volume)s' does not exist.")
PARAMETER = Call(
    service="ssm",
    name="GetParameter",
    request='{"name":"%(parameter)s","withDecryption":true}',
    resources='[{"accountId":"%(account)s",'
    '"ARN":"arn:aws:ssm:%(region)s:%(account)s:parameter%(parameter)s"}]',
)
NO_PARAMETER = failing(
    PARAMETER,
    "ParameterNotFound",
    "Parameter %(parameter)s/next not found.",
    request='{"name":"%(parameter)s/next","withDecryption":true}',
)
PARAMETERS = Call(service="ssm", name="DescribeParameters", request='{"maxResults":50}')
SLOW_DOWN = failing(PARAMETERS, "ThrottlingException", "Rate exceeded", request="null")
HEARTBEAT = Call(
    service="ssm",
    name="UpdateInstanceInformation",
    read_only=False,
    request='{"instanceId":"%(self)s","agentVersion":"3.3.2299.0","agentStatus":"Active",'
    '"platformType":"Linux","platformName":"Amazon Linux","platformVersion":"2023","iPAddress":"%(own_ip)s",'
    '"computerName":"ip-%(own_name)s.%(region)s.compute.internal","agentName":"amazon-ssm-agent"}',
)
START_SESSION = Call(
    service="ssm",
    name="StartSession",
    read_only=False,
    request='{"target":"%(instance)s"}',
    response='{"sessionId":"session-%(suffix)s","streamUrl":"wss://ssmmessages.%(region)s.amazonaws.com/v1/'
    'data-channel/session-%(suffix)s?role=publish_subscribe",'
    '"tokenValue":"Value hidden due to security reasons."}',
)
SEND_COMMAND = Call(
    service="ssm",
    name="SendCommand",
    read_only=False,
    request='{"instanceIds":["%(instance)s"],"documentName":"AWS-RunShellScript",'
    '"parameters":"HIDDEN_DUE_TO_SECURITY_REASONS","interactive":false}',
    response='{"command":{"commandId":"%(fresh)s","documentName":"AWS-RunShellScript",'
    '"documentVersion":"$DEFAULT","parameters":"HIDDEN_DUE_TO_SECURITY_REASONS",'
    '"instanceIds":["%(instance)s"],"targets":[],"requestedDateTime":"%(now)s","status":"Pending",'
    '"statusDetails":"Pending","maxConcurrency":"50","maxErrors":"0","targetCount":1,"completedCount":0}}',
)
RUN = _ec2_write(
    "RunInstances",
    '{"instancesSet":{"items":[{"imageId":"ami-0c9f1d2ab3e54f678","minCount":1,"maxCount":1}]},'
    '"instanceType":"t3.medium","blockDeviceMapping":{},"monitoring":{"enabled":false},'
    '"subnetId":"%(subnet)s","disableApiTermination":false,"clientToken":"%(fresh)s",'
    '"iamInstanceProfile":{"name":"%(role)s"},"tagSpecificationSet":{"items":[{"resourceType":"instance",'
    '"tags":[{"key":"Name","value":"batch"}]}]}}',
    '"reservationId":"r-%(suffix)s","ownerId":"%(account)s","groupSet":{},"instancesSet":{"items":[{'
    '"instanceId":"%(new_instance)s","imageId":"ami-0c9f1d2ab3e54f678","currentState":{},'
    '"instanceState":{"code":0,"name":"pending"},"instanceType":"t3.medium","launchTime":%(millis)s,'
    '"placement":{"availabilityZone":"%(region)sa","tenancy":"default"},"monitoring":{"state":"disabled"},'
    '"subnetId":"%(subnet)s","vpcId":"%(vpc)s","privateIpAddress":"10.20.7.19","architecture":"x86_64",'
    '"rootDeviceType":"ebs","rootDeviceName":"/dev/xvda","clientToken":"%(fresh)s"}]}',
)
NO_RUN = failing(
    RUN,
    "Client.UnauthorizedOperation",
    "You are not authorized to perform this operation. User: %(arn)s is not authorized to perform: "
    "ec2:RunInstances on resource: arn:aws:ec2:%(region)s:%(account)s:instance/* because no identity-based "
    "policy allows the ec2:RunInstances action. Encoded authorization failure message: %(id2)s",
)
STOP = _ec2_write(
    "StopInstances",
    '{"instancesSet":{"items":[{"instanceId":"%(instance)s"}]},"force":false}',
    '"instancesSet":{"items":[{"instanceId":"%(instance)s","currentState":{"code":64,"name":"stopping"},'
    '"previousState":{"code":16,"name":"running"}}]}',
)
OPEN_PORT = _ec2_write(
    "AuthorizeSecurityGroupIngress",
    '{"groupId":"%(group)s","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,'
    '"groups":{},"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8","description":"intranet"}]},"ipv6Ranges":{},'
    '"prefixListIds":{}}]}}',
    '"_return":true,"securityGroupRuleSet":{"items":[{"groupOwnerId":"%(account)s","groupId":"%(group)s",'
    '"securityGroupRuleId":"sgr-%(suffix)s","isEgress":false,"ipProtocol":"tcp","fromPort":443,"toPort":443,'
    '"cidrIpv4":"10.0.0.0/8"}]}',
)
SNAPSHOT = _ec2_write(
    "CreateSnapshot",
    '{"volumeId":"%(volume)s","tagSpecificationSet":{"items":[{"resourceType":"snapshot",'
    '"tags":[{"key":"backup","value":"daily"}]}]}}',
    '"snapshotId":"%(new_snapshot)s","volumeId":"%(volume)s","status":"pending","startTime":%(millis)s,'
    '"ownerId":"%(account)s","volumeSize":"100","encrypted":true',
)
CREATE_TAGS = _ec2_write(
    "CreateTags",
    '{"resourcesSet":{"items":[{"resourceId":"%(instance)s"}]},'
    '"tagSet":{"items":[{"key":"owner","value":"platform"}]}}',
    '"_return":true',
)
STACKS = Call(service="cloudformation", name="DescribeStacks", request='{"stackName":"%(stack_arn)s"}')
NO_STACK = failing(
    STACKS,
    "ValidationException",
    "Stack with id %(stack)s-preview does not exist",
    request='{"stackName":"%(stack)s-preview"}',
)
LIST_STACKS = Call(
    service="cloudformation", name="ListStacks", request='{"stackStatusFilter":["CREATE_COMPLETE"]}'
)
STACK_EVENTS = Call(
    service="cloudformation", name="DescribeStackEvents", request='{"stackName":"%(stack_arn)s"}'
)
CHANGE_SET = Call(
    service="cloudformation",
    name="CreateChangeSet",
    read_only=False,
    request='{"stackName":"%(stack_arn)s","changeSetName":"release-%(suffix)s","capabilities":["CAPABILITY_IAM"],'
    '"templateURL":"https://s3.%(region)s.amazonaws.com/%(bucket)s/%(template)s","changeSetType":"UPDATE"}',
    response='{"id":"arn:aws:cloudformation:%(region)s:%(account)s:changeSet/release-%(suffix)s/%(fresh)s",'
    '"stackId":"%(stack_arn)s"}',
)
EXECUTE = Call(
    service="cloudformation",
    name="ExecuteChangeSet",
    read_only=False,
    request='{"changeSetName":"release-%(suffix)s","stackName":"%(stack_arn)s","clientRequestToken":"%(fresh)s"}',
)
FUNCTIONS = Call(service="lambda", name="ListFunctions20150331", request='{"maxItems":50}')
FUNCTION = Call(service="lambda", name="GetFunction20150331v2", request='{"functionName":"%(function)s"}')
UPDATE_CODE = Call(
    service="lambda",
    name="UpdateFunctionCode20150331v2",
    read_only=False,
    request='{"functionName":"%(function)s","s3Bucket":"%(bucket)s","s3Key":"%(package)s","publish":true,'
    '"dryRun":false}',
    response='{"functionName":"%(function)s",'
    '"functionArn":"arn:aws:lambda:%(region)s:%(account)s:function:%(function)s","runtime":"python3.13",'
    '"role":"arn:aws:iam::%(account)s:role/%(role)s","handler":"app.handler","codeSize":48211,"timeout":30,'
    '"memorySize":256,"version":"$LATEST","state":"Active","lastUpdateStatus":"InProgress",'
    '"revisionId":"%(fresh)s","packageType":"Zip","architectures":["arm64"]}',
)
UPDATE_CODE_BY_STACK = Call(
    service="lambda",
    name="UpdateFunctionConfiguration20150331v2",
    read_only=False,
    request='{"functionName":"%(function)s","environment":{},"memorySize":512}',
    response='{"functionName":"%(function)s","runtime":"python3.13","memorySize":512,"environment":{}}',
    invoked_by="cloudformation.amazonaws.com",
)
REGISTRY_TOKEN = Call(service="ecr", name="GetAuthorizationToken")
IMAGES = Call(
    service="ecr",
    name="DescribeImages",
    request='{"repositoryName":"%(function)s","registryId":"%(account)s"}',
    resources='[{"accountId":"%(account)s","ARN":"arn:aws:ecr:%(region)s:%(account)s:repository/%(function)s"}]',
)
INTERFACE = _ec2_write(
    "CreateNetworkInterface",
    '{"subnetId":"%(subnet)s","description":"AWS Lambda VPC ENI-%(function)s-%(fresh)s",'
    '"groupSet":{"items":[{"groupId":"%(group)s"}]}}',
    '"networkInterface":{"networkInterfaceId":"eni-%(suffix)s","subnetId":"%(subnet)s","vpcId":"%(vpc)s",'
    '"ownerId":"%(account)s","status":"pending"}',
)
