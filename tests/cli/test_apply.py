"""``trailkeep plan`` and ``apply``, whole, on the embedded organization."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from guard_verbs import BUCKET, CREATED, YESTERDAY, Verbs, deliver_logs
from refusals import Proxy, proxied
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox

ALL = [
    "trust.enable",
    "bucket.create",
    "bucket.public_access",
    "bucket.ownership",
    "bucket.versioning",
    "bucket.object_lock",
    "bucket.policy",
    "account.public_access",
    "bucket.lifecycle",
    "bucket.tags",
    "trail.create",
    "trail.start",
    "bucket.policy.arm",
    "scp.enable",
    "rcp.enable",
    "scp.create",
    "members.create",
    "rcp.create",
    "scp.attach",
    "members.attach",
    "rcp.attach",
]


BUILD = [action for action in ALL[:12] if action != "bucket.object_lock"]
ARM = [action for action in ALL if action not in BUILD]


def _waiting(plan: dict[str, Any]) -> list[str]:
    return [waiting["action"]["id"] for waiting in plan["waiting"]]


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """A folder with a configuration and the management account's credentials."""
    found = Verbs(sandbox, monkeypatch, tmp_path)
    found.write()
    return found


@pytest.fixture
def proxy(sandbox: Sandbox, verbs: Verbs) -> Iterator[Proxy]:
    """The same, with every call through a proxy that can refuse it."""
    with proxied(sandbox.endpoint_url) as made:
        verbs.behind(made.url)
        yield made


def test_from_nothing(verbs: Verbs, sandbox: Sandbox) -> None:
    """From nothing, apply builds, apply --arm does the rest of the plan, and a second apply does nothing."""
    assert verbs.run("plan", "--arm", "--json").ids == ALL
    planned = verbs.run("plan", "--json")
    assert (planned.exit_code, planned.ids, _waiting(planned.document)) == (1, BUILD, ARM)
    built = verbs.run("apply", "--yes", "--json", "--fingerprint", planned.document["fingerprint"])
    assert built.exit_code == 1
    assert [action["id"] for action in built.document["performed"]] == BUILD
    assert (built.document["left"]["actions"], _waiting(built.document["left"])) == ([], ARM)
    deliver_logs(sandbox)
    armed = verbs.run("apply", "--yes", "--arm", "--json")
    assert armed.exit_code == 0, armed.stderr
    assert [action["id"] for action in armed.document["performed"]] == ARM
    for again in (verbs.run("apply", "--yes", "--json"), verbs.run("apply", "--yes", "--arm", "--json")):
        assert (again.exit_code, again.document["performed"]) == (0, [])
        assert "nothing to change" in again.stderr
    trail = sandbox.client("cloudtrail").describe_trails()["trailList"][0]
    assert trail["IsOrganizationTrail"]
    assert trail["LogFileValidationEnabled"]
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    lock = s3.get_object_lock_configuration(Bucket=BUCKET)["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 400}


def test_plan_changes_nothing(verbs: Verbs, proxy: Proxy) -> None:
    """A plan makes only calls that read."""
    assert verbs.run("plan").exit_code == 1
    reading = ("Get", "List", "Describe", "Head", "AssumeRole")
    assert [call for call in proxy.calls if not call.startswith(reading)] == []


def test_dry_run_prints_commands(verbs: Verbs, proxy: Proxy) -> None:
    """A dry run prints one AWS CLI command for each action and makes only calls that read."""
    ran = verbs.run("apply", "--dry-run", "--arm", "--json")
    assert ran.exit_code == 1
    assert len(ran.document["commands"]) == len(ALL)
    assert ran.document["commands"][0] == (
        "aws organizations enable-aws-service-access --service-principal cloudtrail.amazonaws.com"
    )
    assert not any(call.startswith(("Put", "Create", "Enable", "Start")) for call in proxy.calls)


def test_journal_tells_what_was_done(verbs: Verbs) -> None:
    """Each action is in the journal twice, begun and done, with the fingerprint of its phase's plan."""
    assert verbs.armed().exit_code == 0
    lines = (verbs.folder / ".trailkeep" / "journal.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    acted = [entry for entry in entries if entry["kind"] != "Probe"]
    assert [(entry["action"], entry["outcome"]) for entry in acted] == [
        (action, outcome) for action in [*BUILD, *ARM] for outcome in ("begun", "done")
    ]
    assert len({entry["plan"] for entry in entries}) == 2


def test_account_is_created(
    sandbox_without_archive: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An archive account that does not exist is created once, found again by its e-mail, and guarded."""
    verbs = Verbs(sandbox_without_archive, monkeypatch, tmp_path)
    verbs.write(**CREATED)
    assert verbs.run("plan", "--arm", "--json").ids == ["account.create", *ALL]
    with proxied(sandbox_without_archive.endpoint_url) as proxy:
        verbs.behind(proxy.url)
        applied = verbs.run("apply", "--yes", "--json")
        assert verbs.run("apply", "--yes", "--json").document["performed"] == []
    assert applied.exit_code == 1, applied.stderr
    assert proxy.calls.count("CreateAccount") == 1
    found = sandbox_without_archive.client("organizations").list_accounts()["Accounts"]
    assert [account["Email"] for account in found].count("logs@example.com") == 1


_NEEDED = {
    "ListAWSServiceAccessForOrganization": "whether CloudTrail has trusted access to the organization",
    "ListBuckets HeadBucket": "whether the bucket acme-trail-archive exists and is guarded",
    "AssumeRole": "whether the bucket acme-trail-archive exists and is guarded",
    "GetBucketPolicy": "whether the bucket policy of acme-trail-archive lets only the trail deliver",
    "GetObjectLockConfiguration": "whether logs in acme-trail-archive are locked, and for how long",
    "GetBucketEncryption": "which key encrypts what arrives in acme-trail-archive",
    "GetBucketTagging": "which tags of acme-trail-archive would have to stay",
    "GetAccountPublicAccessBlock": "whether account 222222222222 blocks public access as a whole",
    "GetTrailStatus": "whether the trail trailkeep is logging",
    "DescribeTrails": "whether the trail trailkeep exists and what it records",
    "ListTargetsForPolicy": "whether trailkeep-archive is attached to the archive account",
    "ListAccountsForParent": "whether the archive account exists and is active",
    "DescribeOrganization": "whether these are the credentials of the right organization",
}


def test_refused_read_is_unknown(verbs: Verbs, proxy: Proxy) -> None:
    """A refused read is UNKNOWN with exit code 3, it is never taken for absence, and apply refuses to act."""
    assert verbs.armed().exit_code == 0
    for calls, undecided in _NEEDED.items():
        proxy.refused = set(calls.split())
        ran = verbs.run("plan", "--json")
        assert (ran.exit_code, ran.ids) == (3, []), calls
        assert undecided in [unknown["undecided"] for unknown in ran.document["unknown"]]
    applied = verbs.run("apply", "--yes")
    assert applied.exit_code == 3
    assert "expected every fact to be readable" in applied.stderr


def test_bucket_drift_behind_the_guard(verbs: Verbs, sandbox: Sandbox) -> None:
    """Drift behind the guard is blocked, and corrected when lifting is allowed; the guard is on again after."""
    assert verbs.armed().exit_code == 0
    _drift(sandbox)
    blocked = verbs.run("plan", "--json")
    assert (blocked.exit_code, blocked.ids) == (1, [])
    assert blocked.document["blocked"][0]["allow"] == "lift-guards"
    assert verbs.run("apply", "--yes").exit_code == 1
    lifted = verbs.run("apply", "--yes", "--allow", "lift-guards", "--json")
    assert lifted.exit_code == 0, lifted.stderr
    assert [(action["id"], action["destructive"]) for action in lifted.document["performed"]] == [
        ("scp.detach", True),
        ("rcp.detach", True),
        ("bucket.public_access", False),
        ("scp.attach", False),
        ("rcp.attach", False),
    ]


def _drift(sandbox: Sandbox) -> None:
    """Weaken the bucket, as only somebody can who lifts the guards meanwhile."""
    organizations = sandbox.client("organizations")
    guards = [
        policy["Id"]
        for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
        for policy in organizations.list_policies(Filter=kind)["Policies"]
        if policy["Name"] in {"trailkeep-archive", "trailkeep-archive-resources"}
    ]
    for policy in guards:
        organizations.detach_policy(PolicyId=policy, TargetId=LOG_ARCHIVE_ACCOUNT_ID)
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).delete_public_access_block(Bucket=BUCKET)
    for policy in guards:
        organizations.attach_policy(PolicyId=policy, TargetId=LOG_ARCHIVE_ACCOUNT_ID)


def test_renamed_bucket(verbs: Verbs, sandbox: Sandbox) -> None:
    """Another bucket in the configuration takes neither the trail nor the guard from the first archive."""
    assert verbs.armed().exit_code == 0
    verbs.write(bucket='"acme-second-archive"')
    ran = verbs.run("apply", "--yes", "--json")
    assert (ran.exit_code, ran.document["performed"]) == (1, [])
    assert _trail_bucket(sandbox) == BUCKET
    _assert_guarded(sandbox, BUCKET)
    moved = verbs.run("apply", "--yes", "--json", "--allow", "lift-guards", "--allow", "redirect-trail")
    blocked = [one["action"]["id"] for one in moved.document["left"]["blocked"]]
    assert (moved.exit_code, blocked) == (
        1,
        ["bucket.object_lock", "bucket.policy.arm", "scp.update", "rcp.update"],
    )
    assert _trail_bucket(sandbox) == "acme-second-archive"
    _assert_guarded(sandbox, BUCKET)
    deliver_logs(sandbox, bucket="acme-second-archive")
    armed = verbs.run("apply", "--yes", "--arm", "--json", "--allow", "lift-guards")
    assert armed.exit_code == 0, armed.stderr
    _assert_guarded(sandbox, BUCKET)
    _assert_guarded(sandbox, "acme-second-archive")
    assert verbs.run("apply", "--yes", "--arm", "--allow", "weaken-guards").exit_code == 0
    _assert_guarded(sandbox, "acme-second-archive")
    _touch(sandbox, BUCKET)


def test_moved_account(verbs: Verbs, sandbox: Sandbox) -> None:
    """Another archive account is built beside the first, which keeps all it has, and guarded once logs arrive."""
    assert verbs.armed().exit_code == 0
    verbs.write(account='"333333333333"', bucket='"acme-second-archive"')
    ran = verbs.run("apply", "--yes", "--json")
    assert ran.exit_code == 1
    assert [one["allow"] for one in ran.document["left"]["blocked"]] == ["redirect-trail"]
    assert _waiting(ran.document["left"]) == [
        "bucket.object_lock",
        "bucket.policy.arm",
        "scp.update",
        "rcp.update",
        "scp.attach",
        "rcp.attach",
    ]
    assert _trail_bucket(sandbox) == BUCKET
    _assert_guarded(sandbox, BUCKET)
    assert verbs.run("apply", "--yes", "--arm").exit_code == 4
    assert verbs.armed("--allow", "redirect-trail").exit_code == 4
    assert verbs.run("apply", "--yes", "--allow", "redirect-trail").exit_code == 1
    assert verbs.armed().exit_code == 0
    _assert_guarded(sandbox, "acme-second-archive", account="333333333333")


def _trail_bucket(sandbox: Sandbox) -> str:
    return str(sandbox.client("cloudtrail").describe_trails()["trailList"][0]["S3BucketName"])


def _assert_guarded(sandbox: Sandbox, bucket: str, *, account: str = LOG_ARCHIVE_ACCOUNT_ID) -> None:
    """Assert that the account of a bucket may not change it."""
    with pytest.raises(ClientError, match=r"explicit deny in a (service|resource) control policy"):
        _touch(sandbox, bucket, account)


def _touch(sandbox: Sandbox, bucket: str, account: str = LOG_ARCHIVE_ACCOUNT_ID) -> None:
    """Make a change of a bucket that changes nothing, and that no bucket policy refuses."""
    enabled: Any = {"Status": "Enabled"}
    sandbox.client("s3", account).put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)


def test_narrowed_selectors_are_widened(verbs: Verbs, sandbox: Sandbox) -> None:
    """A trail whose selectors leave reads out is found by plan, and records them again after apply."""
    assert verbs.armed().exit_code == 0
    selectors = [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True, "DataResources": []}]
    cloudtrail = sandbox.client("cloudtrail")
    cloudtrail.put_event_selectors(TrailName="trailkeep", EventSelectors=selectors)
    planned = verbs.run("plan", "--json")
    assert (planned.exit_code, planned.ids) == (1, ["trail.event_selectors"])
    assert verbs.run("apply", "--yes").exit_code == 0
    (selector,) = cloudtrail.get_event_selectors(TrailName="trailkeep")["AdvancedEventSelectors"]
    assert selector["FieldSelectors"] == [{"Field": "eventCategory", "Equals": ["Management"]}]
    assert verbs.run("plan").exit_code == 0


def test_early_expiration_fails(verbs: Verbs, sandbox: Sandbox) -> None:
    """A lifecycle rule that ends logs before the retention is over makes plan end with 1 and names the rule."""
    rule = {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    s3.create_bucket(
        Bucket=BUCKET,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        ObjectLockEnabledForBucket=True,
    )
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})
    applied = verbs.run("apply", "--yes")
    assert applied.exit_code == 1
    planned = verbs.run("plan")
    assert planned.exit_code == 1
    assert "    observed: lifecycle rule tidy expires logs after 30 days" in planned.stdout.splitlines()


def test_stopped_trail_and_detached_guard(verbs: Verbs, sandbox: Sandbox) -> None:
    """A stopped trail is started and a detached guard attached again, each with its reason."""
    assert verbs.armed().exit_code == 0
    sandbox.client("cloudtrail").stop_logging(Name="trailkeep")
    organizations = sandbox.client("organizations")
    policies = organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    policy = next(found["Id"] for found in policies if found["Name"] == "trailkeep-archive")
    organizations.detach_policy(PolicyId=policy, TargetId=LOG_ARCHIVE_ACCOUNT_ID)
    ran = verbs.run("plan")
    assert ran.exit_code == 1
    assert ran.stdout.splitlines()[:-2] == [
        "~ trail.start  arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep  in 111111111111",
        "    because the trail is stopped",
        "    logging: stopped -> started",
        "+ scp.attach  222222222222  in 111111111111",
        "    because trailkeep-archive exists and is not attached to the archive account",
        "    trailkeep-archive: attached",
    ]
    assert verbs.run("apply", "--yes").exit_code == 0


@pytest.mark.parametrize("broken", ["PutBucketPolicy", "CreateTrail"])
def test_failed_action_stops(verbs: Verbs, proxy: Proxy, broken: str) -> None:
    """An action that AWS refuses stops apply with exit code 4; the next apply goes on from there."""
    proxy.refused.add(broken)
    stopped = verbs.run("apply", "--yes")
    assert stopped.exit_code == 4
    assert f"{broken}: AccessDenied" in stopped.stderr
    assert stopped.stderr.endswith("correct the cause and run 'trailkeep apply' again")
    proxy.refused.clear()
    finished = verbs.run("apply", "--yes", "--json")
    assert finished.exit_code == 1
    assert 0 < len(finished.document["performed"]) < len(BUILD)


def test_failed_arming_stops(verbs: Verbs, proxy: Proxy) -> None:
    """A guard that AWS refuses to attach stops the arming; the next one goes on from there."""
    proxy.refused.add("AttachPolicy")
    stopped = verbs.armed()
    assert stopped.exit_code == 4
    assert "AttachPolicy: AccessDenied" in stopped.stderr
    proxy.refused.clear()
    finished = verbs.run("apply", "--yes", "--arm", "--json")
    assert finished.exit_code == 0
    assert [action["id"] for action in finished.document["performed"]] == [
        "scp.attach",
        "members.attach",
        "rcp.attach",
    ]


def test_moved_fingerprint(verbs: Verbs, sandbox: Sandbox) -> None:
    """A plan that was reviewed is not performed after the world moved."""
    reviewed = verbs.run("plan", "--json").document["fingerprint"]
    sandbox.client("organizations").enable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
    ran = verbs.run("apply", "--yes", "--fingerprint", reviewed[:12])
    assert ran.exit_code == 4
    assert f"plan: expected fingerprint {reviewed[:12]}, got " in ran.stderr


def test_saved_estate_plans_offline(verbs: Verbs, proxy: Proxy) -> None:
    """A saved estate gives the same plan without any call to AWS."""
    first = verbs.run("plan", "--json", "--save-estate", "estate.json")
    proxy.calls.clear()
    second = verbs.run("plan", "--json", "--estate", "estate.json")
    assert second.document == first.document
    assert proxy.calls == []


def test_foreign_bucket(verbs: Verbs, sandbox: Sandbox) -> None:
    """A bucket of that name in another account is an error of the configuration."""
    sandbox.client("s3", "333333333333").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    ran = verbs.run("plan")
    assert ran.exit_code == 2
    assert "which another account owns" in ran.stderr


def test_us_east_1(verbs: Verbs) -> None:
    """The archive can be in us-east-1, the region that CreateBucket must not name."""
    verbs.write(region='"us-east-1"')
    assert verbs.armed().exit_code == 0
    assert verbs.run("plan").exit_code == 0


def test_no_terminal_needs_yes(verbs: Verbs, proxy: Proxy) -> None:
    """Without a terminal to ask on, apply wants --yes and makes no call."""
    ran = verbs.run("apply")
    assert ran.exit_code == 2
    assert "add --yes" in ran.stderr
    assert proxy.calls == []


def test_no_credentials(verbs: Verbs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials plan stops with exit code 4 and says where they come from."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    ran = verbs.run("plan")
    assert ran.exit_code == 4
    assert ran.stderr == (
        "AWS credentials: expected valid ones of the account that owns the trail, got none; "
        "set AWS_PROFILE, or sign in with 'aws sso login'"
    )


def test_unknown_profile(verbs: Verbs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that does not exist is an error of the configuration, with exit code 2."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    ran = verbs.run("plan")
    assert ran.exit_code == 2
    assert ran.stderr.startswith("AWS_PROFILE: expected a profile of the AWS configuration")


def test_no_configuration(verbs: Verbs) -> None:
    """Without a configuration plan says how to write one."""
    ran = verbs.run("plan", "--config", "other.toml")
    assert ran.exit_code == 2
    assert ran.stderr == (
        "other.toml: expected a configuration, got No such file or directory; "
        "write one with 'trailkeep init' or name it with --config"
    )


@pytest.mark.parametrize(
    "arguments", [("plan", "--allow", "all"), ("apply", "--yes", "--fingerprint", "xyz")], ids=" ".join
)
def test_wrong_option(verbs: Verbs, arguments: tuple[str, ...]) -> None:
    """A wrong option value is refused with what is allowed."""
    ran = verbs.run(*arguments)
    assert ran.exit_code == 2
    assert ": expected " in ran.stderr


def test_arming_ends_with_probes(verbs: Verbs, sandbox: Sandbox) -> None:
    """Arming prints the sheet, ends with probes that are refused, and the journal has each."""
    assert verbs.run("apply", "--yes").exit_code == 1
    refused = verbs.run("apply", "--yes", "--arm")
    assert refused.exit_code == 4
    assert "expected a member account's log before the archive is armed, got none" in refused.stderr
    deliver_logs(sandbox)
    told = verbs.run("apply", "--yes")
    assert "a log of member account " in told.stderr
    assert "arm the archive with 'trailkeep apply --arm'" in told.stderr
    armed = verbs.run("apply", "--yes", "--arm", "--json")
    assert "irreversibility sheet" in armed.stderr
    assert armed.document["sheet"]["cost"]["bytes_a_day"] > 0
    assert {probe["verdict"] for probe in armed.document["probes"]} == {"PASS"}
    lines = (verbs.folder / ".trailkeep" / "journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines].count("Probe") == len(armed.document["probes"]) == 8


def test_plan_tells_what_is_final(verbs: Verbs) -> None:
    """Plan --arm ends with the sheet; plan --retire says what outlives the archive and plans nothing."""
    planned = verbs.run("plan", "--arm")
    assert "irreversibility sheet: what cannot be undone once the archive is armed" in planned.stdout
    assert verbs.run("plan", "--json").document["sheet"] is None
    assert verbs.armed().exit_code == 0
    retired = verbs.run("plan", "--retire", "--json")
    assert (retired.exit_code, retired.document["unknown"]) == (0, [])
    assert retired.document["locked_until"] > f"{YESTERDAY:%Y}"
    assert any("trailkeep-archive binds 222222222222" in text for text in retired.document["outlives"])
