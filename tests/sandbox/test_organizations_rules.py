"""Organizations refuses what AWS Organizations refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox_archives import attach, refused
from trailkeep.guard.documents import archive_scp, compact
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Identity, Sandbox

pytestmark = pytest.mark.sandbox
SCP = "SERVICE_CONTROL_POLICY"
RCP = "RESOURCE_CONTROL_POLICY"
DENY = {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _create(sandbox: Sandbox, content: str, kind: str = SCP) -> str:
    created = sandbox.client("organizations").create_policy(
        Name="p", Description="", Type=kind, Content=content
    )
    return str(created["Policy"]["PolicySummary"]["Id"])


def _enable(sandbox: Sandbox, kind: str) -> str:
    organizations = sandbox.client("organizations")
    root = str(organizations.list_roots()["Roots"][0]["Id"])
    organizations.enable_policy_type(RootId=root, PolicyType=kind)
    return root


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (SCP, "{"),
        (SCP, _document({"Effect": "Forbid", "Action": "*", "Resource": "*"})),
        (SCP, _document(DENY | {"Principal": "*"})),
        (RCP, _document(DENY)),
        (RCP, _document(DENY | {"Effect": "Allow", "Principal": "*"})),
        (RCP, _document({"Effect": "Deny", "Principal": "*", "NotAction": "s3:Get*", "Resource": "*"})),
        (RCP, _document(DENY | {"Principal": "*", "Action": "*"})),
    ],
)
def test_malformed_policies(sandbox: Sandbox, kind: str, content: str) -> None:
    """A policy that is no JSON, or not of its type's grammar, is malformed."""
    with refused("MalformedPolicyDocumentException"):
        _create(sandbox, content, kind)


@pytest.mark.parametrize(("kind", "limit"), [(SCP, 10_240), (RCP, 5_120)])
def test_policy_size(sandbox: Sandbox, kind: str, limit: int) -> None:
    """An SCP has at most 10,240 characters and an RCP 5,120, white space included; updates count too."""
    principal = {"Principal": "*"} if kind == RCP else {}
    content = _document(DENY | principal)
    fitting = content + " " * (limit - len(content))
    policy_id = _create(sandbox, fitting, kind)
    with refused("ConstraintViolationException"):
        sandbox.client("organizations").update_policy(PolicyId=policy_id, Content=fitting + " ")


def test_attaching(sandbox: Sandbox) -> None:
    """A policy is attached only while its type is enabled, and only once to a target."""
    organizations = sandbox.client("organizations")
    policy_id = _create(sandbox, _document(DENY))
    with refused("PolicyTypeNotEnabledException"):
        organizations.attach_policy(PolicyId=policy_id, TargetId=LOG_ARCHIVE_ACCOUNT_ID)
    _enable(sandbox, SCP)
    organizations.attach_policy(PolicyId=policy_id, TargetId=LOG_ARCHIVE_ACCOUNT_ID)
    with refused("DuplicatePolicyAttachmentException"):
        organizations.attach_policy(PolicyId=policy_id, TargetId=LOG_ARCHIVE_ACCOUNT_ID)


def test_attachment_quota(sandbox: Sandbox) -> None:
    """A target takes ten SCPs, the one that AWS attaches included."""
    organizations = sandbox.client("organizations")
    _enable(sandbox, SCP)
    ids = [
        organizations.create_policy(Name=f"p{n}", Description="", Type=SCP, Content=_document(DENY))[
            "Policy"
        ]["PolicySummary"]["Id"]
        for n in range(10)
    ]
    for policy_id in ids[:9]:
        organizations.attach_policy(PolicyId=policy_id, TargetId=LOG_ARCHIVE_ACCOUNT_ID)
    with refused("ConstraintViolationException"):
        organizations.attach_policy(PolicyId=ids[9], TargetId=LOG_ARCHIVE_ACCOUNT_ID)


def test_detaching(sandbox: Sandbox) -> None:
    """A policy that is not attached, and the last SCP of a target, cannot be detached."""
    organizations = sandbox.client("organizations")
    policy_id = _create(sandbox, _document(DENY))
    _enable(sandbox, SCP)
    with refused("PolicyNotAttachedException"):
        organizations.detach_policy(PolicyId=policy_id, TargetId=LOG_ARCHIVE_ACCOUNT_ID)
    with refused("ConstraintViolationException"):
        organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=LOG_ARCHIVE_ACCOUNT_ID)


def test_disabling_a_type_detaches_its_policies(sandbox: Sandbox) -> None:
    """Disabling a policy type loses every attachment, also after it is enabled again."""
    organizations = sandbox.client("organizations")
    policy_id = attach(sandbox, json.loads(_document(DENY)), target=LOG_ARCHIVE_ACCOUNT_ID)
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.disable_policy_type(RootId=root, PolicyType=SCP)
    _enable(sandbox, SCP)
    assert organizations.list_targets_for_policy(PolicyId=policy_id)["Targets"] == []


def test_an_account_takes_a_while(sandbox: Sandbox) -> None:
    """A new account is in progress at first and exists when its status is asked for a second time."""
    organizations = sandbox.client("organizations")
    asked = organizations.create_account(Email="new@example.com", AccountName="new", RoleName="Way")
    status = asked["CreateAccountStatus"]
    assert status["State"] == "IN_PROGRESS"

    def describe() -> Any:
        told = organizations.describe_create_account_status(CreateAccountRequestId=status["Id"])
        return told["CreateAccountStatus"]

    assert describe()["State"] == "IN_PROGRESS"
    assert "new" not in {account["Name"] for account in organizations.list_accounts()["Accounts"]}
    listed = organizations.list_create_account_status(States=["IN_PROGRESS"])["CreateAccountStatuses"]
    assert [entry["Id"] for entry in listed] == [status["Id"]]
    made = describe()
    assert made["State"] == "SUCCEEDED"
    role = f"arn:aws:iam::{made['AccountId']}:role/Way"
    sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="first")


def test_an_email_address_is_used_once(sandbox: Sandbox) -> None:
    """CreateAccount with a used e-mail address fails with EMAIL_ALREADY_EXISTS and makes no account."""
    organizations = sandbox.client("organizations")
    asked = organizations.create_account(Email="Log-Archive@example.com", AccountName="again")
    status = organizations.describe_create_account_status(
        CreateAccountRequestId=asked["CreateAccountStatus"]["Id"]
    )["CreateAccountStatus"]
    assert (status["State"], status["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    assert len(organizations.list_accounts()["Accounts"]) == 5


def test_members_do_not_manage(sandbox: Sandbox) -> None:
    """A member account may describe the organization and do nothing else with it."""
    member = sandbox.client("organizations", "333333333333")
    assert member.describe_organization()["Organization"]["MasterAccountId"] == "111111111111"
    with refused("AccessDeniedException"):
        member.list_accounts()
    with refused("AccessDeniedException"):
        member.detach_policy(PolicyId="p-FullAWSAccess", TargetId="333333333333")


def test_leaving_is_possible_until_an_scp_forbids_it(sandbox: Sandbox) -> None:
    """The root user of a member account can leave the organization unless an SCP denies it."""
    sandbox.client("organizations", "333333333333", Identity.ROOT).leave_organization()
    assert len(sandbox.client("organizations").list_accounts()["Accounts"]) == 4
    guard = archive_scp(partition="aws", bucket="b", archive_account=LOG_ARCHIVE_ACCOUNT_ID)
    attach(sandbox, json.loads(compact(guard)), target=LOG_ARCHIVE_ACCOUNT_ID)
    archive = sandbox.client("organizations", LOG_ARCHIVE_ACCOUNT_ID, Identity.ROOT)
    with refused("AccessDeniedException", "explicit deny in a service control policy"):
        archive.leave_organization()
