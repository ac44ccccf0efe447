"""The archive's key: made once, used by bucket and trail, watched, and never given up by accident."""

from __future__ import annotations

import json
from typing import Any

import pytest

from estates import config, created_archive, in_force, nothing, planned, with_facts
from trailkeep.core.config import Config
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.changes import CreateKey, PutBucketEncryption, SetTrailKey
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Absent, Estate, Key
from trailkeep.guard.evaluate import (
    FULL_AWS_ACCESS,
    Decision,
    Layers,
    Principal,
    PrincipalKind,
    Request,
    evaluate,
)
from trailkeep.guard.key_policy import NEW_KEY
from trailkeep.guard.model import apply_all
from trailkeep.guard.plan_statements import covered
from trailkeep.guard.policy import parse_policy

KMS = config({"archive.encryption": "sse-kms"})
ARN = "arn:aws:kms:eu-central-1:222222222222:key/00000000-0000-4000-8000-000000000000"


def _keyed() -> Estate:
    """Return the organization in which everything is in force, with a key."""
    return apply_all(nothing(), planned(KMS, nothing()).actions)


def _ids(settings: Config, estate: Estate, *allow: Allowance) -> list[str]:
    return [action.id for action in planned(settings, estate, *allow).actions]


def test_key_comes_first_and_the_trail_gets_it_before_it_starts() -> None:
    """The key is there before the bucket names it, and no log is delivered before the trail encrypts with it."""
    ids = _ids(KMS, nothing())
    places = [
        ids.index(one)
        for one in ("key.create", "bucket.create", "bucket.encryption", "trail.create", "trail.encryption")
    ]
    assert places == sorted(places)
    assert ids.index("trail.encryption") < ids.index("trail.start")


def test_nothing_is_left_with_a_key() -> None:
    """After the plan with a key the next one is empty, and bucket and trail name the key by its ARN."""
    estate = _keyed()
    assert planned(KMS, estate).actions == ()
    assert isinstance(estate.key, Key)
    assert estate.key.arn == ARN
    text = str(estate)
    assert NEW_KEY not in text
    assert text.count(f"kms_key='{ARN}'") == 2


def test_key_of_an_account_that_is_yet_to_be_created() -> None:
    """The key's policy names the account that the same plan creates."""
    settings = config(
        {
            "archive.encryption": "sse-kms",
            "archive.account": "",
            "archive.account_name": "log-archive",
            "archive.account_email": "logs@example.com",
        }
    )
    start = with_facts(nothing(), {"archive_account": {"fact": "Absent"}})
    assert created_archive().archive.account == ""
    estate = apply_all(start, planned(settings, start).actions)
    assert planned(settings, estate).actions == ()
    assert isinstance(estate.key, Key)
    assert "arn:aws:iam::900000000000:root" in str(estate.key.policy)


def test_policy_of_the_key() -> None:
    """CloudTrail may use the key for this trail alone, and the archive account manages it."""
    create = next(action for action in planned(KMS, nothing()).actions if isinstance(action, CreateKey))
    statements = json.loads(create.document)["Statement"]
    trail = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep"
    assert [one["Sid"] for one in statements] == [
        "ArchiveAccountManages",
        "CloudTrailEncrypt",
        "CloudTrailDescribe",
        "CloudTrailDecrypt",
    ]
    assert {one["Condition"]["StringEquals"]["aws:SourceArn"] for one in statements[1:]} == {trail}


def test_guard_keeps_the_key() -> None:
    """With a key the guard denies its deletion, and without one it says nothing of keys."""
    assert "ArchiveKeyStays" in str(_keyed().service_control_policies)
    assert "kms:" not in str(in_force().service_control_policies)


_HARMS = (
    "CreateGrant",
    "DeleteAlias",
    "DeleteImportedKeyMaterial",
    "DisableKey",
    "DisableKeyRotation",
    "ImportKeyMaterial",
    "PutKeyPolicy",
    "ReplicateKey",
    "RetireGrant",
    "RevokeGrant",
    "RotateKeyOnDemand",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdatePrimaryRegion",
    "WhatKmsHasYetToInvent",
)
_USES = (
    "Decrypt",
    "DescribeKey",
    "GetKeyPolicy",
    "ListGrants",
    "GenerateDataKey",
    "EnableKey",
    "CancelKeyDeletion",
)


@pytest.mark.parametrize("kind", [PrincipalKind.ROOT, PrincipalKind.IAM])
def test_guard_refuses_all_but_the_use_of_the_key(kind: PrincipalKind) -> None:
    """The archive account's root and roles may use the key and save it, and do nothing else to it."""
    guard = next(one for one in blueprint_for(KMS, _keyed()).guards if one.key == "scp")
    scp = parse_policy(guard.document, name=guard.name)
    who = Principal(kind=kind, account_id="222222222222", arn="arn:aws:iam::222222222222:role/Admin")

    def refused(action: str) -> bool:
        request = Request(
            principal=who, action=f"kms:{action}", resource=ARN, resource_account_id="222222222222"
        )
        layers = Layers(scps=((FULL_AWS_ACCESS, scp),), management_account_id="111111111111")
        return evaluate(request, layers).decision is Decision.EXPLICIT_DENY

    assert [action for action in _HARMS if not refused(action)] == []
    assert [action for action in _USES if refused(action)] == []


def test_an_older_guard_of_the_key_is_replaced() -> None:
    """A guard that listed what harms the key is extended, without an allowance and without a remainder."""
    older = {
        "Sid": "ArchiveKeyStays",
        "Effect": "Deny",
        "Action": ["kms:ScheduleKeyDeletion", "kms:DisableKey*", "kms:PutKeyPolicy", "kms:CreateGrant"],
        "Resource": ["arn:aws:kms:eu-central-1:222222222222:key/*"],
    }
    guard = next(one for one in blueprint_for(KMS, _keyed()).guards if one.key == "scp")
    assert covered(older, json.loads(guard.document)["Statement"])
    assert not covered({**older, "Action": ["kms:Dec*"]}, json.loads(guard.document)["Statement"])


@pytest.mark.parametrize("origin", ["EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"])
def test_key_whose_material_is_not_of_kms(origin: str) -> None:
    """A key whose material can be taken away is a concern, and no plan lets it encrypt more than it does."""
    facts = {"key.origin": origin, "bucket.encryption": {"fact": "Absent"}}
    plan = planned(KMS, with_facts(_keyed(), facts), Allowance.LIFT_GUARDS)
    assert [concern.observed for concern in plan.concerns] == [f"the origin of its material is {origin}"]
    assert "every log that was encrypted with it is lost" in plan.concerns[0].consequence
    assert plan.actions == ()
    assert plan.exit_code == 1
    unnamed = with_facts(_keyed(), {**facts, "key.alias": ""})
    assert "key.create" in _ids(KMS, unnamed, Allowance.LIFT_GUARDS)


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion", "PendingImport"])
@pytest.mark.parametrize("settings", [KMS, config()], ids=["sse-kms", "sse-s3"])
def test_key_that_cannot_be_used(state: str, settings: Config) -> None:
    """A key that is not enabled is a concern, and nothing is pointed at it."""
    plan = planned(settings, with_facts(_keyed(), {"key.state": state}))
    assert [concern.observed for concern in plan.concerns] == [f"its state is {state}"]
    assert "CloudTrail cannot deliver" in plan.concerns[0].consequence
    assert plan.exit_code == 1
    assert not {"bucket.encryption", "trail.encryption"} & {action.id for action in plan.actions}


def test_time_of_deletion_is_named() -> None:
    """A key that is being deleted is named with the moment after which nothing brings the logs back."""
    facts = {"key.state": "PendingDeletion", "key.deletion_at": "2026-02-03T04:05:06Z"}
    concern = planned(KMS, with_facts(_keyed(), facts)).concerns[0]
    assert concern.observed == "its state is PendingDeletion, to be deleted at 2026-02-03 04:05 UTC"


def test_going_back_needs_an_allowance() -> None:
    """Asking for sse-s3 again keeps the key on bucket and trail until 'drop-key' is allowed."""
    plan = planned(config(), _keyed(), Allowance.LIFT_GUARDS)
    assert not {"bucket.encryption", "trail.encryption"} & {action.id for action in plan.actions}
    assert [one.allow for one in plan.kept if ARN in one.reason] == [Allowance.DROP_KEY] * 2
    allowed = planned(config(), _keyed(), Allowance.DROP_KEY, Allowance.LIFT_GUARDS)
    dropped = [one for one in allowed.actions if isinstance(one, PutBucketEncryption | SetTrailKey)]
    assert [(one.id, one.kms_key, one.destructive) for one in dropped] == [
        ("bucket.encryption", "", True),
        ("trail.encryption", "", True),
    ]


_UNREADABLE = {"fact": "Unreadable", "call": "kms:DescribeKey", "error": "AccessDenied: no"}


@pytest.mark.parametrize(
    ("facts", "undecided"),
    [
        ({"key": _UNREADABLE}, "whether CloudTrail can use the key that encrypts the logs"),
        ({"key.policy": _UNREADABLE}, f"whether the policy of {ARN} lets CloudTrail encrypt"),
        ({"key.rotates": _UNREADABLE}, f"whether {ARN} is renewed every year"),
        ({"bucket.encryption": _UNREADABLE}, "which key encrypts what arrives in acme-trail-archive"),
    ],
)
def test_unreadable(facts: dict[str, Any], undecided: str) -> None:
    """What cannot be read of the key is unknown, and nothing is done in its place."""
    plan = planned(KMS, with_facts(_keyed(), facts))
    assert [one.undecided for one in plan.unknown] == [undecided]
    assert plan.actions == ()


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        ({"key.rotates": False}, "key.rotation"),
        ({"key.policy": '{"Version":"2012-10-17","Statement":[]}'}, "key.policy"),
        ({"bucket.encryption.bucket_key": False}, "bucket.encryption"),
        ({"bucket.encryption.kms_key": "alias/other"}, "bucket.encryption"),
    ],
)
def test_drift_is_repaired_when_the_guard_may_be_lifted(facts: dict[str, Any], action: str) -> None:
    """What drifted of key and default encryption waits for the guard, and is then repaired."""
    drifted = with_facts(_keyed(), facts)
    assert [one.action.id for one in planned(KMS, drifted).blocked] == [action]
    ids = _ids(KMS, drifted, Allowance.LIFT_GUARDS)
    assert ids == ["scp.detach", "rcp.detach", action, "scp.attach", "rcp.attach"]
    assert _ids(KMS, apply_all(drifted, planned(KMS, drifted, Allowance.LIFT_GUARDS).actions)) == []


def test_trail_without_the_key() -> None:
    """A trail that somebody took the key from gets it back, guard or not."""
    assert _ids(KMS, with_facts(_keyed(), {"trails.0.kms_key": ""})) == ["trail.encryption"]


def test_trail_waits_for_a_key_that_is_blocked() -> None:
    """The trail is not pointed at a key that the guard keeps from being made ready."""
    plan = planned(KMS, in_force())
    assert plan.actions == ()
    blocked = [(one.action.id, one.allow) for one in plan.blocked]
    assert ("key.create", Allowance.LIFT_GUARDS) in blocked
    assert ("trail.encryption", Allowance.LIFT_GUARDS) in blocked
    after = apply_all(in_force(), planned(KMS, in_force(), Allowance.LIFT_GUARDS).actions)
    assert _ids(KMS, after) == []


def test_key_elsewhere_is_not_the_archives() -> None:
    """A key in another account or of AWS is left alone, and the archive gets one of its own."""
    for facts in ({"key.arn": ARN.replace("222222222222", "111111111111")}, {"key.manager": "AWS"}):
        estate = with_facts(_keyed(), facts)
        assert "key.create" in _ids(KMS, estate, Allowance.LIFT_GUARDS)


def test_statement_of_others_in_the_key_policy() -> None:
    """Who may decrypt stays as a concern until allowed to go; a statement that lets do more is not dropped unasked."""
    key = _keyed().key
    assert isinstance(key, Key)
    policy = json.loads(str(key.policy))
    reader = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::333333333333:root"}, "Resource": "*"}
    policy["Statement"] += [{**reader, "Action": "kms:Decrypt"}]
    kept = planned(KMS, with_facts(_keyed(), {"key.policy": json.dumps(policy)}))
    assert (kept.actions, kept.blocked, len(kept.kept)) == ((), (), 1)
    assert [(one.subject, one.observed.partition(": ")[0]) for one in kept.concerns] == [
        (f"key {ARN}", "the key policy lets in all of account 333333333333")
    ]
    assert "archive.readers" in kept.concerns[0].remedy
    facts = {"key.policy": json.dumps(policy)}
    gone = planned(KMS, with_facts(_keyed(), facts), Allowance.LIFT_GUARDS, Allowance.REPLACE_POLICY)
    assert ("key.policy", True) in [(action.id, action.destructive) for action in gone.actions]
    assert gone.concerns == ()
    policy["Statement"] += [{**reader, "Action": "kms:PutKeyPolicy"}]
    facts = {"key.policy": json.dumps(policy)}
    plan = planned(KMS, with_facts(_keyed(), facts), Allowance.LIFT_GUARDS)
    assert [(one.action.id, one.allow) for one in plan.blocked] == [("key.policy", Allowance.REPLACE_POLICY)]


def test_key_that_is_gone() -> None:
    """A trail that names a key which does not exist is a concern."""
    estate = with_facts(in_force(), {"trails.0.kms_key": ARN})
    assert isinstance(estate.key, Absent)
    assert ARN in planned(config(), estate).concerns[0].subject
