"""Proofs against the embedded AWS: what is proved is refused there, and every counterexample gets through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from guard_verbs import BUCKET, Verbs, settings
from replaying import NOT_IN_MOTO, REFUSALS, Replay, caller_of, why_not
from trailkeep.guard.estate import Key, decode_estate
from trailkeep.guard.facts import Stands, standing
from trailkeep.guard.prove import prove_threat
from trailkeep.guard.prove_closure import Prover
from trailkeep.guard.prove_documents import document_guards
from trailkeep.guard.prove_estate import estate_guards
from trailkeep.guard.prove_model import Outcome
from trailkeep.guard.prove_pairs import Pair, open_pairs, pairs
from trailkeep.guard.threat import Attacker, Threat
from trailkeep.guard.threats import THREATS
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, ORGANIZATION_ID, Sandbox

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

NAME = "recipe-trail-archive"
LOG = f"AWSLogs/{ORGANIZATION_ID}/222222222222/CloudTrail/eu-central-1/2026/11/24/a.json.gz"
RECIPE_BUCKET_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "CloudTrailAclCheck",
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "s3:GetBucketAcl",
            "Resource": f"arn:aws:s3:::{NAME}",
        },
        {
            "Sid": "CloudTrailWrite",
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{NAME}/AWSLogs/{ORGANIZATION_ID}/*",
            "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
        },
    ],
}
RECIPE_SCP = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "ProtectLogs",
            "Effect": "Deny",
            "Action": [
                "s3:DeleteBucket",
                "s3:DeleteBucketPolicy",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:PutBucketAcl",
                "s3:PutBucketPolicy",
                "s3:PutBucketVersioning",
                "s3:PutEncryptionConfiguration",
                "s3:PutLifecycleConfiguration",
                "s3:PutObjectAcl",
                "s3:PutObjectTagging",
            ],
            "Resource": [f"arn:aws:s3:::{NAME}"],
        }
    ],
}
PARAMS = {
    "bucket": NAME,
    "management_account": "111111111111",
    "archive_account": LOG_ARCHIVE_ACCOUNT_ID,
    "organization": ORGANIZATION_ID,
    "trail": "arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep",
}


def _recipe(sandbox: Sandbox) -> Replay:
    """Set up what is usually pasted: a bucket policy without a source, an SCP on the bucket's ARN alone."""
    storage = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    storage.create_bucket(
        Bucket=NAME,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        ObjectLockEnabledForBucket=True,
    )
    version = storage.put_object(Bucket=NAME, Key=LOG, Body=b"log")["VersionId"]
    storage.put_bucket_policy(Bucket=NAME, Policy=json.dumps(RECIPE_BUCKET_POLICY))
    management = sandbox.client("organizations")
    root = management.list_roots()["Roots"][0]["Id"]
    management.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    made = management.create_policy(
        Name="pasted", Description="x", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(RECIPE_SCP)
    )
    policy = made["Policy"]["PolicySummary"]["Id"]
    management.attach_policy(PolicyId=policy, TargetId=LOG_ARCHIVE_ACCOUNT_ID)
    return Replay(sandbox=sandbox, bucket=NAME, log=LOG, version=version)


def _pasted() -> Prover:
    files = {"bucket-policy.json": RECIPE_BUCKET_POLICY, "scp.json": RECIPE_SCP, "params.json": PARAMS}
    return Prover(guards=document_guards({name: json.dumps(one).encode() for name, one in files.items()}))


def _actions(pair: Pair) -> tuple[str, ...]:
    return tuple(dict.fromkeys(call.action for call in pair.way))


def _closed_pairs(prover: Prover) -> Iterator[tuple[Threat, Pair]]:
    """Yield what is proved: every way of every class that nothing gets through."""
    for threat in THREATS:
        if standing(threat, prover.guards.facts).stands is not Stands.ABSENT:
            yield from ((threat, pair) for pair in pairs(threat, prover) if pair.closure.is_closed)


def _replay_closed(replay: Replay, prover: Prover) -> tuple[int, list[str], set[str]]:
    """Make every call that is proved to be refused.

    Returns:
        How many were made, which were not refused, and the actions that no call makes.
    """
    made, through, uncalled = 0, list[str](), set[str]()
    for threat, pair in _closed_pairs(prover):
        uncalled |= replay.uncallable(pair)
        if replay.uncallable(pair) or caller_of(pair.asker) is None:
            continue
        made += 1
        answer = replay.answer(pair.asker, _actions(pair))
        if answer not in REFUSALS:
            through.append(f"{threat.id}: {_actions(pair)} by {pair.asker}: {answer!r}")
    return made, through, uncalled


def _open_pairs(prover: Prover) -> dict[tuple[str, tuple[str, ...], str], Pair]:
    """Return every request of the counterexamples, each once."""
    return {
        (threat.id, _actions(pair), str(pair.asker)): pair
        for threat in THREATS
        if prove_threat(threat, prover).verdict is Outcome.COUNTEREXAMPLE
        for pair in open_pairs(threat, prover)
    }


def _expected(pair: Pair) -> str:
    return next((NOT_IN_MOTO[action] for action in _actions(pair) if action in NOT_IN_MOTO), "")


def test_pasted_recipe_proved(sandbox: Sandbox) -> None:
    """Around the usual recipe whatever is proved to be refused is refused by the embedded AWS."""
    made, through, uncalled = _replay_closed(_recipe(sandbox), _pasted())
    assert made > 150
    assert through == []
    assert all(map(why_not, uncalled))


def test_pasted_recipe_counterexamples(sandbox: Sandbox) -> None:
    """Around the usual recipe every counterexample for root gets through the embedded AWS, each on a new one."""
    prover, replayed, without = _pasted(), set[str](), dict[str, set[str]]()
    for (threat, actions, _), pair in _open_pairs(prover).items():
        if caller_of(pair.asker) is None or pair.asker.attacker is Attacker.ARCHIVE_IAM:
            continue
        replay = Replay(sandbox=sandbox, bucket=NAME, log=LOG, version="")
        if lacking := replay.uncallable(pair):
            without.setdefault(threat, set()).update(lacking)
            continue
        sandbox.reset()
        assert _recipe(sandbox).answer(pair.asker, actions) == _expected(pair), (threat, actions)
        replayed.add(threat)
    assert {"delete-version", "overwrite-log", "requester-pays", "foreign-trail-writes"} <= replayed
    assert all(why_not(action) for lacking in without.values() for action in lacking)
    assert without.keys() - replayed == {
        "batch-job",
        "close-account",
        "delete-trail-role",
        "disable-region",
        "replicate-into-archive",
        "second-access-path",
    }


@pytest.mark.parametrize("encryption", ["sse-s3", "sse-kms"])
def test_armed_archive(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encryption: str
) -> None:
    """Around an armed archive proofs and counterexamples are what the embedded AWS answers."""
    verbs = Verbs(sandbox, monkeypatch, tmp_path)
    text = settings().replace("[retention]", f'encryption = "{encryption}"\n[retention]')
    (tmp_path / "trailkeep.toml").write_text(text)
    assert verbs.armed().exit_code == 0
    verbs.run("plan", "--save-estate", "estate.json")
    estate = decode_estate((tmp_path / "estate.json").read_bytes())
    prover = Prover(guards=estate_guards(estate, trail="trailkeep"))
    log = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).list_object_versions(Bucket=BUCKET)["Versions"][0]
    key = estate.key.arn if isinstance(estate.key, Key) else ""
    replay = Replay(sandbox=sandbox, bucket=BUCKET, log=log["Key"], version=log["VersionId"], key=key)
    made, through, uncalled = _replay_closed(replay, prover)
    assert made > 200
    assert through == []
    assert all(map(why_not, uncalled))
    for (threat, actions, who), pair in _open_pairs(prover).items():
        if caller_of(pair.asker):
            assert not replay.uncallable(pair)
            assert replay.answer(pair.asker, actions) == _expected(pair), (threat, actions, who)


def test_the_verb_on_an_armed_archive(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An armed archive with S3's own keys is open to nobody below the management account."""
    verbs = Verbs(sandbox, monkeypatch, tmp_path)
    verbs.write()
    assert verbs.armed().exit_code == 0
    proof = verbs.run("prove", "--json").document
    found = {one["id"]: one for one in proof["threats"]}
    assert [name for name, one in found.items() if one["verdict"] == "COUNTEREXAMPLE"] == []
    assert (found["detach-guards"]["verdict"], found["detach-guards"]["who"]) == ("RESIDUAL", [])
    assert found["delete-version"]["depth"] >= 2
    management = next(one for one in proof["plans"] if one["threat"] == "delete-version")
    assert management["calls"][0].startswith("organizations:")
