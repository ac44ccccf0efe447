"""``trailkeep audit`` against the embedded AWS: before and after ``apply``, without a file, and refused."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from guard_verbs import BUCKET, Ran, Verbs
from refusals import proxied
from trailkeep.guard.controls import CONTROLS
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox
from trailkeep.sandbox.state import organization

pytestmark = pytest.mark.sandbox

_NOT_SET_UP = {
    "archive.access_logging",
    "archive.copy",
    "archive.kms_encryption",
    "archive.notifications",
    "organization.root_credentials",
    "trail.cloudwatch",
    "trail.encryption",
    "trail.insights",
    "trail.lambda_invocations",
    "trail.s3_reads",
    "trail.s3_writes",
    "trail.tags",
    "watch.changes",
}
"""What Trailkeep does not set up unless it is asked to, or not at all."""


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """An organization in which nothing was built, and a configuration."""
    made = Verbs(sandbox, monkeypatch, tmp_path)
    made.write()
    return made


@pytest.fixture
def armed(verbs: Verbs) -> Verbs:
    """An archive that is armed and holds a day of logs."""
    assert verbs.armed().exit_code == 0
    return verbs


def of(ran: Ran, verdict: str) -> set[str]:
    """Return the controls with a verdict."""
    return {control["id"] for control in ran.document["controls"] if control["verdict"] == verdict}


def control(ran: Ran, name: str) -> dict[str, Any]:
    """Return one control."""
    [found] = [one for one in ran.document["controls"] if one["id"] == name]
    return dict(found)


def test_nothing_built(verbs: Verbs) -> None:
    """Where nothing was built the missing trail and the missing bucket fail, and the exit code is 1."""
    ran = verbs.run("audit", "--json")
    assert ran.exit_code == 1
    assert of(ran, "FAIL") >= {"trail.exists", "trail.organization", "archive.bucket", "guards.membership"}
    assert [one["id"] for one in ran.document["controls"]] == [one.id for one in CONTROLS]
    assert of(ran, "UNKNOWN") == set()


def test_armed(armed: Verbs) -> None:
    """Once the archive is armed, only what nobody asked Trailkeep for fails."""
    ran = armed.run("audit", "--json")
    assert of(ran, "FAIL") == _NOT_SET_UP
    assert {"delivery.digests"} <= of(ran, "UNKNOWN") <= {"delivery.digests", "delivery.joined"}
    assert ran.document["counts"]["PASS"] == len(of(ran, "PASS")) > 30
    assert control(ran, "guards.destroy")["verdict"] == "PASS"


def test_every_layer_removed_is_noticed(sandbox: Sandbox, armed: Verbs) -> None:
    """A guard that is detached behind Trailkeep's back is found by what is possible then."""
    organizations = sandbox.client("organizations")
    for policy in organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]:
        if policy["Name"] == "trailkeep-organization":
            for target in organizations.list_targets_for_policy(PolicyId=policy["Id"])["Targets"]:
                organizations.detach_policy(PolicyId=policy["Id"], TargetId=target["TargetId"])
    ran = armed.run("audit", "--json", "--min-severity", "high")
    assert of(ran, "FAIL") == {"guards.trail"}
    assert "may call cloudtrail:DeleteTrail" in control(ran, "guards.trail")["reason"]


def test_a_hidden_log(sandbox: Sandbox, verbs: Verbs) -> None:
    """A log behind a delete marker is found, and named."""
    assert verbs.run("apply", "--yes").exit_code == 1
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    s3.put_object(Bucket=BUCKET, Key="AWSLogs/hidden.json.gz", Body=b"x")
    s3.delete_object(Bucket=BUCKET, Key="AWSLogs/hidden.json.gz")
    found = control(verbs.run("audit", "--json"), "archive.delete_markers")
    assert found["verdict"] == "FAIL"
    assert "AWSLogs/hidden.json.gz" in found["reason"]


def test_more_versions_than_were_looked_at(sandbox: Sandbox, verbs: Verbs) -> None:
    """Where not every version was looked at, that none is hidden is not known."""
    assert verbs.run("apply", "--yes").exit_code == 1
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    for number in range(3):
        s3.put_object(Bucket=BUCKET, Key=f"AWSLogs/{number}", Body=b"")
    found = control(verbs.run("audit", "--json", "--versions", "2"), "archive.delete_markers")
    assert found["verdict"] == "UNKNOWN"
    assert control(verbs.run("audit", "--json"), "archive.delete_markers")["verdict"] == "PASS"


def test_root_features(sandbox: Sandbox, verbs: Verbs) -> None:
    """Centralized root access passes once IAM is trusted and it is enabled."""
    assert control(verbs.run("audit", "--json"), "organization.root_credentials")["verdict"] == "FAIL"
    organization().services.append({"ServicePrincipal": "iam.amazonaws.com"})
    sandbox.client("iam").enable_organizations_root_credentials_management()
    ran = verbs.run("audit", "--json")
    assert control(ran, "organization.root_credentials")["verdict"] == "PASS"
    assert control(ran, "organization.root_sessions")["verdict"] == "NOT APPLICABLE"
    sandbox.client("iam").enable_organizations_root_sessions()
    assert verbs.run("apply", "--yes").exit_code == 1
    found = control(verbs.run("audit", "--json"), "organization.root_sessions")
    assert "the root user of 222222222222 may call s3:DeleteBucketPolicy" in found["reason"]


def test_a_rule_that_tells_somebody(sandbox: Sandbox, verbs: Verbs) -> None:
    """An enabled EventBridge rule for the calls that stop a trail is heard when it has a target."""
    assert verbs.run("apply", "--yes").exit_code == 1
    events = sandbox.client("events")
    pattern = {
        "source": ["aws.cloudtrail"],
        "detail": {"eventName": ["StopLogging", "DeleteTrail", "UpdateTrail"]},
    }
    events.put_rule(Name="trail-changes", EventPattern=json.dumps(pattern))
    assert "tells nobody" in control(verbs.run("audit", "--json"), "watch.changes")["reason"]
    topic = "arn:aws:sns:eu-central-1:111111111111:alarms"
    events.put_targets(Rule="trail-changes", Targets=[{"Id": "1", "Arn": topic}])
    assert control(verbs.run("audit", "--json"), "watch.changes")["verdict"] == "PASS"


def test_without_a_file(armed: Verbs) -> None:
    """Without a trailkeep.toml the organization trail and the account called log archive are found."""
    (armed.folder / "trailkeep.toml").unlink()
    ran = armed.run("audit", "--json")
    assert of(ran, "FAIL") == _NOT_SET_UP
    assert of(ran, "NOT APPLICABLE") >= {"archive.retention"}
    assert control(ran, "archive.bucket")["resource"] == f"arn:aws:s3:::{BUCKET}"


def test_without_a_file_and_with_the_wrong_account(armed: Verbs) -> None:
    """Where nobody knows whose the bucket is, its controls are unknown and the way out is named."""
    (armed.folder / "trailkeep.toml").unlink()
    ran = armed.run("audit", "--json", "--archive-account", "333333333333")
    found = control(ran, "archive.bucket")
    assert found["verdict"] == "UNKNOWN"
    assert "--archive-account" in found["reason"]


def test_an_archive_in_the_management_account(sandbox: Sandbox, verbs: Verbs) -> None:
    """A trail that fills a bucket of the management account is found there, and that fails."""
    (verbs.folder / "trailkeep.toml").unlink()
    s3, cloudtrail = sandbox.client("s3"), sandbox.client("cloudtrail")
    location = {"LocationConstraint": "eu-central-1"}
    s3.create_bucket(Bucket="acme-home", CreateBucketConfiguration=location)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Resource": ["arn:aws:s3:::acme-home", "arn:aws:s3:::acme-home/*"],
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket="acme-home", Policy=json.dumps(policy))
    sandbox.client("organizations").enable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
    cloudtrail.create_trail(
        Name="home", S3BucketName="acme-home", IsOrganizationTrail=True, IsMultiRegionTrail=True
    )
    ran = verbs.run("audit", "--json")
    assert of(ran, "FAIL") >= {
        "archive.separate_account",
        "archive.source_arn",
        "archive.object_lock",
        "guards.destroy",
        "trail.logging",
        "trail.validation",
    }
    assert control(ran, "archive.bucket")["verdict"] == "PASS"


def test_no_organization(sandbox: Sandbox, verbs: Verbs) -> None:
    """Without a file and without an organization nothing is decided, and the exit code is 3."""
    (verbs.folder / "trailkeep.toml").unlink()
    with proxied(sandbox.endpoint_url) as proxy:
        proxy.faults["DescribeOrganization"] = ["AWSOrganizationsNotInUseException"]
        verbs.behind(proxy.url)
        ran = verbs.run("audit")
    assert ran.exit_code == 3
    assert "organization: expected to be read" in ran.stderr


def test_a_refused_call_is_unknown(sandbox: Sandbox, armed: Verbs) -> None:
    """What a refused call would have told is unknown, names the call, and is never a pass."""
    with proxied(sandbox.endpoint_url) as proxy:
        proxy.refused.add("ListPolicies")
        armed.behind(proxy.url)
        ran = armed.run("audit", "--json", "--min-severity", "high")
    assert ran.exit_code == 3
    assert of(ran, "UNKNOWN") >= {"guards.destroy", "guards.trail", "guards.membership", "archive.source_arn"}
    assert "organizations:ListPolicies" in control(ran, "guards.trail")["reason"]


def test_an_archive_account_that_lets_nobody_in(sandbox: Sandbox, armed: Verbs) -> None:
    """Without the role in the archive account everything about the bucket is unknown, the rest is told."""
    with proxied(sandbox.endpoint_url) as proxy:
        proxy.refused.add("AssumeRole")
        armed.behind(proxy.url)
        ran = armed.run("audit", "--json", "--min-severity", "high")
    assert of(ran, "FAIL") == set()
    assert of(ran, "UNKNOWN") >= {
        "archive.bucket",
        "archive.delete_markers",
        "guards.destroy",
        "delivery.fresh",
    }
    assert of(ran, "PASS") >= {"trail.organization", "trail.logging", "guards.trail"}


def test_mutes(verbs: Verbs) -> None:
    """A muted failure does not count, and its reason is in every output; one that ended counts again."""
    text = (verbs.folder / "trailkeep.toml").read_text()
    tables = [
        f'[[audit.mute]]\ncontrol = "{name}"\nreason = "accepted by the board"\nexpires = 2999-01-01\n'
        for name in sorted(of(verbs.run("audit", "--json"), "FAIL"))
    ]
    (verbs.folder / "trailkeep.toml").write_text(text + "\n" + "\n".join(tables))
    ran = verbs.run("audit", "--json")
    assert ran.exit_code == 0
    assert ran.document["counts"]["MUTED"] == len(tables)
    assert control(ran, "archive.bucket")["mute"] == {
        "reason": "accepted by the board",
        "expires": "2999-01-01",
        "in_force": True,
    }
    assert "muted until 2999-01-01: archive.bucket: accepted by the board" in ran.stderr
    (verbs.folder / "trailkeep.toml").write_text(text + "\n" + tables[0].replace("2999", "2020"))
    assert verbs.run("audit").exit_code == 1


def test_a_framework(verbs: Verbs) -> None:
    """With a framework only its controls are asked."""
    ran = verbs.run("audit", "--json", "--framework", "hipaa")
    assert ran.document["framework"] == "hipaa"
    assert all(
        any(one["framework"] == "hipaa" for one in found["mappings"])
        or found["id"] in {"trail.organization", "archive.bucket"}
        for found in ran.document["controls"]
    )


def test_as_a_table(verbs: Verbs) -> None:
    """As text each control is one line, what fails comes first, and the reasons follow on stderr."""
    ran = verbs.run("audit")
    lines = ran.stdout.splitlines()
    assert lines[0].split() == ["verdict", "severity", "control", "answer"]
    assert lines[1].startswith("FAIL")
    assert len(lines) == len(CONTROLS) + 1
    assert ran.stderr.endswith("outcome: FAIL\n")


def test_as_csv(verbs: Verbs) -> None:
    """As CSV each control is one row."""
    rows = list(csv.DictReader(io.StringIO(verbs.run("audit", "--csv").stdout)))
    assert [row["control"] for row in rows] == [one.id for one in CONTROLS]
    assert {row["verdict"] for row in rows} == {"PASS", "FAIL", "NOT APPLICABLE"}


def test_as_documents_of_others(verbs: Verbs) -> None:
    """SARIF and OCSF leave as one JSON document each."""
    assert json.loads(verbs.run("audit", "--sarif").stdout)["version"] == "2.1.0"
    assert len(json.loads(verbs.run("audit", "--ocsf").stdout)) == len(CONTROLS)


def test_one_form_at_a_time(verbs: Verbs) -> None:
    """Two forms of output at once are refused."""
    ran = verbs.run("audit", "--sarif", "--csv")
    assert ran.exit_code == 2
    assert "expected one of --json, --sarif, --ocsf and --csv" in ran.stderr


def test_a_report(verbs: Verbs) -> None:
    """A report is written beside any output; where it cannot be written the job stops."""
    assert verbs.run("audit", "--json", "--html", "audit.html").document["controls"]
    page = (verbs.folder / "audit.html").read_text()
    assert "<h1>CloudTrail archive: audit</h1>" in page
    assert "<h2>Threats</h2>" in page
    assert verbs.run("audit", "--html", "missing/audit.html").exit_code == 4


def test_a_saved_estate(verbs: Verbs) -> None:
    """A saved estate is audited without AWS; what it does not hold is unknown."""
    assert verbs.run("plan", "--save-estate", "estate.json").exit_code == 1
    verbs.behind("http://127.0.0.1:1")
    ran = verbs.run("audit", "--json", "--estate", "estate.json")
    assert of(ran, "FAIL") >= {"trail.organization", "archive.bucket"}
    assert "a saved estate does not hold it" in control(ran, "organization.root_credentials")["reason"]
