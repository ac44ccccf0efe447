"""Estates: what is in force is proved, and what could not be read never is."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estates import config, in_force, nothing, planned
from trailkeep.guard.estate import Absent, Account, Bucket, Estate, Policy, Unasked, Unreadable
from trailkeep.guard.evaluate import Decision, Layers, Principal, PrincipalKind, Request, evaluate
from trailkeep.guard.model import apply_all
from trailkeep.guard.paths import path_of
from trailkeep.guard.policy import parse_policy
from trailkeep.guard.prove_archive import prove_archive
from trailkeep.guard.prove_closure import Prover
from trailkeep.guard.prove_estate import estate_guards
from trailkeep.guard.prove_model import Outcome, Proof
from trailkeep.guard.prove_pairs import open_pairs
from trailkeep.guard.threat import Attacker
from trailkeep.guard.threats import BY_ID, THREATS

_DENIED = Unreadable(call="organizations:ListPolicies", error="AccessDenied")
_TRAIL = "trailkeep"


def _proof(estate: Estate) -> Proof:
    return prove_archive(estate_guards(estate, trail=_TRAIL))


def _verdicts(estate: Estate) -> dict[str, Outcome]:
    return {found.id: found.verdict for found in _proof(estate).threats}


def test_our_guards_in_force() -> None:
    """With our guards in force nobody gets through below management, not even whom policies are delegated to."""
    proof = _proof(in_force())
    assert {found.id for found in proof.threats if found.verdict is Outcome.COUNTEREXAMPLE} == set()
    assert _verdicts(in_force())["detach-guards"] is Outcome.RESIDUAL
    assert (proof.unread, proof.exit_code) == ((), 0)


def test_delegated_policies_without_the_member_guard() -> None:
    """Without the guard of the members whoever policies are delegated to detaches every other guard."""
    found = {one.id: one for one in _proof(_without_member_scp(in_force())).threats}["detach-guards"]
    assert found.verdict is Outcome.COUNTEREXAMPLE
    assert all("delegated administrator" in who for who in found.who)


def test_an_archive_account_that_was_not_read_is_said() -> None:
    """Where nobody could read which account is the archive's, the verdicts are on the bucket's, and it is no pass."""
    proof = _proof(msgspec.structs.replace(in_force(), archive_account=_DENIED))
    assert proof.exit_code == 3
    (said,) = proof.unread
    assert said == (
        "the archive account could not be read: organizations:ListPolicies: AccessDenied; "
        "whatever is said is about 222222222222, which owns the bucket"
    )


def test_before_anything_was_done() -> None:
    """An organization in which nothing was done yet has no bucket to prove anything about."""
    proof = _proof(nothing())
    assert {found.id: found.verdict for found in proof.threats}["delete-version"] is Outcome.UNDECIDED
    assert "the archive account has no such bucket yet" in proof.unread


@pytest.mark.parametrize(
    "field",
    [
        "organization",
        "roots",
        "units",
        "accounts",
        "service_control_policies",
        "resource_control_policies",
        "bucket",
        "trails",
        "archive_account",
    ],
)
def test_unreadable_is_never_proved(field: str) -> None:
    """Whatever part of an estate is unreadable, no threat is proved that is not proved with it."""
    estate = in_force()
    whole = _verdicts(estate)
    partly = _verdicts(msgspec.structs.replace(estate, **{field: _DENIED}))
    worse = {
        name
        for name, found in partly.items()
        if found is Outcome.PROVED and whole[name] is not Outcome.PROVED
    }
    assert worse <= {"cut-notifications"}
    proof = _proof(msgspec.structs.replace(estate, **{field: _DENIED}))
    assert proof.exit_code in {1, 3}


@pytest.mark.parametrize("part", ["policy", "object_lock"])
def test_unreadable_part_of_the_bucket(part: str) -> None:
    """An unreadable bucket policy or lock leaves what the SCP and the RCP refuse, and is no layer itself."""
    estate = in_force()
    assert isinstance(estate.bucket, Bucket)
    bucket = msgspec.structs.replace(estate.bucket, **{part: _DENIED})
    found = {one.id: one for one in _proof(msgspec.structs.replace(estate, bucket=bucket)).threats}
    assert found["hide-by-delete-marker"].verdict is Outcome.PROVED
    assert ("bucket-policy" in found["hide-by-delete-marker"].layers) is (part != "policy")
    assert "object-lock" not in found["suspend-versioning"].layers or part == "policy"
    assert found["delete-version"].verdict is Outcome.PROVED


def test_unreadable_content_of_an_scp() -> None:
    """A policy that is attached and could not be read is no reason to call anything proved or open."""
    estate = in_force()
    assert not isinstance(estate.service_control_policies, Unreadable)
    policies = tuple(
        msgspec.structs.replace(one, content=_DENIED) if one.name == "trailkeep-organization" else one
        for one in estate.service_control_policies
    )
    found = _verdicts(msgspec.structs.replace(estate, service_control_policies=policies))
    assert found["delete-trail-role"] is Outcome.UNDECIDED
    assert found["delete-version"] is Outcome.PROVED


def test_policies_of_a_type_that_is_off() -> None:
    """SCPs that are attached while their type is not enabled bind nobody."""
    estate = in_force()
    assert not isinstance(estate.roots, Unreadable)
    roots = tuple(
        msgspec.structs.replace(root, policy_types=("RESOURCE_CONTROL_POLICY",)) for root in estate.roots
    )
    assert (
        _verdicts(msgspec.structs.replace(estate, roots=roots))["leave-organization"]
        is Outcome.COUNTEREXAMPLE
    )


def test_lock_of_the_estate() -> None:
    """A default retention in compliance mode counts as a layer of its own."""
    settings = config({"retention.lock_mode": "COMPLIANCE"})
    start = nothing()
    estate = apply_all(start, planned(settings, start).actions)
    found = {one.id: one for one in _proof(estate).threats}["delete-version"]
    assert "object-lock" in found.layers
    assert found.depth == 4


def test_members_are_grouped() -> None:
    """Of a thousand accounts under the same policies one is asked about, and the answer counts them."""
    estate = _large(
        1_000, content='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
    )
    guards = estate_guards(estate, trail=_TRAIL)
    assert sorted(path.count for path in guards.members) == [1, 1_000]


def test_one_unit_that_is_spared() -> None:
    """Of many units the one whose accounts get through is named."""
    estate = in_force()
    spared = msgspec.structs.replace(
        _large(50, content=None),
        service_control_policies=estate.service_control_policies,
    )
    found = {one.id: one for one in _proof(spared).threats}
    assert found["leave-organization"].verdict is Outcome.PROVED
    unguarded = _without_member_scp(spared)
    opened = {one.id: one for one in _proof(unguarded).threats}["leave-organization"]
    assert opened.verdict is Outcome.COUNTEREXAMPLE
    assert any("and 49 like it" in who for who in opened.who)


def _large(count: int, *, content: str | None) -> Estate:
    estate = in_force()
    assert not isinstance(estate.accounts, Unreadable)
    assert not isinstance(estate.service_control_policies, Unreadable)
    more = tuple(
        Account(
            id=f"{600_000_000_000 + number}",
            name=f"a{number}",
            email=f"a{number}@example.com",
            status="ACTIVE",
            parent="ou-root-security",
        )
        for number in range(count)
    )
    policies = estate.service_control_policies
    if content:
        policy = Policy(
            id="p-more", name="more", aws_managed=False, content=content, targets=("ou-root-security",)
        )
        policies = (*policies, policy)
    return msgspec.structs.replace(
        estate, accounts=(*estate.accounts, *more), service_control_policies=policies
    )


def _without_member_scp(estate: Estate) -> Estate:
    assert not isinstance(estate.service_control_policies, Unreadable)
    kept = tuple(one for one in estate.service_control_policies if one.name != "trailkeep-organization")
    return msgspec.structs.replace(estate, service_control_policies=kept)


def test_delegates_that_are_known() -> None:
    """A delegated administrator of CloudTrail is asked about where the estate knows it, and nobody else."""
    estate = _without_member_scp(
        msgspec.structs.replace(in_force(), delegated_administrators=("333333333333",))
    )
    found = {one.id: one for one in _proof(estate).threats}["stop-trail"]
    assert found.verdict is Outcome.COUNTEREXAMPLE
    assert found.who == (
        "root of a delegated administrator (333333333333)",
        "users and roles of a delegated administrator (333333333333)",
    )


def test_no_organization() -> None:
    """An account without an organization has no SCPs, and its bucket policy is proved all the same."""
    estate = msgspec.structs.replace(in_force(), organization=Absent(), accounts=(), roots=(), units=())
    proof = _proof(estate)
    found = {one.id: one for one in proof.threats}
    assert (found["delete-version"].verdict, found["delete-version"].layers) == (
        Outcome.PROVED,
        ("bucket-policy",),
    )
    assert found["change-bucket-policy"].verdict is Outcome.COUNTEREXAMPLE
    assert found["foreign-trail-writes"].verdict is Outcome.PROVED
    assert found["leave-organization"].reason == "no organization was looked at"
    assert any(one.startswith("no organization was looked at") for one in proof.assumptions)


def test_an_account_of_its_own() -> None:
    """With mode = "account" its trail is found by its bucket, and nothing binds its root user on it."""
    estate = in_force()
    assert not isinstance(estate.trails, Unreadable)
    own = tuple(
        msgspec.structs.replace(
            one, arn=one.arn.replace("111111111111", "222222222222"), is_organization_trail=False
        )
        for one in estate.trails
    )
    alone = msgspec.structs.replace(
        estate,
        organization=Unasked(),
        accounts=(),
        roots=(),
        units=(),
        service_control_policies=(),
        resource_control_policies=(),
        trails=own,
    )
    proof = prove_archive(estate_guards(alone))
    found = {one.id: one for one in proof.threats}
    assert found["delete-version"].layers == ("bucket-policy",)
    assert found["change-bucket-policy"].verdict is Outcome.COUNTEREXAMPLE
    assert found["stop-trail"].verdict is Outcome.RESIDUAL
    assert found["stop-trail"].witness is not None
    assert found["stop-trail"].witness.account == "222222222222"


def test_every_attacker_is_asked_about() -> None:
    """Every class of attackers of the catalogue is one that a proof asks about."""
    assert {one for threat in THREATS for one in threat.attackers} == set(Attacker)


def _spared(*accounts: str) -> dict[str, Any]:
    return {"StringNotLike": {"aws:PrincipalAccount": list(accounts)}} if accounts else {}


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["r-root", "ou-root-security", "333333333333", "600000000003"]),
            st.sampled_from([(), ("600000000002",), ("6000000000?1",), ("333333333333", "60000000000*")]),
        ),
        max_size=4,
    )
)
def test_grouping_agrees_with_each_account(attached: list[tuple[str, tuple[str, ...]]]) -> None:
    """Members are found open exactly where the evaluator lets the root user of at least one of them through."""
    estate = _without_member_scp(_large(12, content=None))
    assert not isinstance(estate.service_control_policies, Unreadable)
    assert not isinstance(estate.accounts, Unreadable)
    policies = tuple(
        Policy(
            id=f"p-{index}",
            name=f"p-{index}",
            aws_managed=False,
            content=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": {
                        "Effect": "Deny",
                        "Action": "organizations:LeaveOrganization",
                        "Resource": "*",
                        **({"Condition": _spared(*accounts)} if accounts else {}),
                    },
                }
            ),
            targets=(target,),
        )
        for index, (target, accounts) in enumerate(attached)
    )
    estate = msgspec.structs.replace(
        estate, service_control_policies=(*estate.service_control_policies, *policies)
    )
    assert not isinstance(estate.accounts, Unreadable)
    members = [one.id for one in estate.accounts if one.id not in {"111111111111", "222222222222"}]
    allowed = {account for account in members if _may_leave(estate, account)}
    prover = Prover(guards=estate_guards(estate, trail=_TRAIL))
    found = {
        pair.asker.caller.account_id
        for pair in open_pairs(BY_ID["leave-organization"], prover)
        if pair.asker.attacker is Attacker.MEMBER_ROOT and pair.asker.caller.account_id
    }
    assert bool(found) is bool(allowed)
    assert found <= allowed


def _may_leave(estate: Estate, account: str) -> bool:
    assert not isinstance(estate.service_control_policies, Unreadable)
    levels = tuple(
        tuple(
            parse_policy(str(policy.content), name=policy.name)
            for policy in estate.service_control_policies
            if not isinstance(policy.targets, Unreadable) and node in policy.targets
        )
        for node in path_of(estate, account)
    )
    root = Principal(kind=PrincipalKind.ROOT, account_id=account)
    request = Request(
        principal=root,
        action="organizations:LeaveOrganization",
        resource="*",
        resource_account_id=account,
    )
    layers = Layers(scps=levels, management_account_id="111111111111")
    return evaluate(request, layers).decision is Decision.ALLOW
