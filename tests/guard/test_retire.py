"""Retiring says what outlives the archive and what is left to a human, and promises nothing."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

import pytest

from estates import config, in_force, nothing, with_facts
from trailkeep.core.errors import UsageError
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.estate import Estate
from trailkeep.guard.retire import Retirement, retirement, retirement_lines

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _retired(estate: Estate) -> Retirement:
    return retirement(blueprint_for(config(), estate), estate, now=NOW)


def test_what_outlives_an_armed_archive() -> None:
    """Trail, locked logs, bucket and guard outlive the decision, and the guard comes off after the lock is over."""
    found = _retired(in_force())
    assert found.locked_until == "2027-02-06T03:04:05Z"
    assert [text.split(" ")[0] for text in found.outlives] == [
        "the",
        "a",
        "acme-trail-archive",
        "the",
        "the",
        "the",
        "the",
    ]
    assert "delivers and bills until somebody stops it" in found.outlives[0]
    order = [
        "stop-logging",
        "open at least until 2027-02-06",
        "detach-policy",
        "put-bucket-policy",
        "empty and delete",
    ]
    places = [next(at for at, text in enumerate(found.by_hand) if part in text) for part in order]
    assert places == sorted(places)
    assert found.unknown == ()
    assert next(retirement_lines(found)).startswith("retiring the archive: nothing was stopped")


def test_the_armed_policy_is_replaced_before_the_bucket_is_emptied() -> None:
    """The policy that the list says to put denies no deleting, and nothing is said of one that is not armed."""
    blueprint = blueprint_for(config(), nothing())
    (step,) = (text for text in _retired(in_force()).by_hand if "put-bucket-policy" in text)
    assert shlex.split(step)[-1] == blueprint.bucket_policy
    plain = _retired(with_facts(in_force(), {"bucket.policy": blueprint.bucket_policy}))
    assert not any("bucket policy" in text for text in (*plain.outlives, *plain.by_hand))
    refused = {"fact": "Unreadable", "call": "s3:GetBucketPolicy", "error": "AccessDenied: no"}
    unknown = _retired(with_facts(in_force(), {"bucket.policy": refused})).unknown
    assert unknown == ("whether the bucket policy denies deleting: s3:GetBucketPolicy: AccessDenied: no",)


def test_other_credentials() -> None:
    """Credentials of another account are refused: what they cannot see is not taken for gone."""
    with pytest.raises(UsageError):
        _retired(with_facts(in_force(), {"caller.account": "333333333333"}))


def test_nothing_to_retire() -> None:
    """Where nothing was built nothing outlives."""
    found = _retired(nothing())
    assert (found.locked_until, found.outlives, found.unknown) == ("", (), ())


def test_what_could_not_be_read_is_unknown() -> None:
    """A lock that could not be read is never taken for none."""
    refused = {"fact": "Unreadable", "call": "s3:GetObjectLockConfiguration", "error": "AccessDenied: no"}
    found = _retired(with_facts(in_force(), {"bucket.object_lock": refused}))
    assert found.unknown == ("how long logs are locked: s3:GetObjectLockConfiguration: AccessDenied: no",)
    assert "what could not be read:" in list(retirement_lines(found))
