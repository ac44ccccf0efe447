"""Lifecycle, tags and the account's public access: what agrees with the lock, and what others set, stays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from estates import config, in_force, nothing, planned, with_facts
from trailkeep.core.config import Config
from trailkeep.guard.changes import PutLifecycle, PutTags
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Estate
from trailkeep.guard.model import apply_all
from trailkeep.guard.plan_lifecycle import early_expirations
from trailkeep.guard.plan_storage import lifecycle_rules

EXPIRES = config({"archive.lifecycle_expire_days": 500})
LIFTED = Allowance.LIFT_GUARDS


def _expiring() -> Estate:
    return apply_all(nothing(), planned(EXPIRES, nothing()).actions)


def _rules(settings: Config, estate: Estate, *allow: Allowance) -> list[dict[str, Any]]:
    actions = planned(settings, estate, LIFTED, *allow).actions
    put = [action for action in actions if isinstance(action, PutLifecycle)]
    found: list[dict[str, Any]] = json.loads(put[0].document) if put else []
    return found


def test_nothing_expires_by_default() -> None:
    """Without a setting the only rule is about uploads that were never finished."""
    (rule,) = _rules(config(), nothing())
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert not {"Expiration", "NoncurrentVersionExpiration", "Transitions"} & set(rule)


@pytest.mark.parametrize("expire", [400, 401, 5000])
def test_rules_are_never_early(expire: int) -> None:
    """No rule of ours ends a log, hidden or not, before the retention is over."""
    text = json.dumps(lifecycle_rules(expire, held_days=400))
    assert [*early_expirations(text, 400)] == []


def test_no_rule_names_markers_and_days() -> None:
    """S3 refuses a rule with both days and ExpiredObjectDeleteMarker, so they are rules of their own."""
    expirations = [rule["Expiration"] for rule in lifecycle_rules(500, held_days=400) if "Expiration" in rule]
    assert expirations == [{"Days": 500}, {"ExpiredObjectDeleteMarker": True}]


def test_logs_begin_to_go_only_when_allowed() -> None:
    """In an archive that kept everything, no log begins to go, and none sooner, without the allowance."""
    for start, asked in (
        (in_force(), EXPIRES),
        (_expiring(), config({"archive.lifecycle_expire_days": 450})),
    ):
        plan = planned(asked, start, LIFTED)
        assert plan.actions == ()
        assert [one.allow for one in plan.kept] == [Allowance.SHORTEN_RETENTION]
        actions = planned(asked, start, LIFTED, Allowance.SHORTEN_RETENTION).actions
        assert ("bucket.lifecycle", True) in [(action.id, action.destructive) for action in actions]


def test_logs_stay_longer_without_an_allowance() -> None:
    """Keeping logs longer or for ever needs no more than the lifted guard."""
    later = _rules(config({"archive.lifecycle_expire_days": 900}), _expiring())
    assert next(rule["Expiration"] for rule in later if "Expiration" in rule) == {"Days": 900}
    assert [rule["ID"] for rule in _rules(config(), _expiring())] == ["trailkeep-uploads"]


def test_a_longer_lock_moves_the_rule() -> None:
    """Where the bucket's lock holds longer than is asked for, logs expire when it ends, not before."""
    held = with_facts(_expiring(), {"bucket.object_lock.days": 700})
    rules = {rule["ID"]: rule for rule in _rules(EXPIRES, held)}
    assert rules["trailkeep-expire"]["Expiration"] == {"Days": 700}
    assert rules["trailkeep-expire"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 700}


def test_rules_of_others_stay() -> None:
    """A rule that is not Trailkeep's is written back as it was, and named."""
    theirs = {
        "ID": "theirs",
        "Status": "Enabled",
        "Filter": {"Prefix": "reports/"},
        "Expiration": {"Days": 1},
    }
    drifted = with_facts(in_force(), {"bucket.lifecycle": json.dumps([theirs])})
    rules = _rules(config(), drifted)
    assert theirs in rules
    assert [rule["ID"] for rule in rules] == ["theirs", "trailkeep-uploads"]
    assert [one.reason for one in planned(config(), drifted).kept] == [
        "lifecycle rule theirs is not Trailkeep's"
    ]


def test_filter_that_s3_writes_differently() -> None:
    """A filter that S3 returns as empty is the same as the empty prefix that was put."""
    rules = lifecycle_rules(0, held_days=400)
    returned = json.dumps([{**rule, "Filter": {}} for rule in rules])
    assert planned(config(), with_facts(in_force(), {"bucket.lifecycle": returned})).blocked == ()


def test_rule_that_was_switched_off() -> None:
    """A rule of ours that somebody disabled is enabled again."""
    rules = [{**rule, "Status": "Disabled"} for rule in lifecycle_rules(0, held_days=400)]
    drifted = with_facts(in_force(), {"bucket.lifecycle": json.dumps(rules)})
    assert [one.action.id for one in planned(config(), drifted).blocked] == ["bucket.lifecycle"]


def test_tags_of_others_stay() -> None:
    """Every tag that is there is written back with ours, because S3 replaces them all."""
    tags = [
        {"fact": "Tag", "key": "cost-center", "value": "42"},
        {"fact": "Tag", "key": "managed-by", "value": "hand"},
    ]
    actions = planned(config(), with_facts(in_force(), {"bucket.tags": tags}), LIFTED).actions
    (put,) = (action for action in actions if isinstance(action, PutTags))
    assert [(tag.key, tag.value) for tag in put.tags] == [("cost-center", "42"), ("managed-by", "trailkeep")]


@pytest.mark.parametrize(
    ("fact", "undecided"),
    [
        ("bucket.tags", "which tags of acme-trail-archive would have to stay"),
        ("account_public_access_block", "whether account 222222222222 blocks public access as a whole"),
    ],
)
def test_unreadable(fact: str, undecided: str) -> None:
    """What cannot be read is unknown, and is not written over."""
    refused = {"fact": "Unreadable", "call": "s3:Get", "error": "AccessDenied: no"}
    plan = planned(config(), with_facts(in_force(), {fact: refused}))
    assert ([one.undecided for one in plan.unknown], plan.actions) == ([undecided], ())


def test_account_is_never_public() -> None:
    """An account whose public access block is off in part gets all of it."""
    block = dict.fromkeys(
        ("block_public_acls", "ignore_public_acls", "block_public_policy", "restrict_public_buckets"), True
    )
    fact = {"fact": "PublicAccessBlock", **block, "ignore_public_acls": False}
    plan = planned(config(), with_facts(in_force(), {"account_public_access_block": fact}), LIFTED)
    assert [action.id for action in plan.actions] == [
        "scp.detach",
        "rcp.detach",
        "account.public_access",
        "scp.attach",
        "rcp.attach",
    ]
