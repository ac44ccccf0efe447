"""When arming waits for a log: always for what was never armed, and again only for what is final."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from estates import config, in_force, nothing, planned, with_facts
from trailkeep.guard.armed_before import must_wait, was_armed
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Estate
from trailkeep.guard.model import apply_all

BLUEPRINT = blueprint_for(config(), in_force())
ABSENT = {"fact": "Absent"}
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
        {"bucket.object_lock": {"fact": "ObjectLock", "mode": "GOVERNANCE", "days": 400}},
        {"bucket.object_lock": {"fact": "ObjectLock", "mode": "COMPLIANCE", "days": 4000}},
    ],
)
def test_what_was_only_built_waits(left: dict[str, Any]) -> None:
    """An archive that was never armed waits for a log, also where its bucket came with a default retention."""
    assert _waits(with_facts(_built(), left))


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


def test_nothing_to_arm_waits_for_nothing() -> None:
    """Where no action waits, no log is asked for."""
    assert not must_wait(BLUEPRINT, _built(), [])
