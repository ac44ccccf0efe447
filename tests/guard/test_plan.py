"""The plan: golden cases (facts in, actions or an error out), and what holds for every estate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_estates import account_config, account_in_force, account_nothing
from estates import config, in_force, nothing, planned, with_facts
from trailkeep.core.errors import TrailkeepError
from trailkeep.core.verdict import ExitCode
from trailkeep.guard import plan_guards
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.changes import AttachPolicy, Change
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Bucket, Estate, ObjectLock, Unreadable
from trailkeep.guard.model import apply_all
from trailkeep.guard.other_trails import beside
from trailkeep.guard.plan import Plan
from trailkeep.guard.selectors import ALL_MANAGEMENT, Selector, read, uncovered

CASES = sorted((Path(__file__).parent.parent / "cases" / "plan").glob("*.json"))
_UNREADABLE = {"fact": "Unreadable", "call": "service:Operation", "error": "AccessDenied: no"}
_ABSENT = {"fact": "Absent"}
_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Sid": "Theirs",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": "*",
        },
    }
)
_ARMED = blueprint_for(config(), nothing()).armed_bucket_policy
_PARTLY = json.dumps({"Statement": json.loads(_ARMED)["Statement"][2:6]})
_OLDER_ARN = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/older"
_TRAILS = msgspec.to_builtins(in_force())["trails"]
_OLDER = {**_TRAILS[0], "name": "older", "arn": _OLDER_ARN}
_OF_OLDER = blueprint_for(config({"trail.name": "older"}), nothing()).bucket_policy
_EAST = {
    **_TRAILS[0],
    "name": "east",
    "arn": "arn:aws:cloudtrail:us-east-1:111111111111:trail/east",
    "home_region": "us-east-1",
    "is_organization_trail": False,
}
_OF_EAST = _OF_OLDER.replace(_OLDER_ARN, str(_EAST["arn"]))
_STOPPED = {**_EAST, "status": {**_EAST["status"], "is_logging": False}}
_OF_ANY = _OF_OLDER.replace('"aws:SourceArn"', '"aws:RequestedRegion"').replace(_OLDER_ARN, "eu-central-1")
_DOUBLED = _ARMED.replace(
    '"aws:SecureTransport":"false"', '"aws:SecureTransport":"false","AWS:securetransport":"1"'
)
_KEY = "arn:aws:kms:eu-central-1:222222222222:key/1"
_KMS = {"fact": "Encryption", "algorithm": "aws:kms", "kms_key": _KEY, "bucket_key": False}
_OURS = (
    '{"ID":"trailkeep-expire","Status":"Enabled","Filter":{"Prefix":"AWSLogs/"},"Expiration":{"Days":900}}'
)
_EXPIRES = '[{"ID":"tidy","Status":"Enabled","Filter":{},"Expiration":{"Days":1}}]'


_TOPIC = "arn:aws:sns:eu-central-1:222222222222:logs"
_INSIGHTS = '[{"InsightType":"ApiErrorRateInsight","EventCategories":["Data"]}]'
_BASIC = (
    '{"EventSelectors":[{"ReadWriteType":"WriteOnly","IncludeManagementEvents":true,"DataResources":[]}]}'
)
_DATA_ONLY = json.dumps(
    {
        "AdvancedEventSelectors": [
            {
                "FieldSelectors": [
                    {"Field": "eventCategory", "Equals": ["Data"]},
                    {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
                    {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::a/", "arn:aws:s3:::b/"]},
                ]
            }
        ]
    }
)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden_case(path: Path) -> None:
    """Each case says in its first line what the plan does with these facts, and the plan does it."""
    case = json.loads(path.read_bytes())
    start, configured = _STARTS[case["start"]]
    estate = with_facts(start(), case.get("facts", {}))
    allow = [Allowance(name) for name in case.get("allow", [])]
    if "error" in case:
        with pytest.raises(TrailkeepError) as caught:
            planned(configured(case.get("config")), estate, *allow)
        assert {"kind": type(caught.value).__name__, "message": str(caught.value)} == case["error"]
        return
    assert _said(planned(configured(case.get("config")), estate, *allow)) == {
        key: case.get(key, []) for key in ("actions", "blocked", "unknown", "kept", "concerns")
    }


_STARTS = {
    "nothing": (nothing, config),
    "in force": (in_force, config),
    "account nothing": (account_nothing, account_config),
    "account in force": (account_in_force, account_config),
}


def _said(plan: Plan) -> dict[str, Any]:
    return {
        "actions": [
            {
                "id": action.id,
                "account": action.account,
                "destructive": action.destructive,
                "reason": action.reason,
                "changes": [_line(change) for change in action.changes],
            }
            for action in plan.actions
        ],
        "blocked": [
            {"id": one.action.id, "allow": str(one.allow), "reason": one.reason} for one in plan.blocked
        ],
        "unknown": [{"call": one.call, "undecided": one.undecided} for one in plan.unknown],
        "kept": [{"target": one.target, "reason": one.reason, "allow": one.allow} for one in plan.kept],
        "concerns": [{"subject": one.subject, "observed": one.observed} for one in plan.concerns],
    }


def _line(change: Change) -> str:
    """Return a change in one line, a policy document as its statement ids."""
    before, after = (_sids(text) if text.startswith("{") else text for text in (change.before, change.after))
    return f"{change.field}: {before or 'nothing'} -> {after}"


def _sids(text: str) -> str:
    try:
        statements = json.loads(text)["Statement"]
    except ValueError:
        return text
    return ",".join(str(one.get("Sid")) for one in statements)


_TARGETS = st.lists(
    st.sampled_from(["222222222222", "333333333333", "ou-root-security", "r-root"]), unique=True
)
_FACTS = {
    "trusted_services": st.sampled_from([[], ["cloudtrail.amazonaws.com"], _UNREADABLE]),
    "delegated_administrators": st.sampled_from([[], ["333333333333"], ["222222222222"]]),
    "roots.0.policy_types": st.sampled_from([[], ["SERVICE_CONTROL_POLICY"], ["RESOURCE_CONTROL_POLICY"]]),
    "trails.0.bucket": st.sampled_from(["acme-trail-archive", "another"]),
    "trails.0.prefix": st.sampled_from(["", "logs"]),
    "trails.0.is_organization_trail": st.booleans(),
    "trails.0.is_multi_region": st.booleans(),
    "trails.0.validates_logs": st.booleans(),
    "trails.0.status": st.sampled_from(
        [
            _UNREADABLE,
            {
                "fact": "TrailStatus",
                "is_logging": False,
                "latest_delivery_error": "",
                "latest_digest_delivery_error": "",
                "latest_delivery_at": None,
            },
        ]
    ),
    "trails.0.has_custom_event_selectors": st.booleans(),
    "trails.0.event_selectors": st.sampled_from([_ABSENT, _UNREADABLE, "{", _DATA_ONLY, _BASIC]),
    "trails.0.insight_selectors": st.sampled_from([_ABSENT, _INSIGHTS]),
    "trails.0.sns_topic": st.sampled_from(["", _TOPIC, f"{_TOPIC}-of-others"]),
    "trails.0.recursive_logging": st.sampled_from([True, False, None]),
    "bucket.versioning": st.sampled_from(["", "Suspended", "Enabled", _UNREADABLE]),
    "bucket.public_access_block": st.sampled_from([_ABSENT, _UNREADABLE]),
    "bucket.ownership": st.sampled_from(["ObjectWriter", "BucketOwnerPreferred", _ABSENT, _UNREADABLE]),
    "bucket.object_lock": st.one_of(
        st.sampled_from([_ABSENT, _UNREADABLE]),
        st.builds(
            lambda mode, days: {"fact": "ObjectLock", "mode": mode, "days": days if mode else 0},
            st.sampled_from(["", "GOVERNANCE", "COMPLIANCE"]),
            st.integers(1, 4000),
        ),
    ),
    "bucket.policy": st.sampled_from(
        [_ABSENT, _UNREADABLE, "{", _POLICY, _PARTLY, _OF_OLDER, _OF_EAST, _OF_ANY, _DOUBLED]
    ),
    "trails": st.sampled_from([[_OLDER], [*_TRAILS, _OLDER]]),
    "trails_elsewhere": st.sampled_from([[_EAST], [_STOPPED]]),
    "bucket.lifecycle": st.sampled_from([_ABSENT, _UNREADABLE, "[]", _EXPIRES, f"[{_OURS}]"]),
    "bucket.tags": st.sampled_from(
        [_ABSENT, _UNREADABLE, [{"fact": "Tag", "key": "managed-by", "value": "hand"}]]
    ),
    "account_public_access_block": st.sampled_from([_ABSENT, _UNREADABLE]),
    "bucket.encryption": st.sampled_from([_ABSENT, _UNREADABLE, _KMS]),
    "trails.0.kms_key": st.sampled_from(["", _KEY]),
    "key": st.sampled_from(
        [
            _ABSENT,
            _UNREADABLE,
            *(
                {
                    "fact": "Key",
                    "arn": _KEY,
                    "alias": "",
                    "state": state,
                    "manager": "CUSTOMER",
                    "rotates": False,
                    "policy": _POLICY,
                }
                for state in ("Enabled", "Disabled")
            ),
        ]
    ),
    "bucket.request_payer": st.sampled_from(["Requester", "BucketOwner", _ABSENT, _UNREADABLE]),
    "service_control_policies.1.content": st.sampled_from([_UNREADABLE, "[]", _POLICY]),
    "service_control_policies.1.targets": _TARGETS,
    "service_control_policies.2.content": st.sampled_from([_UNREADABLE, "[]", _POLICY]),
    "service_control_policies.2.targets": _TARGETS,
    "resource_control_policies.0.content": st.sampled_from([_UNREADABLE, "[]", _POLICY]),
    "resource_control_policies.0.targets": st.one_of(st.just(_UNREADABLE), _TARGETS),
}
_ALLOW = st.sets(st.sampled_from(list(Allowance))).map(sorted)


@st.composite
def _estates(draw: st.DrawFn) -> Estate:
    """Return the finished organization with some facts changed, or one where nothing was done."""
    if draw(st.integers(0, 9)) == 0:
        return nothing()
    keys = draw(st.sets(st.sampled_from(sorted(_FACTS)), max_size=6))
    return with_facts(in_force(), {key: draw(_FACTS[key]) for key in sorted(keys)})


_CONFIGS = st.builds(
    lambda days, mode, scp, members, rcp, encryption, later, events, data, insights, recursive, topic, delegated: (
        config(
            {
                "retention.days": days,
                "retention.lock_mode": mode,
                "guards.scp": scp,
                "guards.member_scp": members,
                "guards.rcp": rcp,
                "archive.encryption": encryption,
                "archive.lifecycle_expire_days": days + later if later else 0,
                "trail.management_events": events,
                "trail.data_events": data,
                "trail.insights": insights,
                "trail.recursive_logging": recursive,
                "trail.sns_topic": topic,
                "trail.delegated_administrator": delegated,
            }
        )
    ),
    st.integers(1, 4000),
    st.sampled_from(["GOVERNANCE", "COMPLIANCE"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["sse-s3", "sse-kms"]),
    st.sampled_from([0, 0, 1, 500]),
    st.sampled_from(["all", "write-only"]),
    st.sampled_from([(), ("AWS::S3::Object",), ("AWS::S3::Object=arn:aws:s3:::a/", "AWS::Lambda::Function")]),
    st.sampled_from([(), ("ApiCallRateInsight",)]),
    st.booleans(),
    st.sampled_from(["", _TOPIC]),
    st.sampled_from(["", "333333333333"]),
)


@given(_estates(), _CONFIGS, _ALLOW)
def test_nothing_is_left_to_do_after_a_plan(estate: Estate, settings: Any, allow: list[Allowance]) -> None:
    """Planning again after a plan was performed finds no action, whatever the estate was."""
    first = planned(settings, estate, *allow)
    again = planned(settings, apply_all(estate, first.actions), *allow)
    assert again.actions == ()


@given(_estates(), _CONFIGS, _ALLOW)
def test_a_plan_is_stable(estate: Estate, settings: Any, allow: list[Allowance]) -> None:
    """The same facts give the same plan with the same fingerprint, and no two actions share an id."""
    first, second = planned(settings, estate, *allow), planned(settings, estate, *allow)
    assert first == second
    ids = [action.id for action in first.actions]
    assert len(set(ids)) == len(ids)


@given(_estates(), _CONFIGS)
def test_nothing_is_weakened_without_being_allowed_to(estate: Estate, settings: Any) -> None:
    """Without an allowance nothing is destructive, and no lock or guard gets weaker."""
    plan = planned(settings, estate)
    assert not any(action.destructive for action in plan.actions)
    after = apply_all(estate, plan.actions)
    assert _lock(after) >= _lock(estate)
    assert _attachments(after) >= _attachments(estate)
    assert uncovered(_recorded(estate), _recorded(after)) == ()


@given(_estates(), _CONFIGS, _ALLOW)
def test_no_trail_is_cut_off_without_being_told_to(
    estate: Estate, settings: Any, allow: list[Allowance]
) -> None:
    """Whatever delivers into the bucket beside ours still does after a plan, unless cutting it off is allowed."""
    told = [one for one in allow if one is not Allowance.CUT_TRAIL]
    after = apply_all(estate, planned(settings, estate, *told).actions)
    assert _delivering(settings, estate) <= _delivering(settings, after)


@given(_estates(), _CONFIGS, _ALLOW)
def test_no_guard_begins_before_the_policy_is_armed(
    estate: Estate, settings: Any, allow: list[Allowance]
) -> None:
    """Where arming the policy is blocked, no new guard is made that would refuse it from then on."""
    found = planned(settings, estate, *(one for one in allow if one is not Allowance.LIFT_GUARDS))
    waits = {one.action.id for one in found.blocked if one.allow != Allowance.LIFT_GUARDS}
    if "bucket.policy.arm" in waits and not _holds(settings, estate):
        assert not {"scp.create", "rcp.create"} & {action.id for action in found.actions}


def _holds(settings: Any, estate: Estate) -> bool:
    return bool(plan_guards.in_force(blueprint_for(settings, estate), estate))


def _delivering(settings: Any, estate: Estate) -> set[tuple[str, str]]:
    """Return the other trails that deliver, each with every folder that it may write to."""
    others = beside(blueprint_for(settings, estate), estate).delivering
    return {(other.arn, folder) for other in others for folder in other.writes}


@given(_estates(), _CONFIGS)
def test_guards_are_attached_last(estate: Estate, settings: Any) -> None:
    """Once a guard is attached in a plan, nothing but guards follows."""
    kinds = [isinstance(action, AttachPolicy) for action in planned(settings, estate).actions]
    assert kinds == sorted(kinds)


@given(_estates(), _CONFIGS, _ALLOW)
def test_what_could_not_be_read_is_unknown(estate: Estate, settings: Any, allow: list[Allowance]) -> None:
    """A fact that was refused and is needed makes the plan UNKNOWN, with exit code 3."""
    plan = planned(settings, estate, *allow)
    refused = '"fact":"Unreadable"' in json.dumps(_needed(estate, settings), separators=(",", ":"))
    assert bool(plan.unknown) == refused
    assert (plan.exit_code == ExitCode.UNKNOWN) == refused


def test_fingerprint_ignores_the_time_of_the_last_delivery() -> None:
    """A delivery between plan and apply does not move the fingerprint."""
    later = with_facts(in_force(), {"trails.0.status.latest_delivery_at": "2026-01-01T00:00:00Z"})
    assert planned(config(), later).fingerprint == planned(config(), in_force()).fingerprint


def test_fingerprint_ignores_failing_deliveries() -> None:
    """A delivery that begins to fail is a concern with exit code 1, and does not move the fingerprint."""
    failing = with_facts(in_force(), {"trails.0.status.latest_delivery_error": "AccessDenied"})
    plan = planned(config(), failing)
    assert (len(plan.concerns), plan.exit_code) == (1, ExitCode.FOUND)
    assert plan.fingerprint == planned(config(), in_force()).fingerprint


def test_fingerprint_moves_with_a_lasting_concern() -> None:
    """A concern that lasts is part of what the fingerprint is of."""
    plan = planned(config(), with_facts(in_force(), {"trails.0.has_custom_event_selectors": True}))
    assert (len(plan.concerns), plan.exit_code) == (1, ExitCode.FOUND)
    assert plan.fingerprint != planned(config(), in_force()).fingerprint


def test_fingerprint_moves_with_the_facts() -> None:
    """A fact that the plan was decided on moves the fingerprint even when the actions stay the same."""
    tag = {"fact": "Tag", "key": "owner", "value": "audit"}
    ours = {"fact": "Tag", "key": "managed-by", "value": "trailkeep"}
    drifted = with_facts(in_force(), {"bucket.tags": [tag, ours]})
    assert planned(config(), drifted).actions == ()
    assert planned(config(), drifted).fingerprint != planned(config(), in_force()).fingerprint


def test_fingerprint_moves_with_the_configuration() -> None:
    """Another configuration is another plan."""
    assert (
        planned(config({"guards.scp": False}), nothing()).fingerprint
        != planned(config(), nothing()).fingerprint
    )


def _lock(estate: Estate) -> tuple[int, int]:
    lock = estate.bucket.object_lock if isinstance(estate.bucket, Bucket) else None
    if not isinstance(lock, ObjectLock):
        return (0, 0)
    return ({"": 0, "GOVERNANCE": 1, "COMPLIANCE": 2}[lock.mode], lock.days)


def _recorded(estate: Estate) -> tuple[Selector, ...]:
    """Return what the trail records, as far as that was observed."""
    if isinstance(estate.trails, Unreadable) or not estate.trails:
        return ()
    trail = next((one for one in estate.trails if one.name == "trailkeep"), None)
    if trail is None:
        return ()
    if not trail.has_custom_event_selectors:
        return ALL_MANAGEMENT
    return (read(trail.event_selectors) if isinstance(trail.event_selectors, str) else None) or ()


def _attachments(estate: Estate) -> set[tuple[str, str]]:
    assert not isinstance(estate.service_control_policies, Unreadable)
    assert not isinstance(estate.resource_control_policies, Unreadable)
    return {
        (policy.name, target)
        for policy in (*estate.service_control_policies, *estate.resource_control_policies)
        if not isinstance(policy.targets, Unreadable)
        for target in policy.targets
    }


def _needed(estate: Estate, settings: Any) -> Any:
    """Return the facts of the generated estates that a plan looks at."""
    tree = msgspec.to_builtins(estate)
    wanted = {
        "trailkeep-archive": settings.guards.scp,
        "trailkeep-organization": settings.guards.member_scp,
        "trailkeep-archive-resources": settings.guards.rcp,
    }
    for kind in ("service_control_policies", "resource_control_policies"):
        tree[kind] = [policy for policy in tree[kind] if wanted.get(policy["name"])]
    tree["trails"] = [trail for trail in tree["trails"] if trail["name"] == "trailkeep"]
    return tree
