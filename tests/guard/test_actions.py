"""The table of AWS's actions: what it knows, and what it takes the unknown for."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.guard import actions
from trailkeep.guard.actions import Access, covers_unlisted, expand, find, resource_forms
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.statement import Statement

_ALL = expand("*")


def _deny(**elements: Any) -> Statement:
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Resource": "*", **elements}],
    }
    (statement,) = parse_policy(document, name="test").statements
    return statement


@pytest.mark.parametrize(
    ("action", "access", "types"),
    [
        ("s3:DeleteObjectVersion", Access.WRITE, {"object", "accesspointobject"}),
        ("s3:PutBucketPolicy", Access.PERMISSIONS, {"bucket"}),
        ("s3:PutLifecycleConfiguration", Access.WRITE, {"bucket"}),
        ("s3:PutAccountPublicAccessBlock", Access.PERMISSIONS, set()),
        ("s3:CreateJob", Access.WRITE, set()),
        ("s3:DeleteJobTagging", Access.TAGGING, {"job"}),
        ("s3:PutObjectAnnotation", Access.WRITE, {"object", "accesspointobject"}),
        ("s3:GetObject", Access.READ, {"object", "accesspointobject"}),
        ("s3:ListBucket", Access.LIST, {"bucket", "accesspoint"}),
        ("cloudtrail:StopLogging", Access.WRITE, {"trail"}),
        ("kms:ScheduleKeyDeletion", Access.WRITE, {"key"}),
        ("organizations:LeaveOrganization", Access.WRITE, set()),
        ("organizations:CloseAccount", Access.WRITE, {"account"}),
        ("account:CloseAccount", Access.WRITE, {"account"}),
        ("sts:AssumeRoot", Access.WRITE, {"root-user"}),
    ],
)
def test_an_action_has_its_access_level_and_resources(action: str, access: Access, types: set[str]) -> None:
    """The table says of an action what the service authorization reference says."""
    found = find(action)
    assert found is not None
    assert (found.access, {each.name for each in found.types}) == (access, types)


def test_condition_keys_come_with_the_actions() -> None:
    """Putting an object knows the lock mode and the ACL; the keys of its resources are among its own."""
    put = find("s3:PutObject")
    schedule = find("kms:ScheduleKeyDeletion")
    assert put is not None
    assert schedule is not None
    assert {"s3:object-lock-mode", "s3:x-amz-acl", "s3:TlsVersion"} <= {*put.condition_keys}
    assert {"aws:ResourceTag/${TagKey}", "kms:ScheduleKeyDeletionPendingWindowInDays"} <= {
        *schedule.condition_keys
    }


@given(st.sampled_from(_ALL), st.data())
def test_the_case_of_an_action_does_not_matter(action: actions.Action, data: st.DataObject) -> None:
    """An action is found whatever the case of its letters."""
    upper = data.draw(st.lists(st.booleans(), min_size=len(action.name), max_size=len(action.name)))
    mixed = "".join(
        char.upper() if is_upper else char.lower() for char, is_upper in zip(action.name, upper, strict=True)
    )
    assert find(mixed) == action


@given(st.sampled_from(_ALL), st.integers(0, 40))
def test_a_pattern_means_what_it_matches(action: actions.Action, cut: int) -> None:
    """Cutting a name short with a star still means the action, and only actions that begin so."""
    prefix = action.name[: max(cut, len(action.service) + 1)]
    meant = expand(f"{prefix}*")
    assert action in meant
    assert all(each.name.lower().startswith(prefix.lower()) for each in meant)


def test_an_action_that_aws_does_not_have_is_not_found() -> None:
    """The bucket's ownership controls are removed under the name of putting them."""
    assert find("s3:DeleteBucketOwnershipControls") is None
    assert find("ec2:RunInstances") is None
    assert resource_forms("s3:DeleteBucketOwnershipControls") == ("*",)


def test_every_required_resource_is_a_resource_of_the_action() -> None:
    """The table is whole: every action has an access level, its types, and no key twice."""
    for action in _ALL:
        assert action.required <= {each.name for each in action.types}
        assert len({*action.condition_keys}) == len(action.condition_keys)
    assert {each.service for each in _ALL} == {*actions.services()}
    assert len(_ALL) == len({each.name.lower() for each in _ALL}) > 700


@pytest.mark.parametrize(
    ("service", "arn", "types"),
    [
        ("s3", "arn:aws:s3:::logs", {"bucket"}),
        ("s3", "arn:aws-cn:s3:::logs/AWSLogs/a:b/c", {"object"}),
        ("s3", "arn:aws:s3:eu-central-1:222222222222:accesspoint/way", {"accesspoint"}),
        ("s3", "arn:aws:s3:eu-central-1:222222222222:accesspoint/way/object/k/l", {"accesspointobject"}),
        ("s3", "arn:aws:s3::222222222222:accesspoint/way.mrap", {"multiregionaccesspoint"}),
        ("kms", "arn:aws:kms:eu-central-1:222222222222:key/mrk-1", {"key"}),
        ("kms", "arn:aws:kms:eu-central-1:222222222222:alias/team/archive", {"alias"}),
        ("cloudtrail", "arn:aws:cloudtrail:eu-central-1:111111111111:trail/org-trail", {"trail"}),
        ("iam", "arn:aws:iam::1:role/aws-service-role/cloudtrail.amazonaws.com/Role", {"role"}),
        ("logs", "arn:aws:logs:eu-central-1:1:log-group:/aws/x:log-stream:y", {"log-stream"}),
        ("s3", "arn:aws:kms:eu-central-1:222222222222:key/x", set()),
    ],
)
def test_an_arn_is_of_one_type(service: str, arn: str, types: set[str]) -> None:
    """An ARN tells its type: a key with slashes is an object, never a bucket."""
    assert {each.name for each in actions.resource_types(service) if each.matches(arn)} == types


@pytest.mark.parametrize(
    ("elements", "covers"),
    [
        ({"NotAction": ["s3:Get*", "s3:List*", "s3:RestoreObject"]}, True),
        ({"NotAction": "kms:*"}, True),
        ({"NotAction": ["s3:Get*", "s3:Put*"]}, False),
        ({"NotAction": "s3:*"}, False),
        ({"NotAction": "*"}, False),
        ({"NotAction": "s3:FutureObject"}, False),
        ({"Action": "s3:*"}, True),
        ({"Action": "*"}, True),
        ({"Action": ["s3:Delete*", "s3:Put*", "s3:Create*"]}, False),
        ({"Action": "kms:*"}, False),
    ],
)
def test_only_what_denies_every_name_covers_the_unknown(elements: dict[str, Any], covers: bool) -> None:  # noqa: FBT001
    """A list of actions never covers what AWS will add; a NotAction that spares reading does."""
    assert covers_unlisted(_deny(**elements), "s3") is covers


def test_an_allow_covers_nothing() -> None:
    """Only a Deny protects from what the table does not know."""
    assert not covers_unlisted(_deny(Effect="Allow", NotAction="s3:Get*"), "s3")


_APART = {
    "account": {"SendPhoneNumberVerification", "VerifyPhoneNumber"},
    "cloudtrail": {"ListInsightsMetricData"},
    "kms": {"Decapsulate", "Encapsulate", "ReEncrypt"},
    "organizations": set[str](),
    "sns": {"PublishBatch"},
    "sts": set[str](),
}
"""ReEncrypt and PublishBatch are authorized under other names; the others are not in AWS's reference yet."""


@pytest.mark.parametrize("service", sorted(_APART))
def test_every_operation_of_the_sdk_is_in_the_table(service: str) -> None:
    """The installed SDK calls nothing that the table has not heard of; where it does, renew the table."""
    model = botocore.session.get_session().get_service_model(service)
    unknown = {name for name in model.operation_names if find(f"{service}:{name}") is None}
    assert unknown == _APART[service]


def test_the_table_is_read_when_it_is_asked_for() -> None:
    """Importing the module does not load the table; the first question does."""
    script = (
        "import sys; from trailkeep.guard import actions; name = 'trailkeep.guard.action_table'; "
        "before = name in sys.modules; actions.mutating('s3'); print(before, name in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "False True\n"
