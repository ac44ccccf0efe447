"""The catalogue against real guards: each threat is asked of the evaluator, for one caller of every class."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from estates import in_force
from trailkeep.guard.documents import archive_scp
from trailkeep.guard.estate import Bucket
from trailkeep.guard.evaluate import (
    FULL_AWS_ACCESS,
    Decision,
    Layers,
    Principal,
    PrincipalKind,
    Request,
    evaluate,
)
from trailkeep.guard.guard_documents import archive_rcp, member_scp
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.statement import Policy
from trailkeep.guard.threat import Attacker, Call, Names, Target, Threat
from trailkeep.guard.threats import BY_ID, THREATS

MANAGEMENT, ARCHIVE, MEMBER, OUTSIDE = "111111111111", "222222222222", "333333333333", "999999999999"
TRAIL = f"arn:aws:cloudtrail:eu-central-1:{MANAGEMENT}:trail/org-trail"
NAMES = Names(
    partition="aws",
    region="eu-central-1",
    organization="o-abcdef1234",
    management_account=MANAGEMENT,
    archive_account=ARCHIVE,
    bucket="acme-ct-archive-222222222222-eu-central-1-an",
    log="AWSLogs/o-abcdef1234/222222222222/CloudTrail/eu-central-1/2026/11/24/a.json.gz",
    key="11112222-3333-4444-5555-666677778888",
    key_region="eu-central-1",
    key_account=ARCHIVE,
    trail="org-trail",
    trail_region="eu-central-1",
    name="any",
)


def _iam(account: str) -> Principal:
    return Principal(kind=PrincipalKind.IAM, arn=f"arn:aws:iam::{account}:role/Admin")


def _root(account: str) -> Principal:
    return Principal(kind=PrincipalKind.ROOT, arn=f"arn:aws:iam::{account}:root", account_id=account)


ONE_OF = {
    Attacker.ARCHIVE_ROOT: _root(ARCHIVE),
    Attacker.ARCHIVE_IAM: _iam(ARCHIVE),
    Attacker.MEMBER_ROOT: _root(MEMBER),
    Attacker.MEMBER_IAM: _iam(MEMBER),
    Attacker.MANAGEMENT_ROOT: _root(MANAGEMENT),
    Attacker.MANAGEMENT_IAM: _iam(MANAGEMENT),
    Attacker.DELEGATE: _iam(MEMBER),
    Attacker.OUTSIDER: _iam(OUTSIDE),
    Attacker.SERVICE_LINKED_ROLE: Principal(
        kind=PrincipalKind.SERVICE_LINKED_ROLE,
        arn=f"arn:aws:iam::{ARCHIVE}:role/aws-service-role/any.amazonaws.com/AWSServiceRoleForAny",
    ),
    Attacker.OTHER_TRAIL: Principal(kind=PrincipalKind.SERVICE, service="cloudtrail.amazonaws.com"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """The policies around an archive; every identity is an administrator."""

    names: Names
    bucket: Policy
    key: Policy | None = None
    archive: tuple[Policy, ...] = ()
    organization: tuple[Policy, ...] = ()
    resources: tuple[Policy, ...] = ()

    def allow(self, call: Call, attacker: Attacker) -> bool:
        """Say whether an attacker of a class may make a call."""
        principal = ONE_OF[attacker]
        names = replace(self.names, member_account=principal.account)
        # whoever administers for the management account acts as if its resources were their own
        owner = principal.account if attacker is Attacker.DELEGATE else call.target.owner(names)
        context = {"aws:SecureTransport": ("true",)}
        if attacker is Attacker.OTHER_TRAIL:
            context["aws:SourceArn"] = (f"arn:aws:cloudtrail:eu-central-1:{OUTSIDE}:trail/any",)
            context["s3:x-amz-acl"] = ("bucket-owner-full-control",)
        request = Request(
            principal=principal,
            action=call.action,
            resource=call.target.resource(names),
            resource_account_id=owner or principal.account,
            context=context,
        )
        layers = Layers(
            scps=tuple(self._scps(principal.account)),
            rcps=((FULL_AWS_ACCESS, *self.resources),) if owner == ARCHIVE else (),
            resource_policy={Target.BUCKET: self.bucket, Target.LOG: self.bucket, Target.KEY: self.key}.get(
                call.target
            ),
            management_account_id=MANAGEMENT,
        )
        return evaluate(request, layers).decision is Decision.ALLOW

    def _scps(self, account: str) -> Iterator[tuple[Policy, ...]]:
        if account in {ARCHIVE, MEMBER}:
            yield (FULL_AWS_ACCESS, *self.organization)
        if account == ARCHIVE:
            yield (FULL_AWS_ACCESS, *self.archive)

    def leave_open(self, threat: Threat, attacker: Attacker) -> bool:
        """Say whether an attacker may make every call of a way."""
        return any(
            all(
                call.elsewhere or (attacker in (call.only or threat.attackers) and self.allow(call, attacker))
                for call in way
            )
            for way in threat.ways
        )

    def open_to(self) -> dict[str, set[Attacker]]:
        """Return every threat that is open, and to whom, of those whom a policy could bind."""
        found = {
            threat.id: {one for one in threat.attackers - threat.unbound if self.leave_open(threat, one)}
            for threat in THREATS
        }
        return {name: attackers for name, attackers in found.items() if attackers}


@pytest.fixture(name="guard_set")
def _guard_set(shared_data: Path) -> Guards:
    def read(name: str) -> Policy:
        return parse_policy((shared_data / "guard-set" / name).read_text(), name=name)

    return Guards(
        names=NAMES,
        bucket=read("bucket-policy.json"),
        key=read("key-policy.json"),
        archive=(read("scp-archive.json"),),
        organization=(read("scp-organization.json"),),
        resources=(read("rcp-archive.json"),),
    )


def test_the_guard_set_leaves_nothing_open(guard_set: Guards) -> None:
    """With the guard set nobody below the management account can do any threat that policies decide."""
    assert {one for attackers in guard_set.open_to().values() for one in attackers} == {
        Attacker.SERVICE_LINKED_ROLE
    }
    assert {BY_ID[name].family.value for name in guard_set.open_to()} == {"key"}


def test_without_organization_policies_threats_are_open(guard_set: Guards) -> None:
    """The bucket policy alone leaves its own change to root, and everything outside of S3 to everybody."""
    alone = replace(guard_set, archive=(), organization=(), resources=())
    found = alone.open_to()
    assert found["change-bucket-policy"] == {Attacker.ARCHIVE_ROOT}
    assert "delete-version" not in found
    assert Attacker.MEMBER_ROOT in found["leave-organization"]


def test_the_common_recipe_leaves_most_open(shared_data: Path) -> None:
    """With the recipe root of the archive account deletes versions, and any trail writes into the bucket."""
    folder = shared_data / "common-recipe"
    recipe = Guards(
        names=replace(NAMES, bucket="gov-my-cloudtrail", log="AWSLogs/o-YOUR-ORGANIZATIONS-ID/a.json.gz"),
        bucket=parse_policy((folder / "bucket-policy.json").read_text(), name="bucket-policy.json"),
        archive=(parse_policy((folder / "scp.json").read_text(), name="scp.json"),),
    )
    found = recipe.open_to()
    assert found["delete-version"] >= {Attacker.ARCHIVE_ROOT, Attacker.ARCHIVE_IAM}
    assert found["foreign-trail-writes"] == {Attacker.OTHER_TRAIL}
    assert found["requester-pays"] >= {Attacker.ARCHIVE_ROOT}
    assert found["change-bucket-policy"] == {Attacker.SERVICE_LINKED_ROLE}


def test_our_guards_leave_nothing_open_below_management() -> None:
    """Our guards bind everybody below management but service-linked roles, and delegates of Organizations too."""
    estate = in_force()
    assert isinstance(estate.bucket, Bucket)
    bucket = estate.bucket.name
    ours = Guards(
        names=replace(
            NAMES, bucket=bucket, organization="o-exampleorgid", log="AWSLogs/o-exampleorgid/a.json.gz"
        ),
        bucket=parse_policy(str(estate.bucket.policy), name="bucket-policy"),
        archive=(
            parse_policy(
                json.dumps(archive_scp(partition="aws", bucket=bucket, archive_account=ARCHIVE)), name="scp"
            ),
        ),
        organization=(parse_policy(json.dumps(member_scp(partition="aws", trail=TRAIL)), name="member"),),
        resources=(
            parse_policy(
                json.dumps(archive_rcp(partition="aws", bucket=bucket, archive_account=ARCHIVE, trail=TRAIL)),
                name="rcp",
            ),
        ),
    )
    bound = {
        name: attackers - {Attacker.SERVICE_LINKED_ROLE}
        for name, attackers in ours.open_to().items()
        if BY_ID[name].family.value != "key"
    }
    assert {name: attackers for name, attackers in bound.items() if attackers} == {}
    assert replace(ours, organization=()).open_to()["detach-guards"] >= {Attacker.DELEGATE}


def test_a_deny_fewer_opens_something(guard_set: Guards) -> None:
    """Each layer of the guard set decides: without any one of them more is open than with all."""
    whole = guard_set.open_to()
    without_scps = replace(guard_set, archive=()).open_to()
    assert without_scps["close-account"] == {Attacker.ARCHIVE_ROOT, Attacker.ARCHIVE_IAM}
    without_root = replace(guard_set, organization=()).open_to()
    assert without_root["stop-trail"] == {Attacker.DELEGATE}
    assert {"close-account", "stop-trail"} & whole.keys() == set()
