"""Verdicts about threats: what is proved, what gets through, what fails first, and what closes it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofs import BUCKET, PARAMS, RECIPE, TRAIL, Folder, folder, prover, read_folder
from trailkeep.guard.evaluate import Decision, evaluate
from trailkeep.guard.principals import Principal, PrincipalKind
from trailkeep.guard.prove import prove_threat
from trailkeep.guard.prove_archive import prove_archive
from trailkeep.guard.prove_callers import askers
from trailkeep.guard.prove_closure import Prover, hitting, minimal
from trailkeep.guard.prove_documents import document_guards
from trailkeep.guard.prove_model import Outcome, Proof, ThreatVerdict
from trailkeep.guard.request import Request
from trailkeep.guard.symbolic import Outcome as Found
from trailkeep.guard.symbolic import prove
from trailkeep.guard.threat import Attacker, Call, Control, Target
from trailkeep.guard.threats import BY_ID, THREATS

DELETE_VERSION = Call(action="s3:DeleteObjectVersion", target=Target.LOG)


def _recipe(**params: str) -> Folder:
    return folder(RECIPE, params={**PARAMS, **params})


def _one(files: Folder, threat: str) -> ThreatVerdict:
    return prove_threat(BY_ID[threat], prover(files))


def _proof(files: Folder, *threats: str) -> Proof:
    return prove_archive(document_guards(files), [BY_ID[name] for name in threats] or THREATS)


def _locked(files: Folder, **facts: Any) -> Prover:
    guards = document_guards(files)
    return Prover(guards=replace(guards, facts=replace(guards.facts, **facts)))


def test_recipe_lets_root_delete() -> None:
    """Under the usual recipe root of the archive account deletes versions, and the near miss is named."""
    found = _one(_recipe(), "delete-version")
    assert found.verdict is Outcome.COUNTEREXAMPLE
    assert found.witness is not None
    assert found.witness.principal == "arn:aws:iam::222222222222:root"
    assert found.witness.action == "s3:DeleteObjectVersion"
    assert found.witness.resource.startswith(f"arn:aws:s3:::{BUCKET}/AWSLogs/")
    assert found.witness.context == {}
    assert found.allowed_by == "the root user's access to its own account"
    assert found.missing == (
        f"'ProtectLogs' of scp.json names s3:DeleteObjectVersion, but its Resource (arn:aws:s3:::{BUCKET}) does "
        f"not cover {found.witness.resource}"
    )
    assert found.who == ("archive root", "archive users and roles")


def test_recipe_leaves_bucket_actions_open() -> None:
    """Under the usual recipe settings of the bucket that its list forgets are open, and those it names are not."""
    assert _one(_recipe(), "requester-pays").verdict is Outcome.COUNTEREXAMPLE
    assert _one(_recipe(), "expire-by-lifecycle").verdict is Outcome.PROVED
    assert _one(_recipe(), "expire-by-lifecycle").layers == ("scp-archive",)


def test_recipe_lets_a_foreign_trail_write() -> None:
    """A bucket policy that allows CloudTrail and names no trail lets any trail in."""
    found = _one(_recipe(), "foreign-trail-writes")
    assert found.verdict is Outcome.COUNTEREXAMPLE
    assert found.witness is not None
    assert found.witness.principal == "cloudtrail.amazonaws.com"
    assert found.witness.context["aws:SourceArn"] != (TRAIL,)
    assert found.allowed_by == "statement 'CloudTrailWrite' of bucket-policy.json"


@pytest.mark.parametrize("files", [_recipe(), folder(RECIPE)], ids=["with params", "without"])
def test_every_witness_is_allowed(files: Folder) -> None:
    """The request of every counterexample is allowed by the evaluator under all policies of the folder."""
    asked = prover(files)
    witnesses = 0
    for threat in THREATS:
        found = prove_threat(threat, asked)
        if found.verdict is Outcome.COUNTEREXAMPLE and found.witness:
            witnesses += 1
            assert found.depth == 0
            assert found.who
    assert witnesses > 20


def test_fix_closes_what_it_is_for() -> None:
    """A fix, written into the files, turns its counterexample into a proof, and the trail still delivers."""
    for found in _proof(_recipe()).threats:
        if found.verdict is not Outcome.COUNTEREXAMPLE:
            continue
        assert found.fix, found.id
        files = _recipe()
        for fix in found.fix:
            assert any(line.startswith("+") for line in fix.diff.splitlines())
            files[fix.document] = json.dumps(fix.policy).encode()
        assert _one(files, found.id).verdict in {Outcome.PROVED, Outcome.RESIDUAL}, found.id
        assert _delivers(files)


def _delivers(files: Folder) -> bool:
    """Say whether CloudTrail may write for the one trail."""
    guards = document_guards(files)
    request = Request(
        principal=Principal(kind=PrincipalKind.SERVICE, service="cloudtrail.amazonaws.com"),
        action="s3:PutObject",
        resource=f"arn:aws:s3:::{BUCKET}/AWSLogs/o-exampleorgid/222222222222/a.json.gz",
        resource_account_id="222222222222",
        context={"aws:SourceArn": (TRAIL,), "s3:x-amz-acl": ("bucket-owner-full-control",)},
    )
    layers = guards.layers("s3:PutObject", Target.LOG, (), owner="222222222222")
    return evaluate(request, layers).decision is Decision.ALLOW


def test_fix_is_the_smallest_change() -> None:
    """Where a Deny names the action already, the fix adds the resource that it lacks."""
    (found,) = _proof(_recipe(), "delete-version").threats
    (fix,) = found.fix
    assert fix.document == "scp.json"
    assert [line for line in fix.diff.splitlines() if line.startswith("+ ")] == [
        f'+        "arn:aws:s3:::{BUCKET}",',
        f'+        "arn:aws:s3:::{BUCKET}/*"',
    ]


def test_no_fix_without_the_trail() -> None:
    """Who may write cannot be fixed while the trail is not known, and the answer says what to name."""
    (found,) = _proof(folder(RECIPE), "overwrite-log").threats
    assert found.fix == ()
    assert found.missing.endswith("name it in params.json")


def test_guard_set_is_proved(shared_data: Path) -> None:
    """With the guard set nobody whom a customer controls below the management account can do anything."""
    proof = _proof(read_folder(shared_data / "guard-set"))
    assert proof.exit_code == 0
    assert {found.verdict for found in proof.threats} == {Outcome.PROVED, Outcome.RESIDUAL}
    for found in proof.threats:
        assert found.who == ()
        assert all(who.startswith(("management", "service-linked roles")) for who in found.remaining), (
            found.id
        )


def test_guard_set_depth(shared_data: Path) -> None:
    """With the guard set three controls must fail for a version, two for the bucket policy, as root escapes one."""
    files = read_folder(shared_data / "guard-set")
    version, policy = _one(files, "delete-version"), _one(files, "change-bucket-policy")
    assert (version.depth, version.layers) == (3, ("scp-archive", "rcp", "bucket-policy"))
    assert (policy.depth, policy.layers) == (2, ("scp-archive", "rcp"))
    assert _one(files, "service-linked-role").layers == ("bucket-policy",)


def test_common_recipe(shared_data: Path) -> None:
    """The recipe as it is pasted leaves most threats open, for objects and for the bucket."""
    proof = _proof(read_folder(shared_data / "common-recipe"))
    assert proof.exit_code == 1
    found = {one.id: one.verdict for one in proof.threats}
    for name in ("delete-version", "requester-pays", "open-bucket", "foreign-trail-writes"):
        assert found[name] is Outcome.COUNTEREXAMPLE
    assert found["change-bucket-policy"] is Outcome.PROVED
    assert sum(one is Outcome.COUNTEREXAMPLE for one in found.values()) >= 29


def test_compliance_lock_alone() -> None:
    """A lock in compliance mode alone keeps versions, whatever the policies say; markers it does not."""
    asked = _locked(_recipe(), has_lock=True, lock_mode="COMPLIANCE", lock_days=400)
    version = prove_threat(BY_ID["delete-version"], asked)
    assert version.verdict is Outcome.PROVED
    assert (version.layers, version.depth) == (("object-lock",), 1)
    assert prove_threat(BY_ID["hide-by-delete-marker"], asked).verdict is Outcome.COUNTEREXAMPLE
    assert prove_threat(BY_ID["bypass-governance"], asked).verdict is Outcome.PROVED


def test_governance_needs_two_permissions() -> None:
    """In governance mode a version is deleted by whoever has both permissions, and denying one of them closes it."""
    files = _recipe()
    asked = _locked(files, has_lock=True, lock_mode="GOVERNANCE", lock_days=400)
    found = prove_threat(BY_ID["delete-version"], asked)
    assert found.verdict is Outcome.COUNTEREXAMPLE
    assert [one.action for one in (*found.before, found.witness) if one] == [
        "s3:DeleteObjectVersion",
        "s3:BypassGovernanceRetention",
    ]
    document = json.loads(files["scp.json"])
    document["Statement"].append(
        {"Effect": "Deny", "Action": "s3:BypassGovernanceRetention", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    )
    files["scp.json"] = json.dumps(document).encode()
    asked = _locked(files, has_lock=True, lock_mode="GOVERNANCE", lock_days=400)
    closed = prove_threat(BY_ID["delete-version"], asked)
    assert closed.verdict is Outcome.PROVED
    assert closed.reason == "the lock in governance mode asks for s3:BypassGovernanceRetention as well"


def test_lifecycle_that_is_there() -> None:
    """A lifecycle rule that expires logs needs nobody's permission any more."""
    asked = _locked(_recipe(), expirations=("rule 'x' expires logs after 30 days",))
    found = prove_threat(BY_ID["expire-by-lifecycle"], asked)
    assert found.verdict is Outcome.COUNTEREXAMPLE
    assert found.reason == "no request is needed: rule 'x' expires logs after 30 days"
    assert found.witness is None


def test_key_that_is_lost() -> None:
    """A key that waits for its deletion is no longer a matter of who may delete it."""
    asked = _locked(_recipe(), has_key=True, key_state="PendingDeletion")
    assert prove_threat(BY_ID["destroy-key"], asked).verdict is Outcome.COUNTEREXAMPLE
    assert prove_threat(BY_ID["destroy-key"], asked).reason == "the key is PendingDeletion already"


def test_key_of_the_management_account() -> None:
    """A key in the management account is bound by no SCP and no RCP, and the verdict says so."""
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
    }
    key = "arn:aws:kms:eu-central-1:111111111111:key/11112222-3333-4444-5555-666677778888"
    files = folder({**RECIPE, "key-policy.json": policy}, params={**PARAMS, "key": key})
    found = _one(files, "destroy-key")
    assert found.verdict is Outcome.RESIDUAL
    assert found.witness is not None
    assert found.witness.account == "111111111111"


def test_archive_administrator_leaves_first() -> None:
    """What an SCP refuses an archive administrator gets by leaving the organization first."""
    plans = {(one.threat, one.actor): one for one in _proof(_recipe()).plans}
    found = plans["expire-by-lifecycle", "archive administrator"]
    assert found.calls == ("organizations:LeaveOrganization", "s3:PutLifecycleConfiguration")
    above = plans["change-bucket-policy", "management administrator"]
    assert above.calls == (
        "organizations:DetachPolicy scp.json",
        "sts:AssumeRole into 222222222222",
        "s3:PutBucketPolicy",
    )


def test_no_plan_through_a_compliance_lock(shared_data: Path) -> None:
    """No sequence of calls deletes a version that a lock in compliance mode holds."""
    guards = document_guards(read_folder(shared_data / "guard-set"))
    facts = replace(guards.facts, has_lock=True, lock_mode="COMPLIANCE", lock_days=400)
    proof = prove_archive(replace(guards, facts=facts))
    plans = {(one.threat, one.actor): one for one in proof.plans}
    locked = plans["delete-version", "management administrator"]
    assert locked.calls is None
    assert locked.reason.startswith("Object Lock in compliance mode, until the date of each version")
    assert plans["destroy-key", "management administrator"].calls is not None
    inside = plans["hide-by-delete-marker", "archive administrator"]
    assert inside.calls is None


def test_two_controls_together() -> None:
    """Where no control refuses everybody alone, depth counts the ones that must fail for the weakest caller."""
    both = frozenset({Control.RCP, Control.BUCKET_POLICY})
    alone = frozenset({Control.ARCHIVE_SCP})
    assert minimal([both, alone, both | alone]) == {both, alone}
    hit = hitting(frozenset({both, alone}))
    assert hit is not None
    assert len(hit) == 2
    assert hitting(frozenset({frozenset()})) is None
    assert hitting(frozenset()) == frozenset()


def _denies() -> st.SearchStrategy[dict[str, Any]]:
    actions = st.sampled_from(
        ["s3:*", "s3:Delete*", "s3:PutObject", "s3:DeleteObjectVersion", "s3:PutBucket*"]
    )
    resources = st.sampled_from(["*", f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"])
    conditions = st.sampled_from(
        [
            {},
            {"StringNotEquals": {"aws:SourceArn": TRAIL}},
            {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::222222222222:role/Break*"}},
            {"Bool": {"aws:SecureTransport": "false"}},
        ]
    )
    return st.builds(
        lambda action, resource, condition: {
            "Effect": "Deny",
            "Action": action,
            "Resource": resource,
            **({"Condition": condition} if condition else {}),
        },
        actions,
        resources,
        conditions,
    )


@settings(max_examples=15)
@given(st.lists(_denies(), min_size=1, max_size=3), _denies())
def test_one_deny_more_never_opens(listed: list[dict[str, Any]], more: dict[str, Any]) -> None:
    """A Deny more in the SCP never opens what was proved, and never lowers a depth."""
    names = ("delete-version", "overwrite-log", "change-bucket-policy", "open-bucket")
    before = _scp(listed)
    after = _scp([*listed, more])
    for name in names:
        first, second = _one(before, name), _one(after, name)
        if first.verdict is Outcome.PROVED:
            assert second.verdict is Outcome.PROVED
            assert first.depth is None or (second.depth is not None and second.depth >= first.depth)


def _scp(listed: list[dict[str, Any]]) -> Folder:
    return folder({**RECIPE, "scp.json": {"Version": "2012-10-17", "Statement": listed}}, params=PARAMS)


@settings(max_examples=15)
@given(st.lists(_denies(), min_size=1, max_size=3))
def test_closures_agree_with_the_proofs(listed: list[dict[str, Any]]) -> None:
    """A class has a set of controls that refuses it exactly where the proof about it finds nothing."""
    asked = prover(_scp(listed))
    for attacker in (Attacker.ARCHIVE_ROOT, Attacker.ARCHIVE_IAM, Attacker.OUTSIDER):
        for asker, *_ in askers(asked.guards, attacker, DELETE_VERSION):
            found = prove(asked.question(asker, DELETE_VERSION)).outcome
            assert asked.closed(asker, DELETE_VERSION).is_closed is (found is Found.NONE)
