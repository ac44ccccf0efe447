"""Drift: one change to an archive that is in force, found by the next plan, explained, and repaired by apply.

What the guard refuses is changed as an attacker in the management account would: the guard is detached first.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from guard_verbs import BUCKET, Verbs, settings
from sandbox_archives import policy as delivery_policy
from sandbox_archives import refused
from trailkeep.aws.act import Actor
from trailkeep.aws.journal import Journal
from trailkeep.aws.observe import observe
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts
from trailkeep.aws.verify import AwsVerifier
from trailkeep.core.config import Config, parse_config
from trailkeep.guard.changes import Action
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.guard_documents import ARCHIVE_RCP, ARCHIVE_SCP
from trailkeep.guard.irreversible import Sheet
from trailkeep.guard.plan import Plan
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox
from trailkeep.workflows.apply import Applied, apply
from trailkeep.workflows.plan import plan

pytestmark = pytest.mark.sandbox

SCP = "SERVICE_CONTROL_POLICY"
RCP = "RESOURCE_CONTROL_POLICY"
STRANGER = "999999999999"
SCP_BACK = ("scp.attach", "rcp.attach")


class Archive:
    """The archive of the embedded organization, and what an administrator may do to it."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.config: Config = parse_config(settings())
        self._accounts = Accounts(region=self.config.trail_region, role=self.config.archive.access_role)
        self._journal = Journal(folder / "journal.jsonl", now=lambda: datetime(2026, 1, 2, tzinfo=UTC))
        self.s3: Any = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
        self.cloudtrail: Any = sandbox.client("cloudtrail")
        self.organizations: Any = sandbox.client("organizations")

    def plan(self, *allow: Allowance) -> Plan:
        """Return what would have to change."""
        return plan(self.config, observe(self._accounts, self.config), allow=frozenset(allow), arm=True)

    def apply(self, *allow: Allowance) -> Applied:
        """Perform the plan."""
        patience = Patience(clock=lambda: 0.0, sleep=lambda _: None)
        return apply(
            self.config,
            observe=lambda: observe(self._accounts, self.config),
            performer=Actor(self._accounts, patience),
            verifier=AwsVerifier(accounts=self._accounts, patience=patience, now=lambda: datetime.now(UTC)),
            journal=self._journal,
            report=_Yes(),
            allow=frozenset(allow),
            arm=True,
        )

    def guard(self, name: str, kind: str) -> str:
        """Return the id of a guard."""
        found = self.organizations.list_policies(Filter=kind)["Policies"]
        return str(next(policy["Id"] for policy in found if policy["Name"] == name))

    def scp(self) -> str:
        """Return the id of the archive's service control policy."""
        return self.guard(ARCHIVE_SCP, SCP)

    def lift(self) -> None:
        """Detach the guards of the archive account."""
        for policy in (self.scp(), self.guard(ARCHIVE_RCP, RCP)):
            self.organizations.detach_policy(PolicyId=policy, TargetId=LOG_ARCHIVE_ACCOUNT_ID)

    def trail(self, **changes: Any) -> None:
        """Change the trail."""
        self.cloudtrail.update_trail(Name="trailkeep", **changes)

    def policy(self, change: Callable[[list[dict[str, Any]]], object]) -> None:
        """Lift the guard, then let ``change`` change the statements of the bucket policy."""
        self.lift()
        document = json.loads(self.s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
        change(document["Statement"])
        self.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))


class _Yes:
    def agree(self, proposed: Plan, sheet: Sheet | None) -> bool:
        """Agree."""
        del proposed, sheet
        return True

    def doing(self, action: Action) -> None:
        """Hear of an action."""


def build(sandbox: Sandbox, patch: pytest.MonkeyPatch, folder: Path) -> Archive:
    """Build an archive and return it with everything in force."""
    verbs = Verbs(sandbox, patch, folder)
    verbs.write()
    armed = verbs.armed()
    assert armed.exit_code == 0, armed.stderr
    archive = Archive(sandbox, folder)
    assert _quiet(archive.plan())
    return archive


def _quiet(found: Plan) -> bool:
    return not (found.actions or found.blocked or found.unknown or found.concerns)


@pytest.fixture
def archive(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Archive:
    """An archive that is in force."""
    return build(sandbox, monkeypatch, tmp_path)


def _block_removed(on: Archive) -> None:
    on.lift()
    on.s3.delete_public_access_block(Bucket=BUCKET)


def _switch_off(on: Archive) -> None:
    on.lift()
    block = on.s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    on.s3.put_public_access_block(
        Bucket=BUCKET, PublicAccessBlockConfiguration=block | {"BlockPublicPolicy": False}
    )


def _acls_on(on: Archive) -> None:
    on.lift()
    on.s3.put_bucket_ownership_controls(
        Bucket=BUCKET, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )


def _ownership_deleted(on: Archive) -> None:
    on.lift()
    on.s3.delete_bucket_ownership_controls(Bucket=BUCKET)


def _policy_deleted(on: Archive) -> None:
    on.lift()
    on.s3.delete_bucket_policy(Bucket=BUCKET)


def _stranger_may_write(on: Archive) -> None:
    on.policy(lambda statements: statements.append(_lets_in("s3:PutObject")))


def _stranger_may_read(on: Archive) -> None:
    on.policy(lambda statements: statements.append(_lets_in("s3:GetObject")))


def _lets_in(action: str) -> dict[str, Any]:
    return {
        "Sid": "Partner",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"},
        "Action": action,
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }


def _plain_http(on: Archive) -> None:
    def change(statements: list[dict[str, Any]]) -> None:
        statements[:] = [one for one in statements if "aws:SecureTransport" not in json.dumps(one)]

    on.policy(change)


def _any_trail(on: Archive) -> None:
    def change(statements: list[dict[str, Any]]) -> None:
        for one in statements:
            one.get("Condition", {}).get("StringEquals", {}).pop("aws:SourceArn", None)
            if one.get("Condition") == {"StringEquals": {}}:
                del one["Condition"]

    on.policy(change)


def _locks(on: Archive, **configuration: Any) -> None:
    on.lift()
    on.s3.put_object_lock_configuration(
        Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", **configuration}
    )


def _lock_shortened(on: Archive) -> None:
    _locks(on, Rule={"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}})


def _bucket_deleted(on: Archive) -> None:
    on.lift()
    on.s3.delete_bucket(Bucket=BUCKET)


def _early_expiry(on: Archive) -> None:
    on.lift()
    rule = {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 7}}
    on.s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})


def _redirected(on: Archive) -> None:
    theirs = on.sandbox.client("s3", "333333333333")
    place = {"LocationConstraint": on.sandbox.region}
    theirs.create_bucket(Bucket="elsewhere", CreateBucketConfiguration=place)
    document = json.dumps(delivery_policy(on.sandbox, "elsewhere")).replace("org-trail", "trailkeep")
    theirs.put_bucket_policy(Bucket="elsewhere", Policy=document)
    on.trail(S3BucketName="elsewhere")


def _only_writes(on: Archive) -> None:
    selector = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}
    on.cloudtrail.put_event_selectors(TrailName="trailkeep", EventSelectors=[selector])


def _scp_weakened(on: Archive) -> None:
    policy = on.scp()
    document = json.loads(on.organizations.describe_policy(PolicyId=policy)["Policy"]["Content"])
    del document["Statement"][0]
    on.organizations.update_policy(PolicyId=policy, Content=json.dumps(document))


def _scp_deleted(on: Archive) -> None:
    policy = on.scp()
    on.lift()
    on.organizations.delete_policy(PolicyId=policy)


def _scps_disabled(on: Archive) -> None:
    root = on.organizations.list_roots()["Roots"][0]["Id"]
    on.organizations.disable_policy_type(RootId=root, PolicyType=SCP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One change: what the plan must say of it. ``says`` is in the reason of the first line."""

    change: Callable[[Archive], object]
    says: str
    actions: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    allow: tuple[Allowance, ...] = ()
    concerns: tuple[str, ...] = field(default=())


DRIFTS = {
    "public_access_block_removed": Drift(
        change=_block_removed, says="public access", actions=("bucket.public_access", *SCP_BACK)
    ),
    "public_access_switch_off": Drift(
        change=_switch_off, says="public access", actions=("bucket.public_access", *SCP_BACK)
    ),
    "acls_switched_on": Drift(
        change=_acls_on, says="access lists are on", actions=("bucket.ownership", *SCP_BACK)
    ),
    "ownership_controls_deleted": Drift(
        change=_ownership_deleted, says="access lists are on", actions=("bucket.ownership", *SCP_BACK)
    ),
    "bucket_policy_deleted": Drift(
        change=_policy_deleted, says="bucket policy", actions=("bucket.policy", *SCP_BACK)
    ),
    "foreign_account_may_write": Drift(
        change=_stranger_may_write,
        says=STRANGER,
        actions=SCP_BACK,
        blocked=("bucket.policy",),
        allow=(Allowance.REPLACE_POLICY,),
        concerns=(f"bucket {BUCKET}",),
    ),
    "tls_no_longer_required": Drift(
        change=_plain_http, says="bucket policy", actions=("bucket.policy", *SCP_BACK)
    ),
    "any_trail_may_deliver": Drift(
        change=_any_trail, says="bucket policy", actions=("bucket.policy", *SCP_BACK)
    ),
    "retention_shortened": Drift(
        change=_lock_shortened, says="GOVERNANCE 1 days", actions=("bucket.object_lock", *SCP_BACK)
    ),
    "retention_removed": Drift(
        change=_locks, says="without a default retention", actions=("bucket.object_lock", *SCP_BACK)
    ),
    "bucket_deleted": Drift(
        change=_bucket_deleted,
        says="no bucket of this name",
        actions=(
            "bucket.create",
            "bucket.public_access",
            "bucket.ownership",
            "bucket.versioning",
            "bucket.object_lock",
            "bucket.policy",
            *SCP_BACK,
        ),
    ),
    "trail_stopped": Drift(
        change=lambda on: on.cloudtrail.stop_logging(Name="trailkeep"),
        says="stopped",
        actions=("trail.start",),
    ),
    "trail_deleted": Drift(
        change=lambda on: on.cloudtrail.delete_trail(Name="trailkeep"),
        says="no trail of this name",
        actions=("trail.create", "trail.start"),
    ),
    "validation_off": Drift(
        change=lambda on: on.trail(EnableLogFileValidation=False),
        says="cannot be validated",
        actions=("trail.update",),
    ),
    "one_region_only": Drift(
        change=lambda on: on.trail(IsMultiRegionTrail=False), says="one region", actions=("trail.update",)
    ),
    "one_account_only": Drift(
        change=lambda on: on.trail(IsOrganizationTrail=False),
        says="single account",
        actions=("trail.update",),
    ),
    "global_services_left_out": Drift(
        change=lambda on: on.trail(IsMultiRegionTrail=False, IncludeGlobalServiceEvents=False),
        says="global services",
        actions=("trail.update",),
    ),
    "redirected": Drift(
        change=_redirected,
        says="elsewhere",
        blocked=("trail.update",),
        allow=(Allowance.REDIRECT_TRAIL,),
    ),
    "guard_detached": Drift(change=Archive.lift, says=ARCHIVE_SCP, actions=SCP_BACK),
    "guard_weakened": Drift(change=_scp_weakened, says=ARCHIVE_SCP, actions=("scp.update",)),
    "guard_deleted": Drift(
        change=_scp_deleted, says="service control policy", actions=("scp.create", *SCP_BACK)
    ),
    "guards_disabled": Drift(
        change=_scps_disabled, says="service control policies", actions=("scp.enable", *SCP_BACK)
    ),
    "trusted_access_off": Drift(
        change=lambda on: on.organizations.disable_aws_service_access(
            ServicePrincipal="cloudtrail.amazonaws.com"
        ),
        says="trusted access",
        actions=("trust.enable",),
    ),
}
CONCERNS = {
    "logs_expire_early": Drift(
        change=_early_expiry, says="tidy", actions=SCP_BACK, concerns=(f"bucket {BUCKET}",)
    ),
    "foreign_account_may_read": Drift(
        change=_stranger_may_read, says=STRANGER, actions=SCP_BACK, concerns=(f"bucket {BUCKET}",)
    ),
    "reads_are_not_recorded": Drift(
        change=_only_writes, says="event selectors", concerns=("trail trailkeep",)
    ),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_drift_is_found_and_repaired(archive: Archive, name: str) -> None:
    """One change is found as exactly these actions, explained by a reason that names it, and repaired."""
    drift = DRIFTS[name]
    drift.change(archive)
    found = archive.plan()
    assert tuple(action.id for action in found.actions) == drift.actions
    assert tuple(blocked.action.id for blocked in found.blocked) == drift.blocked
    assert tuple(concern.subject for concern in found.concerns) == drift.concerns
    assert found.unknown == ()
    first = found.blocked[0] if found.blocked else found.actions[0]
    assert drift.says in first.reason
    assert {blocked.allow for blocked in found.blocked} == set(drift.allow)
    done = archive.apply(*drift.allow)
    assert {action.id for action in done.performed} == {*drift.actions, *drift.blocked}
    assert _quiet(archive.plan())


@pytest.mark.parametrize("name", CONCERNS)
def test_what_no_action_repairs_is_a_concern(archive: Archive, name: str) -> None:
    """A change that apply cannot repair is found, explained, and stays a concern after apply until a human acts."""
    drift = CONCERNS[name]
    drift.change(archive)
    found = archive.plan()
    assert tuple(action.id for action in found.actions) == drift.actions
    assert tuple(concern.subject for concern in found.concerns) == drift.concerns
    assert drift.says in found.concerns[0].observed
    assert found.concerns[0].remedy
    archive.apply()
    left = archive.plan()
    assert left.actions == ()
    assert left.concerns == found.concerns


def test_versioning_cannot_drift(archive: Archive) -> None:
    """Versioning of a bucket with Object Lock cannot be suspended, even by who has detached the guard."""
    archive.lift()
    with refused("InvalidBucketState"):
        archive.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})


def test_a_prefix_cannot_drift_alone(archive: Archive) -> None:
    """CloudTrail refuses a prefix for which the bucket policy does not let the trail deliver."""
    with refused("InsufficientS3BucketPolicyException"):
        archive.trail(S3KeyPrefix="elsewhere")


@pytest.mark.parametrize("name", ["public_access_block_removed", "retention_shortened"])
def test_the_guard_refuses_drift(archive: Archive, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the guard is attached an administrator of the archive account cannot make the same change."""
    monkeypatch.setattr(Archive, "lift", lambda _: None)
    with refused("AccessDenied", "service control policy"):
        DRIFTS[name].change(archive)
    assert _quiet(archive.plan())
