"""Whose log is awaited, and in which words arming is refused."""

from __future__ import annotations

from msgspec.structs import replace

from estates import config, in_force, with_facts
from trailkeep.guard.arrival import Arrival, awaited_accounts, describe, refusal
from trailkeep.guard.blueprint import blueprint_for

BLUEPRINT = blueprint_for(config(), in_force())
FOUND = Arrival(awaited=("333333333333",), account="333333333333", key="AWSLogs/x.json.gz")


def test_members_are_awaited() -> None:
    """The management account and the archive account are not awaited while there is another member."""
    assert awaited_accounts(BLUEPRINT, in_force()) == ("333333333333",)


def test_the_archive_alone() -> None:
    """Where no other member is active, the archive account's own log is awaited."""
    alone = with_facts(in_force(), {"accounts.2.status": "SUSPENDED"})
    assert awaited_accounts(BLUEPRINT, alone) == ("222222222222",)


def test_a_failing_delivery_is_seen() -> None:
    """What GetTrailStatus says of the last delivery refuses arming even where a log is there."""
    assert refusal(BLUEPRINT, FOUND) == ""
    failing = replace(FOUND, delivery_error="NoSuchBucket")
    assert "GetTrailStatus says: NoSuchBucket" in refusal(BLUEPRINT, failing)


def test_what_does_not_count_is_named() -> None:
    """Where only older logs are there, both the answer and the refusal say so."""
    older = Arrival(awaited=FOUND.awaited, missing="only older logs are there: the newest, x, was")
    assert describe(older) == (
        "no log of a member account has arrived yet, because only older logs are there: the newest, x, was"
    )
    assert "got none, because only older logs are there" in refusal(BLUEPRINT, older)


def test_the_words() -> None:
    """A missing log, a log that is there and a refused look are told apart."""
    assert describe(Arrival(awaited=())) == "no log of a member account has arrived yet"
    assert describe(FOUND) == "a log of member account 333333333333 has arrived: AWSLogs/x.json.gz"
    assert describe(Arrival(awaited=(), error="no")).startswith(
        "whether a member account's log has arrived is"
    )
    assert refusal(BLUEPRINT, Arrival(awaited=())) == (
        "s3://acme-trail-archive: expected a member account's log before the archive is armed, got none; "
        "run 'trailkeep apply' without --arm, wait the 15 minutes that CloudTrail needs "
        "(or add --wait 30), and arm again"
    )


def test_what_arming_does_not_wait_for_refuses_nothing() -> None:
    """Where the archive was armed before, neither a missing log nor a failing delivery keeps it from being armed."""
    waits_not = Arrival(awaited=FOUND.awaited, delivery_error="AccessDenied", must_arrive=False)
    assert (waits_not.lets_arm, refusal(BLUEPRINT, waits_not)) == (True, "")
    assert describe(waits_not).endswith("the archive was armed before, so arming does not wait for one")
