"""Two phases: what waits for --arm, what does not, and that both together are the whole plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estates import config, in_force, nothing, planned, with_facts
from trailkeep.core.verdict import ExitCode
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.changes import AttachPolicy, DetachPolicy, PutBucketPolicy, PutObjectLock
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Bucket
from trailkeep.guard.model import apply_all
from trailkeep.guard.phases import REASON

CASES = sorted((Path(__file__).parent.parent / "cases" / "phases").glob("*.json"))
_ABSENT = {"fact": "Absent"}
_STATEMENTS = json.loads(blueprint_for(config(), nothing()).armed_bucket_policy)["Statement"]
_FACTS = {
    "roots.0.policy_types": st.sampled_from([[], ["SERVICE_CONTROL_POLICY"]]),
    "bucket.versioning": st.sampled_from(["", "Suspended", "Enabled"]),
    "bucket.policy": st.one_of(
        st.sampled_from([_ABSENT, '{"Version":"2012-10-17","Statement":[]}']),
        st.sets(st.integers(0, len(_STATEMENTS) - 1)).map(
            lambda kept: json.dumps({"Statement": [_STATEMENTS[number] for number in sorted(kept)]})
        ),
    ),
    "bucket.object_lock": st.one_of(
        st.just(_ABSENT),
        st.builds(
            lambda mode, days: {"fact": "ObjectLock", "mode": mode, "days": days if mode else 0},
            st.sampled_from(["", "GOVERNANCE", "COMPLIANCE"]),
            st.integers(1, 4000),
        ),
    ),
    "bucket": st.just(_ABSENT),
    "trails": st.just([]),
    "trails.0.bucket": st.sampled_from(["acme-trail-archive", "another"]),
    "service_control_policies.1.content": st.just('{"Version":"2012-10-17","Statement":[]}'),
    "service_control_policies.1.targets": st.lists(
        st.sampled_from(["222222222222", "333333333333"]), unique=True
    ),
}
_ALLOW = st.sets(st.sampled_from(list(Allowance))).map(sorted)


@st.composite
def _estates(draw: st.DrawFn) -> Any:
    """Return the finished organization with some facts changed, or one where nothing was done."""
    if draw(st.integers(0, 9)) == 0:
        return nothing()
    keys = draw(st.sets(st.sampled_from(sorted(_FACTS)), max_size=4))
    for whole in ("bucket", "trails"):
        if whole in keys:
            keys = {key for key in keys if not key.startswith(f"{whole}.")}
    return with_facts(in_force(), {key: draw(_FACTS[key]) for key in sorted(keys)})


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden_case(path: Path) -> None:
    """Each case says in its first line what waits for --arm with these facts, and the plan lets it wait."""
    case = json.loads(path.read_bytes())
    estate = with_facts(in_force() if case["start"] == "in force" else nothing(), case.get("facts", {}))
    allow = [Allowance(name) for name in case.get("allow", [])]
    plan = planned(config(case.get("config")), estate, *allow, arm=False)
    assert {
        "actions": [action.id for action in plan.actions],
        "waiting": [waiting.action.id for waiting in plan.waiting],
        "blocked": [blocked.action.id for blocked in plan.blocked],
        "exit_code": plan.exit_code.value,
    } == {key: case[key] for key in ("actions", "waiting", "blocked", "exit_code")}


@settings(deadline=None)
@given(_estates(), _ALLOW)
def test_both_phases_are_the_whole_plan(estate: Any, allow: list[Allowance]) -> None:
    """Building and then arming leaves the estate that arming at once leaves, and nothing waits any more."""
    built = apply_all(estate, planned(config(), estate, *allow, arm=False).actions)
    armed = apply_all(built, planned(config(), built, *allow).actions)
    left = planned(config(), armed, *allow)
    assert (left.actions, left.waiting) == ((), ())
    assert planned(config(), armed, *allow, arm=False).waiting == ()


@settings(deadline=None)
@given(_estates(), _ALLOW)
def test_building_locks_and_guards_nothing_new(estate: Any, allow: list[Allowance]) -> None:
    """Without --arm no lock is set, no policy written, and no guard goes on that was not there before."""
    plan = planned(config(), estate, *allow, arm=False)
    assert not any(isinstance(action, PutObjectLock) for action in plan.actions)
    assert not any(isinstance(action, PutBucketPolicy) and action.arms for action in plan.actions)
    assert _denied(apply_all(estate, plan.actions)) == _denied(estate)
    written = tuple(
        f"{guard}.{what}" for guard in ("scp", "members", "rcp") for what in ("create", "update", "enable")
    )
    assert not any(action.id in written for action in plan.actions)
    assert all(action.policy_id for action in plan.actions if isinstance(action, AttachPolicy))
    assert all(waiting.reason == REASON for waiting in plan.waiting)


@settings(deadline=None)
@given(_estates(), _ALLOW)
def test_a_lifted_guard_goes_back_on(estate: Any, allow: list[Allowance]) -> None:
    """Whatever waits, a guard that a plan lifts is attached again by the same plan, after a change."""
    actions = planned(config(), estate, *allow, arm=False).actions
    off = [(one.policy_id, one.target_id) for one in actions if isinstance(one, DetachPolicy)]
    on = [(one.policy_id, one.target_id) for one in actions if isinstance(one, AttachPolicy)]
    assert set(off) <= set(on)
    assert len(actions) > 2 * len(off) or not off


def _denied(estate: Any) -> set[str]:
    """Return the Sids of what only the armed bucket policy denies."""
    policy = estate.bucket.policy if isinstance(estate.bucket, Bucket) else ""
    statements = json.loads(policy)["Statement"] if isinstance(policy, str) and policy else []
    return {one["Sid"] for one in statements} & {one["Sid"] for one in _STATEMENTS[4:]}


def test_what_waits_is_pending() -> None:
    """An archive that is built and not armed is never called in force."""
    estate = apply_all(nothing(), planned(config(), nothing(), arm=False).actions)
    plan = planned(config(), estate, arm=False)
    assert (plan.actions, len(plan.waiting), plan.exit_code) == ((), 10, ExitCode.FOUND)
    assert isinstance(estate.bucket, Bucket)
    assert plan.fingerprint != planned(config(), estate).fingerprint
