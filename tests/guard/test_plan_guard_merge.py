"""A guard inside somebody else's policy: theirs stays word for word, ours stays whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estates import config, in_force, planned, with_facts
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.carried import extended, lifted
from trailkeep.guard.changes import UpdatePolicy
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.differences import DifferenceClass, classify
from trailkeep.guard.documents import compact
from trailkeep.guard.estate import Estate
from trailkeep.guard.guard_documents import RCP, SCP, GuardPolicy
from trailkeep.guard.model import apply_all
from trailkeep.guard.plan_guards import in_force as bindings_in_force
from trailkeep.guard.quotas import QUOTAS
from trailkeep.guard.retire import retirement

_ARCHIVE = "222222222222"
_FIELDS = {SCP: "service_control_policies", RCP: "resource_control_policies"}
_SETTINGS = config({"guards.member_scp": False})
_GUARDS = {guard.key: guard for guard in blueprint_for(_SETTINGS, in_force()).guards}
_NAMES = st.sampled_from(["Theirs", "TrailkeepNote", "ArchiveReadOnly", "StayInOrganization2", ""])
_STATEMENTS = st.builds(
    lambda sid, actions, condition: {
        **({"Sid": sid} if sid else {}),
        "Effect": "Deny",
        "Action": actions,
        "Resource": "*",
        **condition,
    },
    _NAMES,
    st.one_of(
        st.just("sqs:*"),
        st.lists(st.sampled_from(["sqs:SendMessage", "SQS:Delete*", "dynamodb:*"]), min_size=1, max_size=900),
    ),
    st.sampled_from([{}, {"Condition": {"Bool": {"aws:SecureTransport": False}}}]),
)
_CONTENTS = st.lists(_STATEMENTS, min_size=1, max_size=4).map(
    lambda statements: {"Version": "2012-10-17", "Statement": statements}
)


def _as_rcp(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "Statement": [{**one, "Principal": "*"} for one in document["Statement"]]}


def _full(kind: str, contents: list[dict[str, Any]], shared: set[int]) -> Estate:
    """Return an organization whose archive account takes no more policies of a type, and lacks our guard."""
    quota = QUOTAS[kind].attached
    teams = [
        {
            "fact": "Policy",
            "id": f"p-team{number}",
            "name": f"team-{number}",
            "aws_managed": False,
            "content": json.dumps(contents[number % len(contents)], indent=1),
            "targets": [_ARCHIVE, "333333333333"] if number in shared else [_ARCHIVE],
        }
        for number in range(quota)
    ]
    return with_facts(in_force(), {_FIELDS[kind]: teams})


def _statements(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["Statement"]
    return found


@given(
    st.sampled_from([SCP, RCP]),
    st.lists(_CONTENTS, min_size=1, max_size=3),
    st.sets(st.integers(0, 9)),
)
def test_merging_ends_in_an_empty_plan(kind: str, contents: list[dict[str, Any]], shared: set[int]) -> None:
    """Where a policy can carry the guard it does after one action, whole, behind what it said before."""
    estate = _full(kind, [_as_rcp(one) for one in contents] if kind == RCP else contents, shared)
    plan = planned(_SETTINGS, estate, Allowance.MERGE_GUARDS)
    if plan.blocked:
        assert plan.actions == ()
        assert {one.allow for one in plan.blocked} == {""}
        return
    (action,) = plan.actions
    assert isinstance(action, UpdatePolicy)
    assert len(action.document) <= QUOTAS[kind].characters
    (change,) = action.changes
    before, after = _statements(change.before), _statements(change.after)
    assert after[: len(before)] == before
    assert int(action.policy_id.removeprefix("p-team")) not in shared
    merged = apply_all(estate, plan.actions)
    again = planned(_SETTINGS, merged)
    assert (again.actions, again.blocked, again.kept) == ((), (), plan.kept)


@given(
    st.sampled_from(["scp", "members", "rcp"]),
    _CONTENTS,
    st.sets(st.integers(0, 9)),
    st.booleans(),
)
def test_what_is_carried_is_mended(
    key: str,
    content: dict[str, Any],
    drop: set[int],
    narrow: bool,  # noqa: FBT001 - hypothesis' argument
) -> None:
    """Whatever of our statements is removed or narrowed in a policy of others is whole again, once."""
    guard = _GUARDS[key] if key != "members" else _members()
    text = compact(extended(guard, json.dumps(content)).document)
    theirs = len(content["Statement"])
    ours = _statements(text)[theirs:]
    left = [one for number, one in enumerate(ours) if number not in drop]
    if narrow:
        left = [{**one, "Condition": {"Null": {"aws:PrincipalArn": "true"}}} for one in left]
    drifted = {**content, "Statement": [*content["Statement"], *left]}
    merged = extended(guard, json.dumps(drifted))
    assert merged.document["Statement"][:theirs] == content["Statement"]
    assert not extended(guard, compact(merged.document)).changed
    said = [{**one, "Sid": ""} for one in merged.document["Statement"]]
    assert all({**one, "Sid": ""} in said for one in ours)


def _members() -> GuardPolicy:
    return next(guard for guard in blueprint_for(config(), in_force()).guards if guard.key == "members")


def _merged(kind: str = SCP) -> Estate:
    content: dict[str, Any] = {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "Theirs", "Effect": "Deny", "Action": "sqs:*", "Resource": "*"}],
    }
    estate = _full(kind, [_as_rcp(content) if kind == RCP else content], set(range(1, 10)))
    return apply_all(estate, planned(_SETTINGS, estate, Allowance.MERGE_GUARDS).actions)


def test_retiring_takes_out_what_is_ours_alone() -> None:
    """Retiring names the statements to take out of the policy of others, and does not detach that policy."""
    found = retirement(
        blueprint_for(_SETTINGS, _merged()), _merged(), now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    )
    assert (
        f"trailkeep-archive in the policy team-0 binds {_ARCHIVE} until somebody takes it out"
        in found.outlives
    )
    (line,) = [text for text in found.by_hand if "p-team0" in text]
    assert "TrailkeepScpArchiveReadOnly, TrailkeepScpNoNewAccessPaths" in line
    assert "update-policy" in line
    assert "detach-policy" not in line


@pytest.mark.parametrize("kind", [SCP, RCP])
def test_a_carried_guard_is_in_force(kind: str) -> None:
    """A carried guard counts as one that is in force, so that the probes ask whether it refuses."""
    estate = _merged(kind)
    carried = [
        policy.name for guard, policy, _ in bindings_in_force(blueprint_for(_SETTINGS, estate), estate)
    ]
    assert "team-0" in carried


def test_merging_waits_for_arming_like_any_guard() -> None:
    """Before the archive is armed the guard is not merged, though it is allowed."""
    content = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}],
    }
    estate = _full(SCP, [content], set())
    plan = planned(_SETTINGS, estate, Allowance.MERGE_GUARDS, arm=False)
    assert plan.actions == ()
    assert [one.action.id for one in plan.waiting] == ["scp.merge"]


def test_merging_is_a_fix_that_waits_for_an_option() -> None:
    """Among the differences a guard that can be merged is a fix, and names its option."""
    content = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}],
    }
    (difference,) = classify(planned(_SETTINGS, _full(SCP, [content], set())))
    assert (difference.kind, difference.subject) == (DifferenceClass.FIX, "scp.merge")
    assert difference.allow == "merge-guards"


@pytest.mark.parametrize("kind", [SCP, RCP])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_lifting_what_is_carried_survives_a_crash(kind: str, count: int) -> None:
    """After a carried guard was lifted and apply died, the next plan that arms makes it whole again."""
    estate = with_facts(_merged(kind), {"bucket.versioning": "Suspended"})
    lifted = planned(_SETTINGS, estate, Allowance.LIFT_GUARDS)
    died = apply_all(estate, lifted.actions[:count])
    again = apply_all(died, planned(_SETTINGS, died, Allowance.LIFT_GUARDS).actions)
    last = planned(_SETTINGS, again)
    assert (last.actions, last.blocked) == ((), ())
    assert sorted(_carried(again, kind)) == sorted(_carried(estate, kind))


def _carried(estate: Estate, kind: str) -> list[str]:
    policies = getattr(estate, _FIELDS[kind])
    return [json.dumps(one) for one in _statements(policies[0].content)]


def test_lifting_does_not_wait_for_arming() -> None:
    """Without --arm a carried guard is lifted and put back in the same plan, as a detached one is."""
    estate = with_facts(_merged(), {"bucket.versioning": "Suspended"})
    plan = planned(_SETTINGS, estate, Allowance.LIFT_GUARDS, arm=False)
    assert [action.id for action in plan.actions] == [
        "rcp.detach",
        "scp.lift",
        "bucket.versioning",
        "scp.restore",
        "rcp.attach",
    ]
    assert apply_all(estate, plan.actions).service_control_policies == estate.service_control_policies


def test_a_statement_turned_around_is_put_back() -> None:
    """A statement of ours that was made to allow stays as it is, and ours comes again under another Sid."""
    guard = _GUARDS["scp"]
    text = compact(extended(guard, '{"Version":"2012-10-17","Statement":[]}').document)
    turned = [{**one, "Effect": "Allow"} for one in _statements(text)]
    merged = extended(guard, json.dumps({"Version": "2012-10-17", "Statement": turned}))
    assert merged.document["Statement"][:3] == turned
    assert [one["Sid"] for one in merged.document["Statement"][3:]] == [
        "TrailkeepScpArchiveReadOnly2",
        "TrailkeepScpNoNewAccessPaths2",
        "TrailkeepScpStayInOrganization2",
    ]


def test_other_keys_of_their_document_stay() -> None:
    """An Id of the document and a statement that is no list stay, too."""
    theirs = {"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}
    text = json.dumps({"Id": "team", "Version": "2012-10-17", "Statement": theirs})
    document = extended(_GUARDS["scp"], text).document
    assert document["Id"] == "team"
    assert document["Statement"][0] == theirs
    assert len(document["Statement"]) == 4


def test_a_text_that_is_no_policy_is_not_changed() -> None:
    """What nobody can read is neither extended nor lifted."""
    assert not extended(_GUARDS["scp"], "no policy").changed
    assert lifted(_GUARDS["scp"], "no policy") == "no policy"
