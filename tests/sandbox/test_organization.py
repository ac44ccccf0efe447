"""The embedded organization: what it holds, and who its access keys are."""

from __future__ import annotations

import time

import boto3
import pytest

from sandbox_archives import make_bucket, refused
from trailkeep.core.errors import UsageError
from trailkeep.sandbox.organization import (
    LOG_ARCHIVE_ACCOUNT_ID,
    MANAGEMENT_ACCOUNT_ID,
    ORGANIZATION_ID,
    Identity,
    Sandbox,
)

pytestmark = pytest.mark.sandbox


def _names_and_ids(sandbox: Sandbox) -> dict[str, str]:
    accounts = sandbox.client("organizations").list_accounts()["Accounts"]
    return {account["Name"]: account["Id"] for account in accounts}


def test_it_has_five_accounts_with_known_ids(sandbox: Sandbox) -> None:
    """The organization has a management, a log archive and three workload accounts, always with the same ids."""
    assert _names_and_ids(sandbox) == {
        "management": "111111111111",
        "log-archive": "222222222222",
        "prod": "333333333333",
        "staging": "444444444444",
        "sandbox": "555555555555",
    }
    described = sandbox.client("organizations").describe_organization()["Organization"]
    assert (described["Id"], described["FeatureSet"]) == (ORGANIZATION_ID, "ALL")


def test_accounts_hang_in_units(sandbox: Sandbox) -> None:
    """The log archive is in the unit Security, the workloads are in the unit Workloads."""
    organizations = sandbox.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    units = organizations.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]
    members = {
        unit["Name"]: [
            account["Name"]
            for account in organizations.list_accounts_for_parent(ParentId=unit["Id"])["Accounts"]
        ]
        for unit in units
    }
    assert members == {"Security": ["log-archive"], "Workloads": ["prod", "staging", "sandbox"]}


def test_the_product_may_create_the_log_archive(sandbox_without_archive: Sandbox) -> None:
    """Without a log archive account, the first account that is created gets its id."""
    sandbox = sandbox_without_archive
    assert "log-archive" not in _names_and_ids(sandbox)
    organizations = sandbox.client("organizations")
    asked = organizations.create_account(Email="log-archive@example.com", AccountName="log-archive")
    request_id = asked["CreateAccountStatus"]["Id"]
    for _ in range(2):
        status = organizations.describe_create_account_status(CreateAccountRequestId=request_id)
    assert status["CreateAccountStatus"]["AccountId"] == LOG_ARCHIVE_ACCOUNT_ID
    assert _names_and_ids(sandbox)["log-archive"] == LOG_ARCHIVE_ACCOUNT_ID


@pytest.mark.parametrize(
    ("account_id", "identity", "arn"),
    [
        (MANAGEMENT_ACCOUNT_ID, Identity.ADMINISTRATOR, "arn:aws:iam::111111111111:user/admin"),
        (MANAGEMENT_ACCOUNT_ID, Identity.ROOT, "arn:aws:iam::111111111111:root"),
        (LOG_ARCHIVE_ACCOUNT_ID, Identity.ROOT, "arn:aws:iam::222222222222:root"),
        (LOG_ARCHIVE_ACCOUNT_ID, Identity.USER, "arn:aws:iam::222222222222:user/mallory"),
        (
            LOG_ARCHIVE_ACCOUNT_ID,
            Identity.ADMINISTRATOR,
            "arn:aws:sts::222222222222:assumed-role/OrganizationAccountAccessRole/sandbox",
        ),
    ],
)
def test_an_access_key_says_who_calls(
    sandbox: Sandbox, account_id: str, identity: Identity, arn: str
) -> None:
    """STS names the principal behind every kind of credentials."""
    told = sandbox.client("sts", account_id, identity).get_caller_identity()
    assert (told["Account"], told["Arn"]) == (account_id, arn)


def test_the_environment_is_enough_for_any_program(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that only knows the AWS environment variables acts in the account they are for."""
    for name, value in sandbox.environment(LOG_ARCHIVE_ACCOUNT_ID).items():
        monkeypatch.setenv(name, value)
    assert boto3.Session().client("sts").get_caller_identity()["Account"] == LOG_ARCHIVE_ACCOUNT_ID


def test_an_unknown_key_is_refused(sandbox: Sandbox) -> None:
    """An access key that nobody holds is refused by S3, STS and the JSON services, each in its own words."""
    keys = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "x"}
    for service, operation, code in (
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("organizations", "list_accounts", "UnrecognizedClientException"),
    ):
        client = boto3.client(  # type: ignore[call-overload]  # the service is not a literal here
            service, region_name=sandbox.region, endpoint_url=sandbox.endpoint_url, **keys
        )
        with refused(code):
            getattr(client, operation)()


def test_only_the_management_account_may_assume_the_access_role(sandbox: Sandbox) -> None:
    """A role is assumed only by whom its trust policy names, and only if it exists."""
    prod = sandbox.client("sts", "333333333333")
    role = f"arn:aws:iam::{LOG_ARCHIVE_ACCOUNT_ID}:role/OrganizationAccountAccessRole"
    with refused("AccessDenied", "is not authorized to perform: sts:AssumeRole"):
        prod.assume_role(RoleArn=role, RoleSessionName="me")
    with refused("AccessDenied"):
        sandbox.client("sts").assume_role(RoleArn=f"{role}Typo", RoleSessionName="me")


def test_reset_forgets_everything_but_ids_and_keys(sandbox: Sandbox) -> None:
    """After a reset buckets are gone, while access keys and ids are the same again."""
    before = sandbox.environment()
    make_bucket(sandbox)
    sandbox.reset()
    assert sandbox.environment() == before
    assert sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).list_buckets()["Buckets"] == []


def test_a_second_one_in_the_process_is_refused(sandbox: Sandbox) -> None:
    """Two sandboxes in one process would share their state, so the second does not start."""
    assert sandbox.endpoint_url.startswith("http://127.0.0.1:")
    with pytest.raises(UsageError, match="expected at most one in a process"), Sandbox():
        pass


def test_it_is_rebuilt_within_three_seconds(sandbox: Sandbox) -> None:
    """Building the organization anew takes no noticeable time."""
    begin = time.monotonic()
    sandbox.reset()
    sandbox.client("organizations").list_accounts()
    assert time.monotonic() - begin < 3
