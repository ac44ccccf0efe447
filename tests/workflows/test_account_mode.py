"""``mode = "account"``: one account keeps its own history, from nothing to armed, on the embedded AWS.

The account is a member of an organization that trusts it with nothing: every call to AWS Organizations is
refused before it arrives, and none is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hcl2
import pytest

from account_verbs import ALONE, ALONE_BUCKET, AccountVerbs, account_verbs, deliver_own_log
from guard_verbs import BUCKET, Verbs
from killing import killed_until_done
from stored_objects import age_objects, unlock_objects
from trailkeep.aws.account_probes import probe_account
from trailkeep.aws.observe import observe
from trailkeep.aws.patience import Patience
from trailkeep.aws.probes import Probe
from trailkeep.aws.session import Accounts
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.sandbox.organization import Identity, Sandbox
from trailkeep.workflows.init import load_config

pytestmark = pytest.mark.sandbox
BUILT = [
    "bucket.create",
    "bucket.public_access",
    "bucket.ownership",
    "bucket.versioning",
    "bucket.policy",
    "bucket.lifecycle",
    "bucket.tags",
    "trail.create",
    "trail.start",
]
ARMED = ["bucket.object_lock", "bucket.policy.arm"]
ORGANIZATIONS = {
    "DescribeOrganization",
    "ListAccounts",
    "ListAccountsForParent",
    "ListAWSServiceAccessForOrganization",
    "ListDelegatedAdministrators",
    "ListPolicies",
    "ListRoots",
    "AssumeRole",
}


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AccountVerbs]:
    """A configuration that ``init`` wrote, and the credentials of a member account's administrator."""
    with account_verbs(sandbox, monkeypatch, tmp_path) as made:
        made.proxy.refused |= ORGANIZATIONS
        assert made.run("init", "--mode", "account", "--yes").exit_code == 0
        yield made
        assert not ORGANIZATIONS & set(made.proxy.calls)


def _armed(verbs: AccountVerbs, sandbox: Sandbox) -> None:
    """Build the archive, let a log arrive, arm it, and let another log arrive under the lock."""
    assert verbs.run("apply", "--yes").exit_code == 1
    deliver_own_log(sandbox)
    assert verbs.run("apply", "--yes", "--arm").exit_code == 0
    age_objects(ALONE_BUCKET, days=1)
    deliver_own_log(sandbox, minutes_ago=1)


def _rewrite(verbs: AccountVerbs, before: str, after: str) -> None:
    path = verbs.folder / "trailkeep.toml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_init_asks_only_who_the_caller_is(verbs: AccountVerbs) -> None:
    """Init finds the account by its credentials, and proposes a bucket name that only it can have."""
    assert verbs.proxy.calls == ["GetCallerIdentity"]
    found = load_config(verbs.folder / "trailkeep.toml")
    assert found.organization is None
    assert (found.archive.account, found.archive.bucket) == (ALONE, ALONE_BUCKET)
    assert "[organization]" not in (verbs.folder / "trailkeep.toml").read_text()


def test_from_nothing_to_armed(verbs: AccountVerbs, sandbox: Sandbox) -> None:
    """Building, a log of its own, and arming: then a second plan finds nothing, with arming or without."""
    built = verbs.run("apply", "--yes", "--json")
    assert [one["id"] for one in built.document["performed"]] == BUILT
    assert "no log of the account has arrived yet" in built.stderr
    refused = verbs.run("apply", "--yes", "--arm")
    assert refused.exit_code == 4
    assert "expected the account's log before the archive is armed, got none" in refused.stderr
    assert deliver_own_log(sandbox).objects == 1
    armed = verbs.run("apply", "--yes", "--arm", "--json")
    assert [one["id"] for one in armed.document["performed"]] == ARMED
    assert armed.exit_code == 0
    for arguments in (("plan",), ("plan", "--arm"), ("apply", "--yes", "--arm")):
        again = verbs.run(*arguments)
        assert (again.exit_code, "nothing to change: everything asked for is in force" in again.stderr) == (
            0,
            True,
        )


def test_what_was_built(verbs: AccountVerbs, sandbox: Sandbox) -> None:
    """The trail is of one account and every Region, and its bucket is locked, versioned, private, tagged."""
    _armed(verbs, sandbox)
    [trail] = sandbox.client("cloudtrail", ALONE).describe_trails()["trailList"]
    assert (trail["IsOrganizationTrail"], trail["IsMultiRegionTrail"]) == (False, True)
    assert trail["LogFileValidationEnabled"] is True
    s3 = sandbox.client("s3", ALONE)
    lock = s3.get_object_lock_configuration(Bucket=ALONE_BUCKET)["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 400}
    assert s3.get_bucket_versioning(Bucket=ALONE_BUCKET)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=ALONE_BUCKET)["PublicAccessBlockConfiguration"].values())
    assert s3.get_bucket_tagging(Bucket=ALONE_BUCKET)["TagSet"] == [
        {"Key": "managed-by", "Value": "trailkeep"}
    ]
    policy = json.loads(s3.get_bucket_policy(Bucket=ALONE_BUCKET)["Policy"])
    allowed = [one for one in policy["Statement"] if one["Effect"] == "Allow"]
    writes = [one["Resource"] for one in allowed if one["Action"] == "s3:PutObject"]
    assert writes == [f"arn:aws:s3:::{ALONE_BUCKET}/AWSLogs/{ALONE}/*"]
    assert {"GetAccountPublicAccessBlock", "PutAccountPublicAccessBlock"}.isdisjoint(verbs.proxy.calls)


def test_the_lock_is_read_from_a_locked_log(verbs: AccountVerbs, sandbox: Sandbox) -> None:
    """Once a log arrived under the lock, its retention is read and is what was asked for."""
    _armed(verbs, sandbox)
    probe = _lock_probe(verbs, exit_code=0)
    assert (probe["verdict"], probe["got"][:17]) == ("PASS", "GOVERNANCE until ")


def test_a_lock_that_does_not_hold_is_found(verbs: AccountVerbs, sandbox: Sandbox) -> None:
    """A log without retention from long after the lock was set fails, though every call is refused."""
    _armed(verbs, sandbox)
    unlock_objects(ALONE_BUCKET)
    journal = verbs.folder / ".trailkeep" / "journal.jsonl"
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    earlier = [{**entry, "at": "2026-01-02T03:04:05Z"} for entry in entries]
    journal.write_text("".join(f"{json.dumps(entry)}\n" for entry in earlier))
    probe = _lock_probe(verbs, exit_code=1)
    assert (probe["verdict"], probe["got"]) == ("FAIL", "no retention")


def _lock_probe(verbs: AccountVerbs, *, exit_code: int) -> dict[str, Any]:
    """Return what the log shows, where every other probe is refused as it must be."""
    ran = verbs.run("apply", "--yes", "--arm", "--json")
    *refused, last = ran.document["probes"]
    assert (ran.exit_code, last["call"], ran.document["not_probed"]) == (exit_code, "s3:HeadObject", [])
    assert [(one["verdict"], one["refused_by"]) for one in refused] == [("PASS", "resource-based policy")] * 5
    found: dict[str, Any] = last
    return found


def test_before_a_log_is_under_the_lock_that_is_said(verbs: AccountVerbs, sandbox: Sandbox) -> None:
    """Right after arming only logs from before are there: the lock is not probed, and nothing fails."""
    assert verbs.run("apply", "--yes").exit_code == 1
    deliver_own_log(sandbox)
    ran = verbs.run("apply", "--yes", "--arm", "--json")
    assert (ran.exit_code, [line[:38] for line in ran.document["not_probed"]]) == (
        0,
        ["the lock: no log was seen under it yet"],
    )


def test_what_the_bucket_policy_does_not_refuse_is_not_tried(verbs: AccountVerbs, sandbox: Sandbox) -> None:
    """Without the deny of log changes the bucket policy refuses writing alone, and only that is tried."""
    _armed(verbs, sandbox)
    probes = _probed_without(sandbox, verbs, "TrailkeepDenyLogChanges")
    assert [(probe.call, probe.verdict) for probe in probes] == [("s3:PutObject", "PASS")]


def _probed_without(sandbox: Sandbox, verbs: AccountVerbs, sid: str) -> tuple[Probe, ...]:
    """Return the probes that are made where the bucket policy lacks one statement."""
    s3 = sandbox.client("s3", ALONE)
    policy = json.loads(s3.get_bucket_policy(Bucket=ALONE_BUCKET)["Policy"])
    policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] != sid]
    s3.put_bucket_policy(Bucket=ALONE_BUCKET, Policy=json.dumps(policy))
    settings = load_config(verbs.folder / "trailkeep.toml")
    accounts = Accounts(region=settings.trail_region, role=settings.archive.access_role)
    return probe_account(
        accounts,
        blueprint_for(settings, observe(accounts, settings)),
        patience=Patience(clock=lambda: 0.0, sleep=lambda _: None),
        now=lambda: datetime.now(UTC),
    )


def test_a_probe_that_cannot_look(verbs: AccountVerbs, sandbox: Sandbox) -> None:
    """Where the newest log may not be looked at, the probe is UNKNOWN and the exit code 3."""
    _armed(verbs, sandbox)
    verbs.proxy.faults["HeadBucket"] = ["AccessDenied"]  # how the proxy calls every HEAD
    ran = verbs.run("apply", "--yes", "--arm", "--json")
    assert ran.exit_code == 3
    unknown = [one["call"] for one in ran.document["probes"] if one["verdict"] != "PASS"]
    assert (unknown, len(ran.document["probes"])) == (["s3:HeadObject"], 6)


def test_a_key_of_its_own(verbs: AccountVerbs, sandbox: Sandbox) -> None:
    """With sse-kms the key is in the account, trail and bucket use it, and logs arrive encrypted."""
    _rewrite(verbs, 'encryption = "sse-s3"', 'encryption = "sse-kms"')
    assert verbs.run("apply", "--yes").exit_code == 1
    [trail] = sandbox.client("cloudtrail", ALONE).describe_trails()["trailList"]
    assert trail["KmsKeyId"].startswith(f"arn:aws:kms:eu-central-1:{ALONE}:key/")
    assert deliver_own_log(sandbox).objects == 1
    assert verbs.run("apply", "--yes", "--arm").exit_code == 0
    assert verbs.run("plan").exit_code == 0


def test_drift_is_repaired(verbs: AccountVerbs, sandbox: Sandbox) -> None:
    """A stopped trail and a lost bucket policy are found and repaired; no guard has to be lifted for it."""
    _armed(verbs, sandbox)
    sandbox.client("cloudtrail", ALONE).stop_logging(Name="trailkeep")
    sandbox.client("s3", ALONE, Identity.ROOT).delete_bucket_policy(Bucket=ALONE_BUCKET)
    planned = verbs.run("plan", "--json")
    assert (planned.exit_code, planned.ids) == (1, ["bucket.policy", "trail.start"])
    assert verbs.run("explain", "--live").exit_code == 1
    assert verbs.run("apply", "--yes", "--arm").exit_code == 0
    assert verbs.run("explain", "--live").exit_code == 0


def test_the_organization_records_it_already(
    verbs: AccountVerbs, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member sees its organization's trail: the copy and its price are told, and nothing else changes."""
    _armed(verbs, sandbox)
    with monkeypatch.context() as management:
        folder = tmp_path / "management"
        folder.mkdir()
        central = Verbs(sandbox, management, folder)
        central.write(trail='name = "org-trail"')
        assert central.run("apply", "--yes").exit_code == 1
    planned = verbs.run("plan", "--json")
    assert planned.exit_code == 0
    [kept] = planned.document["kept"]
    assert kept["target"] == "arn:aws:cloudtrail:eu-central-1:111111111111:trail/org-trail"
    assert f"records the whole organization into {BUCKET}" in kept["reason"]
    assert "2.00 USD" in kept["reason"]


def test_credentials_of_another_account(
    verbs: AccountVerbs, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the credentials of another account every verb that asks AWS refuses, and assumes no role."""
    for name, value in sandbox.environment("444444444444").items():
        if name != "AWS_ENDPOINT_URL":
            monkeypatch.setenv(name, value)
    for arguments in (("plan",), ("apply", "--yes"), ("status",), ("collect",)):
        ran = verbs.run(*arguments)
        assert ran.exit_code == 2, arguments
        assert f"credentials: expected account {ALONE}, got 444444444444" in ran.stderr
    assert verbs.run("backfill").exit_code == 4


def test_an_organizations_setting_is_refused(verbs: AccountVerbs) -> None:
    """A key that only an organization has is refused by name, with the way out."""
    _rewrite(verbs, "[lake]", "[guards]\nscp = true\n\n[lake]")
    ran = verbs.run("plan")
    assert ran.exit_code == 2
    assert ran.stderr == (
        'guards.scp: expected nothing with mode = "account", got True; '
        'take the key out, or set mode = "organization"'
    )


def test_retire(verbs: AccountVerbs, sandbox: Sandbox) -> None:
    """Giving the archive up says how long logs stay locked, and neither detaches nor names a policy."""
    _armed(verbs, sandbox)
    ran = verbs.run("plan", "--retire", "--json")
    assert ran.exit_code == 0
    assert ran.document["locked_until"]
    assert ran.document["unknown"] == []
    assert not any("organizations" in line for line in ran.document["by_hand"])


def test_status(verbs: AccountVerbs, sandbox: Sandbox) -> None:
    """Status judges the one account, in the Regions that are enabled in it."""
    _armed(verbs, sandbox)
    ran = verbs.run("status", "--json")
    assert ran.exit_code == 0
    [row] = ran.document["accounts"]
    assert row["account"] == ALONE
    assert {cell["region"]: cell["state"] for cell in row["cells"]}["eu-central-1"] == "fresh"
    sandbox.client("cloudtrail", ALONE).stop_logging(Name="trailkeep")
    assert verbs.run("status").exit_code == 1


def test_status_without_a_trail(verbs: AccountVerbs) -> None:
    """Before anything was built the trail is missing, and it is not an organization's that is expected."""
    ran = verbs.run("status")
    assert ran.exit_code != 0
    assert "expected a trail that delivers to the archive, got none" in f"{ran.stdout}{ran.stderr}"


def test_backfill_and_collect(verbs: AccountVerbs, sandbox: Sandbox) -> None:
    """The account's own 90 days are saved without an organization's folder, and meet its archive in the lake."""
    _armed(verbs, sandbox)
    saved = verbs.run("backfill", "--region", "eu-central-1", "--json")
    assert (saved.exit_code, saved.document["accounts"], saved.document["events"]["saved"]) == (0, 1, 2)
    files = [path.relative_to(verbs.folder).as_posix() for path in (verbs.folder / "backfill").rglob("*.gz")]
    assert [file.split("/CloudTrail/")[0] for file in files] == [f"backfill/lookup-events/AWSLogs/{ALONE}"]
    collected = verbs.run("collect", "--json")
    assert (collected.exit_code, collected.document["events"]["added"]) == (0, 2)
    assert verbs.run("backfill", "--account", "444444444444").exit_code == 2


@pytest.mark.parametrize("target", ["terraform", "cloudformation", "cli"])
def test_exports(verbs: AccountVerbs, target: str) -> None:
    """No export names an organization, another account or a role to assume."""
    assert verbs.run("export", target, "out").exit_code == 0
    texts = {path.name: path.read_text() for path in (verbs.folder / "out").iterdir()}
    whole = "\n".join(texts.values())
    for word in ("organizations", "assume", "management account", "in_archive", "is-organization-trail"):
        assert word not in whole
    match target:
        case "terraform":
            assert hcl2.loads(texts["main.tf"])["provider"]
            assert "is_organization_trail = false" in whole
        case "cloudformation":
            trail = json.loads(texts["trail.template.json"])["Resources"]["Trail"]["Properties"]
            assert trail["IsOrganizationTrail"] is False
        case _:
            assert "aws cloudtrail create-trail --name trailkeep" in whole


def test_export_of_policies(verbs: AccountVerbs) -> None:
    """There is one document to export, the bucket policy, which CloudTrail would accept."""
    assert verbs.run("export", "policies", "out").exit_code == 0
    assert [path.name for path in (verbs.folder / "out").iterdir()] == ["bucket-policy.json"]
    assert verbs.run("explain", "out/bucket-policy.json").exit_code == 0


def test_killed_after_every_action(verbs: AccountVerbs, sandbox: Sandbox) -> None:
    """Killed after each action of both phases, each next apply goes on, until all is in force and none twice."""
    asked = load_config(verbs.folder / "trailkeep.toml")
    made_with_the_bucket = {"bucket.ownership", "bucket.versioning"}
    built, _ = killed_until_done(asked, verbs.folder, arm=False)
    assert built == [action for action in BUILT if action not in made_with_the_bucket]
    deliver_own_log(sandbox)
    armed, _ = killed_until_done(asked, verbs.folder, arm=True)
    assert armed == ARMED
    assert verbs.run("plan", "--arm").exit_code == 0
