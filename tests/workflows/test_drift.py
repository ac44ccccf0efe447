"""Drift: one change to an archive that is in force, found by the next plan, explained, and repaired by apply.

What the guard refuses is changed as an attacker in the management account would: the guard is detached first.
Each change comes with what CloudTrail records of it, from which its author must be told. One archive is changed
and repaired again and again; a test that does not leave it in force makes the next one build anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from guard_verbs import BUCKET, Verbs, deliver_logs, settings
from sandbox_archives import policy as delivery_policy
from sandbox_archives import refused
from trailkeep.aws.act import Actor
from trailkeep.aws.journal import Journal
from trailkeep.aws.observe import observe
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts
from trailkeep.aws.verify import AwsVerifier
from trailkeep.core.config import Config, parse_config
from trailkeep.guard.authorship import Event, author_of
from trailkeep.guard.authorship_questions import questions
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.changes import Action
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.guard_documents import ARCHIVE_RCP, ARCHIVE_SCP, MEMBER_SCP
from trailkeep.guard.irreversible import Sheet
from trailkeep.guard.plan import Plan
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, MANAGEMENT_ACCOUNT_ID, Sandbox
from trailkeep.workflows.apply import Applied, apply
from trailkeep.workflows.plan import plan

pytestmark = pytest.mark.sandbox

SCP = "SERVICE_CONTROL_POLICY"
RCP = "RESOURCE_CONTROL_POLICY"
STRANGER = "999999999999"
SCP_BACK = ("scp.attach", "rcp.attach")
MALLORY = "arn:aws:iam::111111111111:user/mallory"
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


def event(service: str, name: str, asked: dict[str, Any], answered: dict[str, Any] | None = None) -> Event:
    """Return what CloudTrail records of a call that Mallory made."""
    return Event(
        event_id=f"event-of-{name}",
        source=f"{service}.amazonaws.com",
        name=name,
        at=AT,
        account=LOG_ARCHIVE_ACCOUNT_ID if service == "s3" else MANAGEMENT_ACCOUNT_ID,
        region="eu-central-1",
        principal=MALLORY,
        source_ip="198.51.100.7",
        access_key="AKIAEXAMPLE",
        asked=asked,
        answered=answered or {},
    )


def on_bucket(name: str, **asked: Any) -> Event:
    """Return what CloudTrail records of a call on the bucket."""
    return event("s3", name, {"bucketName": BUCKET, **asked})


class Archive:
    """The archive of the embedded organization, and what an administrator may do to it."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.config: Config = parse_config(settings())
        self._accounts = Accounts(region=self.config.trail_region, role=self.config.archive.access_role)
        self.in_force = True
        self._journal = Journal(folder / "journal.jsonl", now=lambda: datetime(2026, 1, 2, tzinfo=UTC))
        self.s3: Any = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
        self.s3control: Any = Accounts(region=sandbox.region, role=self.config.archive.access_role).s3control(
            LOG_ARCHIVE_ACCOUNT_ID, sandbox.region
        )
        self._seen = observe(self._accounts, self.config)
        self.cloudtrail: Any = sandbox.client("cloudtrail")
        self.organizations: Any = sandbox.client("organizations")

    def plan(self, *allow: Allowance, arm: bool = True) -> Plan:
        """Return what would have to change."""
        self._seen = observe(self._accounts, self.config)
        return plan(self.config, self._seen, allow=frozenset(allow), arm=arm)

    def is_quiet(self) -> bool:
        """Return whether nothing is left to do; the next test may then use this archive too."""
        found = self.plan()
        self.in_force = not (found.actions or found.blocked or found.unknown or found.concerns)
        return self.in_force

    def authors(self, found: Plan, *events: Event) -> dict[str, tuple[str, str, datetime]]:
        """Return who made each line of the last plan, with what, and when."""
        blueprint = blueprint_for(self.config, self._seen)
        told = (author_of(question, events) for question in questions(found, blueprint))
        return {one.action: (one.principal, one.event_name, one.at) for one in told if one}

    def apply(self, *allow: Allowance, arm: bool = True) -> Applied:
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
            arm=arm,
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

    def trail(self, **changes: Any) -> Event:
        """Change the trail."""
        self.cloudtrail.update_trail(Name="trailkeep", **changes)
        asked = {name[0].lower() + name[1:]: value for name, value in changes.items()}
        return event("cloudtrail", "UpdateTrail", {"name": "trailkeep", **asked})

    def policy(self, change: Callable[[list[dict[str, Any]]], object]) -> Event:
        """Lift the guard, then let ``change`` change the statements of the bucket policy."""
        self.lift()
        document = json.loads(self.s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
        change(document["Statement"])
        self.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))
        return on_bucket("PutBucketPolicy", bucketPolicy=document)

    def lay_open(self) -> None:
        """Detach the guards and replace the bucket policy, which denies its own deletion, by one that denies nothing."""

        def keep_grants(statements: list[dict[str, Any]]) -> None:
            statements[:] = [one for one in statements if one["Effect"] == "Allow"]

        self.policy(keep_grants)

    def rewrite(self, name: str, kind: str, change: Callable[[list[dict[str, Any]]], object]) -> Event:
        """Let ``change`` change the statements of a guard."""
        policy = self.guard(name, kind)
        document = json.loads(self.organizations.describe_policy(PolicyId=policy)["Policy"]["Content"])
        change(document["Statement"])
        self.organizations.update_policy(PolicyId=policy, Content=json.dumps(document))
        return event("organizations", "UpdatePolicy", {"policyId": policy, "content": json.dumps(document)})

    def detach(self, name: str, kind: str, target: str) -> Event:
        """Detach a guard."""
        asked = {"policyId": self.guard(name, kind), "targetId": target}
        self.organizations.detach_policy(PolicyId=asked["policyId"], TargetId=target)
        return event("organizations", "DetachPolicy", asked)

    @property
    def root(self) -> str:
        """The id of the organization's root."""
        return str(self.organizations.list_roots()["Roots"][0]["Id"])


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
    assert archive.is_quiet()
    return archive


@pytest.fixture(scope="module")
def ready(
    sandbox_server: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Archive]]:
    """Returns the archive of this module, built anew where it is not in force."""
    made: list[Archive] = []
    with pytest.MonkeyPatch.context() as patch:

        def get() -> Archive:
            if not made or not made[-1].in_force:
                sandbox_server.reset(has_log_archive=True)
                made.append(build(sandbox_server, patch, tmp_path_factory.mktemp("archive")))
            made[-1].in_force = False
            return made[-1]

        yield get


@pytest.fixture
def archive(ready: Callable[[], Archive]) -> Archive:
    """An archive that is in force."""
    return ready()


def _block_removed(on: Archive) -> Event:
    on.lift()
    on.s3.delete_public_access_block(Bucket=BUCKET)
    return on_bucket("DeleteBucketPublicAccessBlock")


def _switch_off(on: Archive) -> Event:
    on.lift()
    block = on.s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    weaker = block | {"BlockPublicPolicy": False}
    on.s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=weaker)
    return on_bucket("PutBucketPublicAccessBlock", PublicAccessBlockConfiguration=weaker)


def _account_block_removed(on: Archive) -> Event:
    on.lift()
    on.s3control.delete_public_access_block(AccountId=LOG_ARCHIVE_ACCOUNT_ID)
    return event("s3", "DeleteAccountPublicAccessBlock", {"accountId": LOG_ARCHIVE_ACCOUNT_ID})


def _acls_on(on: Archive) -> Event:
    on.lift()
    controls = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    on.s3.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls=controls)
    return on_bucket("PutBucketOwnershipControls", OwnershipControls={"Rule": controls["Rules"][0]})


def _ownership_deleted(on: Archive) -> Event:
    on.lift()
    on.s3.delete_bucket_ownership_controls(Bucket=BUCKET)
    return on_bucket("DeleteBucketOwnershipControls")


def _policy_deleted(on: Archive) -> Event:
    on.lay_open()
    on.s3.delete_bucket_policy(Bucket=BUCKET)
    return on_bucket("DeleteBucketPolicy")


def _stranger_may_write(on: Archive) -> Event:
    return on.policy(lambda statements: statements.append(_lets_in("s3:PutObject")))


def _stranger_may_read(on: Archive) -> Event:
    return on.policy(lambda statements: statements.append(_lets_in("s3:GetObject")))


def _lets_in(action: str) -> dict[str, Any]:
    return {
        "Sid": "Partner",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"},
        "Action": action,
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }


def _plain_http(on: Archive) -> Event:
    def change(statements: list[dict[str, Any]]) -> None:
        statements[:] = [one for one in statements if "aws:SecureTransport" not in json.dumps(one)]

    return on.policy(change)


def _any_trail(on: Archive) -> Event:
    def change(statements: list[dict[str, Any]]) -> None:
        for one in statements:
            one.get("Condition", {}).get("StringEquals", {}).pop("aws:SourceArn", None)
            if one.get("Condition") == {"StringEquals": {}}:
                del one["Condition"]

    return on.policy(change)


def _locks(on: Archive, **configuration: Any) -> Event:
    on.lift()
    lock = {"ObjectLockEnabled": "Enabled", **configuration}
    on.s3.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration=lock)
    return on_bucket("PutBucketObjectLockConfiguration", ObjectLockConfiguration=lock)


def _lock_shortened(on: Archive) -> Event:
    return _locks(on, Rule={"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}})


def _empty(on: Archive) -> None:
    """Delete every version, which GOVERNANCE lets an administrator do whom no guard holds."""
    for page in on.s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET):
        versions = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in page.get("Versions", [])]
        gone = on.s3.delete_objects(
            Bucket=BUCKET, Delete={"Objects": versions}, BypassGovernanceRetention=True
        )
        assert "Errors" not in gone


def _lifecycle_deleted(on: Archive) -> Event:
    on.lift()
    on.s3.delete_bucket_lifecycle(Bucket=BUCKET)
    return on_bucket("DeleteBucketLifecycle")


def _early_expiry(on: Archive) -> Event:
    on.lift()
    rule = {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 7}}
    rules = [*on.s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"], rule]
    on.s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})
    return on_bucket("PutBucketLifecycle", LifecycleConfiguration={"Rule": rules})


def _tags_deleted(on: Archive) -> Event:
    on.lift()
    on.s3.delete_bucket_tagging(Bucket=BUCKET)
    return on_bucket("DeleteBucketTagging")


def _redirected(on: Archive) -> Event:
    theirs = on.sandbox.client("s3", "333333333333")
    place = {"LocationConstraint": on.sandbox.region}
    theirs.create_bucket(Bucket="elsewhere", CreateBucketConfiguration=place)
    document = json.dumps(delivery_policy(on.sandbox, "elsewhere")).replace("org-trail", "trailkeep")
    theirs.put_bucket_policy(Bucket="elsewhere", Policy=document)
    return on.trail(S3BucketName="elsewhere")


def _stopped(on: Archive) -> Event:
    on.cloudtrail.stop_logging(Name="trailkeep")
    return event("cloudtrail", "StopLogging", {"name": "trailkeep"})


def _trail_deleted(on: Archive) -> Event:
    on.cloudtrail.delete_trail(Name="trailkeep")
    return event("cloudtrail", "DeleteTrail", {"name": "trailkeep"})


def _only_writes(on: Archive) -> Event:
    selector = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}
    on.cloudtrail.put_event_selectors(TrailName="trailkeep", EventSelectors=[selector])
    asked = {"readWriteType": "WriteOnly", "includeManagementEvents": True}
    return event("cloudtrail", "PutEventSelectors", {"trailName": "trailkeep", "eventSelectors": [asked]})


def _without_kms(on: Archive) -> Event:
    fields = {"eventCategory": ["Management"]}
    selected = [{"Field": name, "Equals": values} for name, values in fields.items()]
    left_out = {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]}
    selectors = [{"Name": "quiet", "FieldSelectors": [*selected, left_out]}]
    on.cloudtrail.put_event_selectors(TrailName="trailkeep", AdvancedEventSelectors=selectors)
    asked = [{"field": "eventCategory", "equals": ["Management"]}]
    asked.append({"field": "eventSource", "notEquals": ["kms.amazonaws.com"]})
    recorded = [{"name": "quiet", "fieldSelectors": asked}]
    return event(
        "cloudtrail", "PutEventSelectors", {"trailName": "trailkeep", "advancedEventSelectors": recorded}
    )


def _guards_lifted(on: Archive) -> Event:
    on.lift()
    asked = {"policyId": on.scp(), "targetId": LOG_ARCHIVE_ACCOUNT_ID}
    return event("organizations", "DetachPolicy", asked)


def _scp_deleted(on: Archive) -> tuple[Event, ...]:
    policy = on.scp()
    on.lift()
    on.organizations.delete_policy(PolicyId=policy)
    summary = {"policy": {"policySummary": {"id": policy, "name": ARCHIVE_SCP}}}
    return (
        event("organizations", "CreatePolicy", {"name": ARCHIVE_SCP, "type": SCP}, summary),
        event("organizations", "DeletePolicy", {"policyId": policy}),
    )


def _scps_disabled(on: Archive) -> Event:
    root = on.root
    on.organizations.disable_policy_type(RootId=root, PolicyType=SCP)
    return event("organizations", "DisablePolicyType", {"rootId": root, "policyType": SCP})


def _trust_off(on: Archive) -> Event:
    service = "cloudtrail.amazonaws.com"
    on.organizations.disable_aws_service_access(ServicePrincipal=service)
    return event("organizations", "DisableAWSServiceAccess", {"servicePrincipal": service})


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One change, and what the plan must say of it: ``says`` in the reason of the first line.

    ``change`` returns what CloudTrail records of it; the last event is the one that made the drift.
    ``undo`` is what a human does where no action repairs it.
    """

    change: Callable[[Archive], Event | tuple[Event, ...]]
    says: str
    actions: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    allow: tuple[Allowance, ...] = ()
    concerns: tuple[str, ...] = field(default=())
    undo: Callable[[Archive], object] | None = None


DRIFTS = {
    "public_access_block_removed": Drift(
        change=_block_removed, says="public access", actions=("bucket.public_access", *SCP_BACK)
    ),
    "public_access_switch_off": Drift(
        change=_switch_off, says="public access", actions=("bucket.public_access", *SCP_BACK)
    ),
    "account_block_removed": Drift(
        change=_account_block_removed,
        says="of the account may ever become public",
        actions=("account.public_access", *SCP_BACK),
    ),
    "acls_switched_on": Drift(
        change=_acls_on, says="access lists are on", actions=("bucket.ownership", *SCP_BACK)
    ),
    "ownership_controls_deleted": Drift(
        change=_ownership_deleted, says="access lists are on", actions=("bucket.ownership", *SCP_BACK)
    ),
    "bucket_policy_deleted": Drift(
        change=_policy_deleted,
        says="bucket policy",
        actions=("bucket.policy", "bucket.policy.arm", *SCP_BACK),
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
    "lifecycle_deleted": Drift(
        change=_lifecycle_deleted, says="lifecycle rules", actions=("bucket.lifecycle", *SCP_BACK)
    ),
    "tags_deleted": Drift(
        change=_tags_deleted, says="who looks at the bucket", actions=("bucket.tags", *SCP_BACK)
    ),
    "trail_stopped": Drift(change=_stopped, says="stopped", actions=("trail.start",)),
    "trail_deleted": Drift(
        change=_trail_deleted,
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
    "reads_are_not_recorded": Drift(
        change=_only_writes, says="missing, or in part", actions=("trail.event_selectors",)
    ),
    "keys_are_not_recorded": Drift(
        change=_without_kms, says="missing, or in part", actions=("trail.event_selectors",)
    ),
    "guard_detached": Drift(change=_guards_lifted, says=ARCHIVE_SCP, actions=SCP_BACK),
    "members_guard_detached": Drift(
        change=lambda on: on.detach(MEMBER_SCP, SCP, on.root), says=MEMBER_SCP, actions=("members.attach",)
    ),
    "guard_weakened": Drift(
        change=lambda on: on.rewrite(ARCHIVE_SCP, SCP, lambda statements: statements.pop(0)),
        says=ARCHIVE_SCP,
        actions=("scp.update",),
    ),
    "resource_guard_weakened": Drift(
        change=lambda on: on.rewrite(ARCHIVE_RCP, RCP, lambda statements: statements.pop(0)),
        says=ARCHIVE_RCP,
        actions=("rcp.update",),
    ),
    "guard_deleted": Drift(
        change=_scp_deleted, says="service control policy", actions=("scp.create", *SCP_BACK)
    ),
    "guards_disabled": Drift(
        change=_scps_disabled,
        says="service control policies",
        actions=("scp.enable", "scp.attach", "members.attach"),
    ),
    "trusted_access_off": Drift(change=_trust_off, says="trusted access", actions=("trust.enable",)),
}
CONCERNS = {
    "logs_expire_early": Drift(
        change=_early_expiry,
        says="tidy",
        actions=SCP_BACK,
        concerns=(f"bucket {BUCKET}",),
        undo=_lifecycle_deleted,
    ),
    "foreign_account_may_read": Drift(
        change=_stranger_may_read,
        says=STRANGER,
        actions=SCP_BACK,
        concerns=(f"bucket {BUCKET}",),
        undo=_policy_deleted,
    ),
}


def _all(made: Event | tuple[Event, ...]) -> tuple[Event, ...]:
    return (made,) if isinstance(made, Event) else made


@pytest.mark.parametrize("name", DRIFTS)
def test_drift_is_found_and_repaired(archive: Archive, name: str) -> None:
    """One change is found as exactly these actions, explained by its reason and its author, and repaired."""
    drift = DRIFTS[name]
    events = _all(drift.change(archive))
    found = archive.plan()
    assert tuple(action.id for action in found.actions) == drift.actions
    assert tuple(blocked.action.id for blocked in found.blocked) == drift.blocked
    assert tuple(concern.subject for concern in found.concerns) == drift.concerns
    assert found.unknown == ()
    first = found.blocked[0] if found.blocked else found.actions[0]
    assert drift.says in first.reason
    line = drift.blocked[0] if drift.blocked else drift.actions[0]
    assert archive.authors(found, *events)[line] == (MALLORY, events[-1].name, AT)
    assert {blocked.allow for blocked in found.blocked} == set(drift.allow)
    done = archive.apply(*drift.allow)
    assert {action.id for action in done.performed} == {*drift.actions, *drift.blocked}
    assert archive.is_quiet()


@pytest.mark.parametrize("name", CONCERNS)
def test_what_no_action_repairs_is_a_concern(archive: Archive, name: str) -> None:
    """A change that apply cannot repair is found, explained, and stays a concern after apply until a human acts."""
    drift = CONCERNS[name]
    events = _all(drift.change(archive))
    found = archive.plan()
    assert tuple(action.id for action in found.actions) == drift.actions
    assert tuple(concern.subject for concern in found.concerns) == drift.concerns
    assert drift.says in found.concerns[0].observed
    assert found.concerns[0].remedy
    assert archive.authors(found, *events)[drift.concerns[0]] == (MALLORY, events[-1].name, AT)
    archive.apply()
    left = archive.plan()
    assert left.actions == ()
    assert left.concerns == found.concerns
    assert drift.undo
    drift.undo(archive)
    archive.apply()
    assert archive.is_quiet()


def test_deleted_bucket_comes_back(archive: Archive) -> None:
    """A bucket that was emptied and deleted is built and guarded by apply, and locked once a log has arrived."""
    archive.lay_open()
    _empty(archive)
    archive.s3.delete_bucket(Bucket=BUCKET)
    found = archive.plan(arm=False)
    assert found.actions[0].id == "bucket.create"
    assert "no bucket of this name" in found.actions[0].reason
    made = on_bucket("DeleteBucket")
    assert archive.authors(found, made)["bucket.create"] == (MALLORY, "DeleteBucket", AT)
    archive.apply(arm=False)
    deliver_logs(archive.sandbox)
    assert [one.action.id for one in archive.plan().blocked] == ["bucket.object_lock", "bucket.policy.arm"]
    archive.apply(Allowance.LIFT_GUARDS)
    assert archive.is_quiet()


def test_versioning_cannot_drift(archive: Archive) -> None:
    """Versioning of a bucket with Object Lock cannot be suspended, even by who has detached the guard."""
    archive.lift()
    with refused("InvalidBucketState"):
        archive.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    archive.apply()
    assert archive.is_quiet()


def test_a_prefix_cannot_drift_alone(archive: Archive) -> None:
    """CloudTrail refuses a prefix for which the bucket policy does not let the trail deliver."""
    with refused("InsufficientS3BucketPolicyException"):
        archive.trail(S3KeyPrefix="elsewhere")
    assert archive.is_quiet()


@pytest.mark.parametrize("name", ["public_access_block_removed", "retention_shortened"])
def test_the_guard_refuses_drift(archive: Archive, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the guard is attached an administrator of the archive account cannot make the same change."""
    monkeypatch.setattr(Archive, "lift", lambda _: None)
    with refused("AccessDenied", "service control policy"):
        DRIFTS[name].change(archive)
    assert archive.is_quiet()
