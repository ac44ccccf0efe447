"""A guard is only ever extended: whatever configurations follow each other, what was denied stays denied."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as run_with
from hypothesis import strategies as st
from msgspec.structs import replace

from estates import config, in_force, nothing, planned, with_facts
from trailkeep.core.config import Config
from trailkeep.guard.changes import DetachPolicy, UpdatePolicy, UpdateTrail
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Absent, Bucket, Estate, Unreadable
from trailkeep.guard.evaluate import (
    FULL_AWS_ACCESS,
    Decision,
    Layers,
    Principal,
    PrincipalKind,
    Request,
    evaluate,
)
from trailkeep.guard.model import apply_all
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.statement import Policy

_ON_OBJECTS = (
    "s3:BypassGovernanceRetention",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:GetObject",
    "s3:PutObject",
    "s3:PutObjectRetention",
    "s3:RestoreObject",
)
_ON_BUCKETS = ("s3:DeleteBucket", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration")
_ON_ACCOUNTS = ("organizations:LeaveOrganization", "s3:PutAccountPublicAccessBlock", "s3:CreateJob")

_CONFIGS = st.builds(
    lambda bucket, account, scp, days: config(
        {
            "archive.bucket": bucket,
            "archive.account": account,
            "guards.scp": scp,
            "retention.days": days,
        }
    ),
    st.sampled_from(["acme-trail-archive", "new-archive", "third-archive"]),
    st.sampled_from(["222222222222", "333333333333"]),
    st.booleans(),
    st.integers(1, 800),
)
_STRICTER = {
    "Sid": "ArchiveReadOnly",
    "Effect": "Deny",
    "NotAction": "s3:List*",
    "Resource": "arn:aws:s3:::*",
}
_CONTENTS = st.sampled_from([None, {"Version": "2012-10-17", "Statement": [_STRICTER]}])


@given(st.lists(_CONFIGS, min_size=2, max_size=4), _CONTENTS)
def test_what_root_was_denied_stays_denied(settings: list[Config], content: object) -> None:
    """No configuration after another gives the first archive's root an action on its bucket back."""
    organization = _Organization()
    organization.apply(settings[0])
    if content:
        organization.rewrite(json.dumps(content))
    for earlier, later in pairwise(settings):
        denied = _denied(organization.estate, earlier)
        organization.apply(later)
        assert denied <= _denied(organization.estate, earlier)


@run_with(deadline=None)
@given(
    st.lists(st.sampled_from(["trailkeep", "second", "third"]), min_size=2, max_size=4),
    st.booleans(),
    st.sets(st.sampled_from([Allowance.LIFT_GUARDS, Allowance.WEAKEN_GUARDS])),
)
def test_no_guard_refuses_the_trail_that_is_there(
    names: list[str],
    scp: bool,  # noqa: FBT001 - hypothesis' argument
    allow: set[Allowance],
) -> None:
    """Whatever names a trail gets in turn, none is made that the resource control policy then refuses."""
    organization = _Organization()
    for name in names:
        settings = config({"trail.name": name, "guards.scp": scp})
        known = _trails(organization.estate)
        organization.apply(settings, *allow)
        if _trails(organization.estate) != known:
            concerns = planned(settings, organization.seen_by(settings)).concerns
            assert not any("resource control policy" in one.subject for one in concerns)


@given(_CONFIGS, _CONFIGS)
def test_a_trail_is_not_redirected(first: Config, second: Config) -> None:
    """No configuration after another takes a trail from its bucket, or detaches a guard, without an option."""
    organization = _Organization()
    organization.apply(first)
    plan = planned(second, organization.seen_by(second))
    assert not any(
        isinstance(action, DetachPolicy)
        or (isinstance(action, UpdateTrail) and action.bucket != first.archive.bucket)
        for action in plan.actions
    )


@given(_CONFIGS)
def test_guards_wait_for_their_bucket(settings: Config) -> None:
    """The guard is not extended to a bucket that cannot be built because of the guard."""
    organization = _Organization()
    organization.apply(config())
    plan = planned(settings, organization.seen_by(settings))
    blocked = any(one.action.id.startswith("bucket.") for one in plan.blocked)
    assert not (blocked and any(isinstance(action, UpdatePolicy) for action in plan.actions))


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_lifting_survives_a_crash(count: int) -> None:
    """After guards were lifted and apply died, the next plan puts each where it was."""
    drifted = with_facts(in_force(), {"bucket.versioning": "Suspended"})
    lifted = planned(config(), drifted, Allowance.LIFT_GUARDS)
    died = apply_all(drifted, lifted.actions[:count])
    assert died != drifted
    repaired = count > 1
    again = apply_all(died, planned(config(), died).actions)
    assert again == (in_force() if repaired else drifted)


class _Organization:
    """An organization that several configurations are applied to, one after the other."""

    def __init__(self) -> None:
        self.estate = nothing()
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def seen_by(self, settings: Config) -> Estate:
        """Return what observing for a configuration finds."""
        key = (settings.archive.account, settings.archive.bucket)
        return replace(
            self.estate,
            archive_account=settings.archive.account,
            bucket=self._buckets.get(key, Absent()),
        )

    def apply(self, settings: Config, *allow: Allowance) -> None:
        """Perform the plan, without any allowance but these."""
        seen = self.seen_by(settings)
        self.estate = apply_all(seen, planned(settings, seen, *allow).actions)
        if isinstance(self.estate.bucket, Bucket):
            self._buckets[settings.archive.account, settings.archive.bucket] = self.estate.bucket

    def rewrite(self, content: str) -> None:
        """Give our policy another content, where there is one."""
        assert not isinstance(self.estate.service_control_policies, Unreadable)
        if len(self.estate.service_control_policies) > 1:
            self.estate = with_facts(self.estate, {"service_control_policies.1.content": content})


def _trails(estate: Estate) -> int:
    return 0 if isinstance(estate.trails, Unreadable) else len(estate.trails)


def _denied(estate: Estate, settings: Config) -> set[tuple[str, str]]:
    """Return which actions on the archive of ``settings`` its account's root user is denied."""
    bucket, account = f"arn:aws:s3:::{settings.archive.bucket}", settings.archive.account
    point = f"arn:aws:s3:eu-central-1:{account}:accesspoint/p"
    asked = [(action, f"{bucket}/AWSLogs/x.json.gz") for action in _ON_OBJECTS]
    asked += [(action, bucket) for action in _ON_BUCKETS]
    asked += [("s3:DeleteAccessPoint", point), ("s3:PutAccessPointPolicy", point)]
    asked += [(action, "*") for action in _ON_ACCOUNTS]
    layers = Layers(scps=_levels(estate, account), management_account_id="111111111111")
    root = Principal(kind=PrincipalKind.ROOT, account_id=account)
    return {
        (action, resource)
        for action, resource in asked
        if evaluate(
            Request(principal=root, action=action, resource=resource, resource_account_id=account), layers
        ).decision
        is not Decision.ALLOW
    }


def _levels(estate: Estate, account: str) -> tuple[tuple[Policy, ...], ...]:
    """Return the policies on the path of an account; AWS attaches FullAWSAccess at every level."""
    assert not isinstance(estate.units, Unreadable)
    assert not isinstance(estate.accounts, Unreadable)
    parents = {unit.id: unit.parent for unit in estate.units}
    parents |= {member.id: member.parent for member in estate.accounts}
    path = [account]
    while path[-1] in parents:
        path.append(parents[path[-1]])
    return tuple((FULL_AWS_ACCESS, *_attached(estate, node)) for node in path)


def _attached(estate: Estate, node: str) -> list[Policy]:
    assert not isinstance(estate.service_control_policies, Unreadable)
    return [
        parse_policy(policy.content, name=policy.name)
        for policy in estate.service_control_policies
        if isinstance(policy.content, str)
        and not isinstance(policy.targets, Unreadable)
        and node in policy.targets
    ]
