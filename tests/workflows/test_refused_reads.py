"""What AWS refuses to tell makes ``plan`` UNKNOWN; every read is refused once, alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from guard_verbs import BUCKET, Verbs
from trailkeep.sandbox.organization import WORKLOAD_ACCOUNTS, Sandbox

pytestmark = pytest.mark.sandbox

EVERYTHING = {
    "bucket": f'"{BUCKET}"\nencryption = "sse-kms"',
    "trail": f'insights = ["ApiCallRateInsight"]\ndelegated_administrator = "{WORKLOAD_ACCOUNTS["prod"]}"\n'
    'data_events = ["AWS::S3::Object"]',
}
NEEDED = {
    "DescribeOrganization": "organizations:DescribeOrganization",
    "ListRoots": "organizations:ListRoots",
    "ListAccountsForParent": "organizations:ListAccountsForParent",
    "ListOrganizationalUnitsForParent": "organizations:ListOrganizationalUnitsForParent",
    "ListAWSServiceAccessForOrganization": "organizations:ListAWSServiceAccessForOrganization",
    "ListDelegatedAdministrators": "organizations:ListDelegatedAdministrators",
    "ListPolicies": "organizations:ListPolicies",
    "DescribePolicy": "organizations:DescribePolicy",
    "ListTargetsForPolicy": "organizations:ListTargetsForPolicy",
    "DescribeTrails": "cloudtrail:DescribeTrails",
    "ListTrails": "cloudtrail:ListTrails",
    "GetTrailStatus": "cloudtrail:GetTrailStatus",
    "GetEventSelectors": "cloudtrail:GetEventSelectors",
    "GetInsightSelectors": "cloudtrail:GetInsightSelectors",
    "AssumeRole": "sts:AssumeRole",
    "GetBucketLocation": "s3:GetBucketLocation",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "GetPublicAccessBlock": "s3:GetPublicAccessBlock",
    "GetAccountPublicAccessBlock": "s3:GetAccountPublicAccessBlock",
    "GetBucketOwnershipControls": "s3:GetBucketOwnershipControls",
    "GetObjectLockConfiguration": "s3:GetObjectLockConfiguration",
    "GetBucketPolicy": "s3:GetBucketPolicy",
    "GetBucketEncryption": "s3:GetBucketEncryption",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "GetBucketRequestPayment": "s3:GetBucketRequestPayment",
    "GetBucketTagging": "s3:GetBucketTagging",
    "DescribeKey": "kms:DescribeKey",
    "GetKeyPolicy": "kms:GetKeyPolicy",
    "GetKeyRotationStatus": "kms:GetKeyRotationStatus",
}
NOT_DECISIVE = ("ListBuckets", "ListPoliciesForTarget")


@pytest.fixture(scope="module")
def armed(sandbox_server: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verbs]:
    """An archive in force that asks for everything, so that every read decides something."""
    sandbox_server.reset(has_log_archive=True)
    with pytest.MonkeyPatch.context() as patch:
        found = Verbs(sandbox_server, patch, tmp_path_factory.mktemp("armed"))
        found.write(**EVERYTHING)
        done = found.armed()
        assert done.exit_code == 0, done.stderr
        yield found


@pytest.fixture
def verbs(armed: Verbs, sandbox_server: Sandbox) -> Verbs:
    """The same archive, with no error that waits."""
    sandbox_server.injected.clear()
    return armed


def test_every_read_is_in_the_tables(verbs: Verbs, sandbox_server: Sandbox) -> None:
    """The two tables of this file hold every call that a plan makes, but the one that says who we are."""
    ran = verbs.run("plan")
    assert ran.exit_code == 0, ran.stdout
    assert {*sandbox_server.injected.calls} == {*NEEDED, *NOT_DECISIVE, "GetCallerIdentity"}


@pytest.mark.parametrize("operation", NEEDED)
def test_refused_read_is_unknown(verbs: Verbs, sandbox_server: Sandbox, operation: str) -> None:
    """Each read that a decision needs, refused, makes the plan UNKNOWN, with exit code 3 and the name of the call."""
    sandbox_server.inject(operation, error="AccessDenied")
    ran = verbs.run("plan", "--json")
    assert (ran.exit_code, ran.ids, ran.document["blocked"]) == (3, [], [])
    assert NEEDED[operation] in [unknown["call"] for unknown in ran.document["unknown"]]
    assert {"AccessDenied"} == {
        unknown["error"].split(" ")[0].rstrip(":") for unknown in ran.document["unknown"]
    }


@pytest.mark.parametrize("operation", NOT_DECISIVE)
def test_refused_read_is_never_a_change(verbs: Verbs, sandbox_server: Sandbox, operation: str) -> None:
    """A refused read on which nothing is decided, or which another call answers, proposes no change."""
    sandbox_server.inject(operation, error="AccessDenied")
    ran = verbs.run("plan", "--json")
    assert ran.exit_code in {0, 3}
    assert (ran.ids, ran.document["blocked"], ran.document["concerns"]) == ([], [], [])


def test_refused_read_stops_apply(verbs: Verbs, sandbox_server: Sandbox) -> None:
    """Apply changes nothing while a fact cannot be read, and exits with 3."""
    sandbox_server.inject("GetBucketPolicy", error="AccessDenied")
    ran = verbs.run("apply", "--yes", "--arm")
    assert ran.exit_code == 3
    assert "s3:GetBucketPolicy: AccessDenied" in ran.stderr
    assert not [
        name for name in sandbox_server.injected.calls if name.startswith(("Put", "Create", "Attach"))
    ]


def test_who_we_are_is_needed(verbs: Verbs, sandbox_server: Sandbox) -> None:
    """Without knowing whose credentials these are nothing is planned."""
    sandbox_server.inject("GetCallerIdentity", error="AccessDenied")
    ran = verbs.run("plan")
    assert (ran.exit_code, ran.stdout) == (4, "")
    assert "sts:GetCallerIdentity: AccessDenied" in ran.stderr
