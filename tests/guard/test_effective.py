"""Whether guards hold, asked of whom and with what: the probes, and what a gap says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from audits import subject, unarmed
from estates import in_force
from trailkeep.guard.attached import AttachedPolicies
from trailkeep.guard.effective import Threat, effective, refuses_plaintext
from trailkeep.guard.estate import Account, Estate, Policy, Unit, Unreadable
from trailkeep.guard.probe_callers import members
from trailkeep.guard.trail_access import deliveries, stranger_trail

OURS = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep"
STRANGER = stranger_trail("aws")


def large() -> Estate:
    """Return the armed organization with 2,000 more accounts in 20 more units, of which one has a policy."""
    start = in_force()
    assert not isinstance(start.units, Unreadable)
    assert not isinstance(start.accounts, Unreadable)
    assert not isinstance(start.service_control_policies, Unreadable)
    units = tuple(Unit(id=f"ou-{number}", name="x", parent="r-root") for number in range(20))
    accounts = tuple(
        Account(
            id=str(400_000_000_000 + number), name="", email="", status="ACTIVE", parent=f"ou-{number % 20}"
        )
        for number in range(2000)
    )
    regions = Policy(
        id="p-regions",
        name="regions",
        aws_managed=False,
        content='{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"ec2:*","Resource":"*"}}',
        targets=("ou-7",),
    )
    return replace(
        start,
        units=(*start.units, *units),
        accounts=(*start.accounts, *accounts),
        service_control_policies=(*start.service_control_policies, regions),
    )


def with_trail_guard_on(estate: Estate, *targets: str) -> AttachedPolicies:
    """Return the policies with the guard of the trail attached elsewhere."""
    assert not isinstance(estate.service_control_policies, Unreadable)
    policies = tuple(
        replace(policy, targets=targets) if policy.name == "trailkeep-organization" else policy
        for policy in estate.service_control_policies
    )
    return AttachedPolicies(replace(estate, service_control_policies=policies))


def test_one_member_is_asked_for_each_set_of_policies() -> None:
    """However many accounts there are, one is asked for each different set of policies on a path."""
    asked = members(AttachedPolicies(large()))
    assert len(asked) == 4
    assert "111111111111" not in asked


def test_every_delegated_administrator_is_asked() -> None:
    """A delegated administrator is asked itself, although another account stands for its policies."""
    estate = replace(large(), delegated_administrators=("400000001999",))
    assert "400000001999" in members(AttachedPolicies(estate))


def test_a_unit_without_the_guard_is_found() -> None:
    """A guard that hangs on some units only is a gap for the members of the others."""
    assert effective(AttachedPolicies(large()), Threat.STOP) == ()
    units = [f"ou-{number}" for number in range(20) if number != 13]
    gaps = effective(with_trail_guard_on(large(), "ou-root-security", *units), Threat.STOP)
    assert not isinstance(gaps, Unreadable)
    callers = {gap.caller for gap in gaps}
    assert callers
    assert all("400000000013" in caller or "333333333333" in caller for caller in callers)


def test_a_service_control_policy_without_allow_guards_too() -> None:
    """Where no policy on a path allows a call it is refused, as by an explicit deny."""
    case: dict[str, Any] = {
        "unarmed": True,
        "estate": {"service_control_policies.1.targets": [], "resource_control_policies": []},
    }
    only_reads = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"*"}}'
    gaps = effective(subject(case).attached, Threat.DESTROY)
    assert not isinstance(gaps, Unreadable)
    assert gaps
    case["estate"]["service_control_policies.0.content"] = only_reads
    assert effective(subject(case).attached, Threat.DESTROY) == ()


def test_a_policy_that_is_none_is_unreadable() -> None:
    """A policy document that cannot be understood makes everything unknown that it may bear on."""
    broken = subject({"estate": {"service_control_policies.1.content": "{"}})
    found = effective(broken.attached, Threat.DESTROY)
    assert isinstance(found, Unreadable)
    assert "trailkeep-archive" in found.error


def test_a_broken_policy_that_hangs_nowhere_bears_on_nothing() -> None:
    """What is attached to nothing is not read."""
    estate = {"service_control_policies.1.content": "{", "service_control_policies.1.targets": []}
    assert not isinstance(effective(subject({"estate": estate}).attached, Threat.STOP), Unreadable)


@pytest.mark.parametrize(
    ("drop", "allowed"),
    [
        ((), set()),
        (("aws:SourceArn",), {"write to AWSLogs/111111111111/", "write to AWSLogs/o-exampleorgid/"}),
    ],
)
def test_the_path_keeps_no_stranger_out(drop: tuple[str, ...], allowed: set[str]) -> None:
    """A stranger's trail writes into our folders unless aws:SourceArn keeps it out; ours always may."""
    start = in_force()
    policy: dict[str, Any] = json.loads(unarmed(start))
    for statement in policy["Statement"]:
        for key in drop:
            statement["Condition"].get("StringEquals", {}).pop(key, None)
        if statement["Condition"] == {"StringEquals": {}}:
            del statement["Condition"]
    case = {"estate": {"bucket.policy": json.dumps(policy), "resource_control_policies": []}}
    attached = subject(case).attached
    theirs = deliveries(attached, "s3", trail=STRANGER, prefix="")
    ours = deliveries(attached, "s3", trail=OURS, prefix="")
    assert not isinstance(theirs, Unreadable)
    assert not isinstance(ours, Unreadable)
    assert all(one.is_allowed for one in ours)
    assert {one.name for one in theirs if one.is_allowed and one.action == "s3:PutObject"} == allowed


def test_a_prefix_is_part_of_the_path() -> None:
    """A trail with a prefix writes below it, where a policy without the prefix refuses it."""
    found = deliveries(subject({}).attached, "s3", trail=OURS, prefix="logs")
    assert not isinstance(found, Unreadable)
    assert [one.is_allowed for one in found] == [True, False, False]


def test_no_bucket_refuses_nothing() -> None:
    """Without a bucket there is nothing that would refuse plain text."""
    assert refuses_plaintext(subject({"base": "nothing"}).attached) is False
