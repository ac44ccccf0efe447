"""When arming waits for a log: always for what was never armed, and again only for what is final."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from account_estates import account_config, account_in_force, account_nothing
from estates import config, in_force, nothing, planned, with_facts
from trailkeep.core.config import Config
from trailkeep.guard.armed_before import must_wait, was_armed
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.changes import Action
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Estate, Policy, Unreadable
from trailkeep.guard.model import apply_all

BLUEPRINT = blueprint_for(config(), in_force())
ABSENT = {"fact": "Absent"}
ALONE_BLUEPRINT = blueprint_for(account_config(), account_nothing())
LOCKED = {"fact": "ObjectLock", "mode": "GOVERNANCE", "days": 400}
UNLOCKED = {"fact": "ObjectLock", "mode": "", "days": 0}
NO_GUARDS: dict[str, Any] = {
    "service_control_policies": [],
    "resource_control_policies": [],
    "roots.0.policy_types": [],
}


def _built() -> Estate:
    return apply_all(nothing(), planned(config(), nothing(), arm=False).actions)


def _waits(estate: Estate, **asked: Any) -> bool:
    settings = config({name.replace("__", "."): value for name, value in asked.items()})
    blueprint = blueprint_for(settings, estate)
    allowed = (Allowance.LIFT_GUARDS, Allowance.CUT_TRAIL)
    waiting = planned(settings, estate, *allowed, arm=False).waiting
    assert waiting
    return must_wait(blueprint, estate, [one.action for one in waiting])


@pytest.mark.parametrize(
    "drift",
    [
        {"bucket.policy": ABSENT},
        {"bucket.object_lock": UNLOCKED},
        {"roots.0.policy_types": []},
        NO_GUARDS,
        {"bucket.policy": ABSENT, "roots.0.policy_types": []},
        {"bucket.object_lock": UNLOCKED, **NO_GUARDS},
    ],
)
def test_what_was_armed_waits_for_nothing(drift: dict[str, Any]) -> None:
    """Whatever was taken off an armed archive goes back on at once while enough is left that shows it was armed."""
    assert not _waits(with_facts(in_force(), drift))


@pytest.mark.parametrize(
    "left",
    [
        {},
        {"bucket.object_lock": LOCKED},
        {"bucket.object_lock": {"fact": "ObjectLock", "mode": "COMPLIANCE", "days": 4000}},
    ],
)
def test_what_was_only_built_waits(left: dict[str, Any]) -> None:
    """An archive that was never armed waits for a log, also where its bucket came with a default retention."""
    assert _waits(with_facts(_built(), left))


def test_guards_of_another_bucket_show_nothing() -> None:
    """A bucket that came with a default retention waits, although guards of the archive's former bucket exist."""
    settings = config({"archive.bucket": "new-archive"})
    start = with_facts(in_force(), {"bucket": ABSENT})
    allowed = (Allowance.LIFT_GUARDS, Allowance.REDIRECT_TRAIL)
    built = apply_all(start, planned(settings, start, *allowed, arm=False).actions)
    locked = with_facts(built, {"bucket.object_lock": LOCKED})
    blueprint = blueprint_for(settings, locked)
    assert {policy.name for policy in _policies(locked)} >= {guard.name for guard in blueprint.guards}
    assert not was_armed(blueprint, locked)
    assert must_wait(blueprint, locked, [_arming(settings, locked)])


def _policies(estate: Estate) -> list[Policy]:
    controls = (estate.service_control_policies, estate.resource_control_policies)
    return [policy for listed in controls if not isinstance(listed, Unreadable) for policy in listed]


def _arming(settings: Config, estate: Estate) -> Action:
    """Return the action that arms the bucket policy."""
    waiting = planned(settings, estate, Allowance.LIFT_GUARDS, arm=False).waiting
    [action] = [one.action for one in waiting if one.action.id == "bucket.policy.arm"]
    return action


def test_guards_and_an_open_unlocked_bucket_wait() -> None:
    """A new bucket under guards that are there from another one is not taken for armed."""
    drift = {"bucket.policy": ABSENT, "bucket.object_lock": UNLOCKED}
    assert _waits(with_facts(in_force(), drift))


def test_another_trail_in_the_bucket_makes_it_wait() -> None:
    """Where another trail delivers into the open bucket, arming waits for ours: it would cut the other one off."""
    policy = json.loads(BLUEPRINT.bucket_policy)
    older = json.loads(BLUEPRINT.bucket_policy.replace("trail/trailkeep", "trail/older"))
    policy["Statement"] += [{**one, "Sid": f"Older{number}"} for number, one in enumerate(older["Statement"])]
    opened = {"bucket.policy": json.dumps(policy), "resource_control_policies": []}
    alone = with_facts(in_force(), opened)
    assert was_armed(BLUEPRINT, alone)
    both = with_facts(alone, {"trails": _trails(alone)})
    assert not was_armed(BLUEPRINT, both)
    assert _waits(both)


def _trails(estate: Estate) -> list[dict[str, Any]]:
    [ours] = msgspec.to_builtins(estate.trails)
    older = {**ours, "name": "older", "arn": ours["arn"].replace("trail/trailkeep", "trail/older")}
    older["status"] = {**ours["status"], "is_logging": True}
    return [ours, older]


def test_compliance_waits_when_it_begins() -> None:
    """COMPLIANCE is asked for a log also where the archive was armed with GOVERNANCE; later it is not."""
    assert _waits(in_force(), retention__lock_mode="COMPLIANCE", retention__days=400)
    compliant = {"fact": "ObjectLock", "mode": "COMPLIANCE", "days": 30}
    drifted = with_facts(in_force(), {"bucket.object_lock": compliant})
    assert not _waits(drifted, retention__lock_mode="COMPLIANCE", retention__days=400)


def _alone_waits(estate: Estate, **asked: Any) -> bool:
    settings = account_config({name.replace("__", "."): value for name, value in asked.items()})
    waiting = planned(settings, estate, Allowance.CUT_TRAIL, arm=False).waiting
    assert waiting
    return must_wait(blueprint_for(settings, estate), estate, [one.action for one in waiting])


def _alone_built(bucket: dict[str, Any]) -> Estate:
    """Return the archive of one account, built and not armed, in a bucket that had some facts before."""
    start = account_nothing()
    made = apply_all(start, planned(account_config(), start, arm=False).actions[:1])
    found = with_facts(made, bucket)
    return apply_all(found, planned(account_config(), found, arm=False).actions)


@pytest.mark.parametrize(
    "bucket",
    [
        {},
        {"bucket.object_lock": LOCKED},
        {"bucket.object_lock": {"fact": "ObjectLock", "mode": "COMPLIANCE", "days": 4000}},
    ],
)
def test_a_bucket_of_one_account_that_came_with_a_lock_waits(bucket: dict[str, Any]) -> None:
    """What whoever made the bucket set, and what building leaves, does not show that one account's archive was armed."""
    built = _alone_built(bucket)
    assert not was_armed(blueprint_for(account_config(), built), built)
    assert _alone_waits(built)


@pytest.mark.parametrize("left", ["OtherWriters", "LogChanges", "BucketChanges"])
@pytest.mark.parametrize("is_logging", [True, False])
def test_one_account_that_was_armed_waits_for_nothing(left: str, *, is_logging: bool) -> None:
    """A single deny of ours that is left beside the lock shows it, also where the trail was stopped."""
    facts = {
        "bucket.policy": _with_one_deny(f"TrailkeepDeny{left}"),
        "bucket.object_lock.days": 30,
        "trails.0.status.is_logging": is_logging,
    }
    assert not _alone_waits(with_facts(account_in_force(), facts))


def _with_one_deny(sid: str) -> str:
    armed = json.loads(ALONE_BLUEPRINT.armed_bucket_policy)
    plain = {one["Sid"] for one in json.loads(ALONE_BLUEPRINT.bucket_policy)["Statement"]}
    kept = [one for one in armed["Statement"] if one["Sid"] in {*plain, sid}]
    return json.dumps({**armed, "Statement": kept})


@pytest.mark.parametrize(
    "facts",
    [
        {"bucket.policy": ABSENT},
        {"bucket.policy": ALONE_BLUEPRINT.bucket_policy},
        {"bucket.policy": _with_one_deny("TrailkeepDenyLogChanges"), "bucket.object_lock": UNLOCKED},
        {"bucket.policy": _with_one_deny("TrailkeepDenyLogChanges"), "trails": []},
        {"bucket.policy": _with_one_deny("TrailkeepDenyLogChanges"), "trails.0.bucket": "another"},
    ],
)
def test_one_account_where_too_little_is_left_waits(facts: dict[str, Any]) -> None:
    """Without a deny, a lock or our trail in the bucket, nothing shows that one account's archive was armed."""
    drifted = with_facts(account_in_force(), facts)
    assert not was_armed(ALONE_BLUEPRINT, drifted)


def test_the_journal_shows_what_no_deny_shows() -> None:
    """Where the whole bucket policy is gone, the journal shows that it was armed, beside the lock and our trail."""
    lost = with_facts(account_in_force(), {"bucket.policy": ABSENT})
    assert was_armed(ALONE_BLUEPRINT, lost, in_journal=True)
    drifts: list[dict[str, Any]] = [
        {"bucket.object_lock": UNLOCKED},
        {"trails": []},
        {"trails.0.bucket": "another"},
    ]
    for facts in drifts:
        assert not was_armed(ALONE_BLUEPRINT, with_facts(lost, facts), in_journal=True)


def test_the_whole_policy_of_one_account_shows_it_alone() -> None:
    """An armed policy is of this trail and this bucket: without a lock and a trail it shows that it was armed."""
    drifted = with_facts(account_in_force(), {"bucket.object_lock": UNLOCKED, "trails": []})
    assert was_armed(ALONE_BLUEPRINT, drifted)
    assert not _alone_waits(drifted)


def test_compliance_of_one_account_waits_when_it_begins() -> None:
    """COMPLIANCE is asked for a log in the archive of one account as well, armed or not."""
    assert _alone_waits(account_in_force(), retention__lock_mode="COMPLIANCE")


def test_nothing_to_arm_waits_for_nothing() -> None:
    """Where no action waits, no log is asked for."""
    assert not must_wait(BLUEPRINT, _built(), [])
