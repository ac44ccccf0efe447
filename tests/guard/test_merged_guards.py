"""Guards inside policies of others, as the audit judges them: by what they refuse, not by where they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from audits import facts, subject, unarmed
from estates import config, in_force, planned, with_facts
from trailkeep.guard.attached import AttachedPolicies
from trailkeep.guard.control import Outcome
from trailkeep.guard.controls import audit, subject_of
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.effective import Threat, effective
from trailkeep.guard.estate import Bucket, Estate
from trailkeep.guard.guard_documents import RCP, SCP
from trailkeep.guard.model import apply_all
from trailkeep.guard.quotas import QUOTAS

_FIELDS = {SCP: "service_control_policies", RCP: "resource_control_policies"}
_SETTINGS = config({"guards.member_scp": False})
_THEIRS = {"Sid": "Theirs", "Effect": "Deny", "Action": "sqs:*", "Resource": "*"}


def _full(kind: str, *, alone: bool) -> Estate:
    """Return an organization whose archive account takes no more policies of a type, and lacks our guard.

    ``alone``: no other layer denies anything, so that only the guard which is merged can hold.
    """
    statement = {**_THEIRS, "Principal": "*"} if kind == RCP else _THEIRS
    content = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    teams = [
        {
            "fact": "Policy",
            "id": f"p-team{number}",
            "name": f"team-{number}",
            "aws_managed": False,
            "content": content,
            "targets": ["222222222222"],
        }
        for number in range(QUOTAS[kind].attached - (kind == SCP))
    ]
    full = json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    )
    allow: dict[str, Any] = {
        "fact": "Policy",
        "id": "p-FullAWSAccess",
        "name": "FullAWSAccess",
        "aws_managed": True,
        "content": full,
        "targets": ["r-root", "ou-root-security", "222222222222", "333333333333"],
    }
    changes: dict[str, Any] = {_FIELDS[kind]: [*([allow] if kind == SCP else []), *teams]}
    estate = with_facts(in_force(), changes)
    if not alone:
        return estate
    other = _FIELDS[RCP if kind == SCP else SCP]
    estate = with_facts(estate, {other: [allow] if kind == RCP else []})
    assert isinstance(estate.bucket, Bucket)
    return replace(estate, bucket=replace(estate.bucket, policy=unarmed(estate)))


def _merged(kind: str, *, alone: bool = False) -> Estate:
    """Return the same after the plan that merges the guard, with the other layers as they were."""
    estate = _full(kind, alone=False)
    plan = planned(_SETTINGS, estate, Allowance.MERGE_GUARDS)
    assert [type(action).__name__ for action in plan.actions] == ["UpdatePolicy"]
    merged = apply_all(estate, plan.actions)
    bare = _full(kind, alone=alone)
    return replace(bare, **{_FIELDS[kind]: getattr(merged, _FIELDS[kind])})


@pytest.mark.parametrize("kind", [SCP, RCP])
def test_a_guard_that_is_merged_is_effective(kind: str) -> None:
    """Every control that asks whether guards hold passes where a guard is part of somebody else's policy."""
    estate = _merged(kind)
    found = audit(
        subject_of(estate, facts(), subject({}).status, config=_SETTINGS, framework=None, now=subject({}).now)
    )
    outcomes = {one.control.id: one.answer.outcome for one in found.results}
    held = ("guards.destroy", "guards.forge", "guards.reconfigure", "guards.membership")
    assert {name: outcomes[name] for name in held} == dict.fromkeys(held, Outcome.PASS)


def test_a_merged_guard_holds_alone() -> None:
    """With no other layer left the merged statements alone refuse the archive's own callers, and theirs do not."""
    without, merged = _full(SCP, alone=True), _merged(SCP, alone=True)
    before = effective(AttachedPolicies(without), Threat.LEAVE)
    assert isinstance(before, tuple)
    assert {gap.action for gap in before} >= {"organizations:LeaveOrganization"}
    assert effective(AttachedPolicies(merged), Threat.LEAVE) == ()
    root = effective(AttachedPolicies(merged), Threat.UNLOCK_AS_ROOT)
    assert root == ()
    assert effective(AttachedPolicies(without), Threat.UNLOCK_AS_ROOT)
