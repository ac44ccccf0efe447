"""The roles that may read: in the bucket policy, in the key policy, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

from estates import config, in_force, nothing, planned
from trailkeep.guard.changes import CreateKey, PutBucketPolicy
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.documents import only_lets_read
from trailkeep.guard.model import apply_all

AUDIT = "arn:aws:iam::333333333333:role/audit"
OTHER = "arn:aws:iam::999999999999:role/security/reader"
READERS = config({"archive.readers": (AUDIT, OTHER), "archive.encryption": "sse-kms"})


def _statement(text: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        one for one in json.loads(text)["Statement"] if one["Sid"] == "TrailkeepReaders"
    )
    return found


def test_readers_read_and_decrypt() -> None:
    """Each named role may list and read in the bucket and decrypt with the key, and may do no more."""
    actions = planned(READERS, nothing()).actions
    policy = next(action.document for action in actions if isinstance(action, PutBucketPolicy))
    key = next(action.document for action in actions if isinstance(action, CreateKey))
    assert _statement(policy)["Principal"] == _statement(key)["Principal"] == {"AWS": [AUDIT, OTHER]}
    assert only_lets_read(_statement(policy))
    assert _statement(key)["Action"] == ["kms:Decrypt", "kms:DescribeKey"]


def test_readers_that_were_asked_for_are_no_concern() -> None:
    """A reader outside of the organization that the configuration names is not reported as an outsider."""
    estate = apply_all(nothing(), planned(READERS, nothing()).actions)
    plan = planned(READERS, estate)
    assert (plan.actions, plan.concerns, plan.kept) == ((), (), ())


def test_nobody_is_named_by_default() -> None:
    """Without readers no role is let in."""
    assert "TrailkeepReaders" not in str(in_force())


def test_another_reader_replaces_the_list() -> None:
    """Changing the list changes the statement, and nobody stays in it."""
    settings = config({"archive.readers": (AUDIT,)})
    estate = apply_all(nothing(), planned(config({"archive.readers": (OTHER,)}), nothing()).actions)
    after = apply_all(estate, planned(settings, estate, Allowance.LIFT_GUARDS).actions)
    assert OTHER not in str(after.bucket)
    assert AUDIT in str(after.bucket)
