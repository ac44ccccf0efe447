"""What should be there and is not, and what is there and should not be."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from judging import judge
from signed_chains import BUCKET, HOUR, START, Chain, listed_key, ring
from trailkeep.keep.chain import judge_chain
from trailkeep.keep.chain_parts import ChainId, Gap, ReadDigest
from trailkeep.keep.coverage import Expected, ExpectedAccount, absent, ends, hours, unlisted_logs
from trailkeep.keep.digest import read_digest
from trailkeep.keep.gaps import explain_gap, trail_event
from trailkeep.keep.integrity import SEVERITY, WEIGHT, Kind, found, outcome
from trailkeep.keep.signing_keys import KeyRing

CHAIN = ChainId("111111111111", "eu-central-1", "org-trail", "eu-central-1")


def _expected(*accounts: str, since: datetime | None = START, until: datetime = START + 3 * HOUR) -> Expected:
    return Expected(
        accounts=tuple(ExpectedAccount(account=one) for one in accounts or ("111111111111",)),
        regions=("eu-central-1", "us-east-1"),
        since=since,
        until=until,
        source="the test",
    )


def _judged(
    *chains: Chain, as_of: datetime | None = None, keys: KeyRing | None = None
) -> tuple[str, list[str]]:
    objects = {key: one for chain in chains for key, one in chain.objects.items()}
    expected = replace(_expected(until=chains[0].at), regions=("eu-central-1",))
    verdict, findings = judge(objects, expected, keys or ring(), as_of=as_of)
    return verdict.kind, [finding.kind for finding in findings]


def test_absent() -> None:
    """An account without any digest is absent as a whole, a region of one as a chain."""
    findings = absent(_expected("111111111111", "333333333333"), [CHAIN])
    assert [(one.kind, one.object) for one in findings] == [
        ("chain.absent", "111111111111/us-east-1"),
        ("account.absent", "333333333333"),
    ]


def test_two_trails() -> None:
    """Logs of two trails in one folder are listed when either trail's digests name them."""
    one, other = Chain().hours([1, 1, 0]), Chain(trail="second").hours([2, 0, 1])
    assert _judged(one, other) == ("PASS", [])
    other.log(START + timedelta(minutes=40))
    assert _judged(one, other) == ("FAIL", ["log.unlisted"])


def test_pending() -> None:
    """A log newer than the newest digest waits for its digest two hours, and is unlisted then."""
    chain = Chain().hours([1, 1])
    chain.log(chain.at + timedelta(minutes=5))
    assert _judged(chain, as_of=chain.at + timedelta(minutes=20)) == ("PASS", ["note.pending"])
    assert _judged(chain, as_of=chain.at + 3 * HOUR) == ("FAIL", ["log.unlisted"])


def test_listed_twice() -> None:
    """A log that digests name with two hashes is altered, whichever it has."""
    chain = Chain().hours([0])
    entry = chain.log(START + HOUR + timedelta(minutes=5))
    chain.digest([entry])
    chain.digest([{**entry, "hashValue": "0" * 64}])
    assert _judged(chain) == ("FAIL", ["log.hash_mismatch"])


@pytest.mark.parametrize("other", [Chain(account="222222222222"), Chain(region="us-east-1")])
def test_foreign_log(other: Chain) -> None:
    """A digest that names a log of another account or region is unexpected."""
    chain = Chain().hours([0])
    chain.digest([deepcopy(other).log(chain.at)])
    assert _judged(chain) == ("FAIL", ["digest.unexpected"])


def test_foreign_key() -> None:
    """A key of another region, or of another time, proves nothing."""
    chain = Chain().hours([1])
    assert _judged(chain, keys=KeyRing([listed_key("first", "us-east-1")])) == (
        "UNKNOWN",
        ["digest.unknown_key"],
    )
    old = listed_key("first", valid_until=START - timedelta(days=1))
    assert _judged(chain, keys=KeyRing([old])) == ("UNKNOWN", ["digest.unknown_key"])


def _reads(chain: Chain) -> list[ReadDigest]:
    return [
        ReadDigest(digest=read_digest(chain.objects[key].body, bucket=BUCKET, key=key), signature=chain.objects[key].signature)
        for key in chain.digests
    ]  # fmt: skip


def test_times() -> None:
    """Linked digests that leave time between them, or overlap, or end in the future, are found."""
    chain = Chain().hours([0])
    chain.at += HOUR
    assert _judged(chain.hours([0])) == ("FAIL", ["digest.coverage_gap"])
    chain = Chain().hours([0, 0])
    chain.digest([], digestStartTime=f"{START:%Y-%m-%dT%H:%M:%SZ}")
    assert _judged(chain) == ("FAIL", ["digest.unexpected"])
    late = judge_chain(_reads(Chain().hours([0, 0])), ring=ring(), as_of=START + HOUR)
    assert [one.kind for one in late.findings] == ["digest.unexpected"]


def test_hours() -> None:
    """Hours are covered, explained or uncovered."""
    gap = Gap(chain=CHAIN, since=START, until=START + timedelta(minutes=61))
    result = judge_chain(_reads(Chain().hours([0, 0, 0])), ring=ring())
    count = hours(result.digests, [gap], []) + hours([], [], [gap])
    assert (count.covered, count.explained, count.uncovered) == (3, 2, 2)


def test_ends() -> None:
    """A chain that begins late or ends early leaves gaps, less what the account's own times excuse."""
    digests = _reads(Chain().hours([0]))
    account = ExpectedAccount(account="111111111111")
    wide = _expected(since=START - 9 * HOUR, until=START + 9 * HOUR)
    assert [(gap.since, gap.until) for gap in ends(wide, account, CHAIN, digests, as_of=wide.until)] == [
        (START - 9 * HOUR, START),
        (START + HOUR, START + 9 * HOUR),
    ]
    member = replace(account, joined_at=START - HOUR, left_at=START + 2 * HOUR)
    assert ends(wide, member, CHAIN, digests, as_of=wide.until) == []


def test_tail() -> None:
    """The next digest is due two hours after the last one ended, and a window begins at its very start."""
    digests = _reads(Chain().hours([0, 0]))
    account = ExpectedAccount(account="111111111111")
    end = START + 2 * HOUR
    window = _expected(since=START - HOUR, until=end + HOUR)
    assert ends(window, account, CHAIN, digests, as_of=end + 2 * HOUR - timedelta(seconds=1)) == []
    (tail,) = ends(window, account, CHAIN, digests, as_of=end + 2 * HOUR)
    assert (tail.since, tail.until) == (end, end + HOUR)
    (lead,) = ends(window, account, CHAIN, digests, as_of=end, complete=False)
    assert (lead.since, lead.until) == (START - HOUR, START)


def test_unlisted_kinds() -> None:
    """Logs of hours without proven digests stand under that finding; insights are not judged."""
    chain = Chain()
    entry = chain.log(START)["s3Object"]
    insight = entry.replace("/CloudTrail/", "/CloudTrail-Insight/").replace(
        "_CloudTrail_", "_CloudTrail-Insight_"
    )
    hole = Gap(chain=CHAIN, since=START, until=START + HOUR)
    result = unlisted_logs([entry, insight], (), bucket=BUCKET, holes=[hole], newest_end=None, as_of=START)
    assert (result.findings, result.unproven, result.unjudged) == ((), 1, 1)


@pytest.mark.parametrize(
    ("name", "parameters", "stops"),
    [
        ("StopLogging", {"name": "arn:aws:cloudtrail:eu-central-1:111111111111:trail/org-trail"}, True),
        ("StartLogging", {"name": "org-trail"}, False),
        ("UpdateTrail", {"name": "org-trail", "enableLogFileValidation": False}, True),
        ("UpdateTrail", {"name": "org-trail", "enableLogFileValidation": True}, False),
        ("UpdateTrail", {"name": "org-trail", "s3BucketName": "other"}, True),
        ("UpdateTrail", {"name": "org-trail"}, None),
        ("PutEventSelectors", {"trailName": "org-trail"}, None),
    ],
)
def test_events(name: str, parameters: dict[str, Any], stops: bool | None) -> None:  # noqa: FBT001
    """Only what ends or begins digests explains a gap, and no call that failed."""
    where = {"name": name, "at": START, "account": "111111111111", "region": "eu-central-1"}
    event = trail_event(**where, parameters=parameters)  # type: ignore[arg-type]
    assert event is not None
    assert (event.trail_name, event.stops) == ("org-trail", stops)
    assert trail_event(**where, parameters=parameters, failed=True) is None  # type: ignore[arg-type]
    gap = Gap(chain=CHAIN, since=START + HOUR, until=START + 5 * HOUR)
    assert (explain_gap(gap, [event]) is not None) == bool(stops)
    within = (START + 2 * HOUR, START + 3 * HOUR)
    assert explain_gap(gap, [event], others=[within]) is None


def test_outcome() -> None:
    """Every kind has a severity and a weight; nothing checked is never PASS, and notes change nothing."""
    assert set(SEVERITY) == set(WEIGHT) == set(Kind)
    assert outcome([], 0).kind == "UNKNOWN"
    for kind in Kind:
        assert outcome([found(kind, "x", "y")], 1).kind == WEIGHT[kind]
        assert (WEIGHT[kind] == "PASS") == kind.value.startswith("note.")


def test_final_digest() -> None:
    """A final digest erased with its logs is found: the gap then begins before the trail was stopped."""
    gap = Gap(chain=CHAIN, since=START + HOUR, until=START + 9 * HOUR)
    event = trail_event(
        name="StopLogging",
        at=START + 2 * HOUR,
        account="111111111111",
        region="eu-central-1",
        parameters={"name": "org-trail"},
    )
    assert event is not None
    assert explain_gap(gap, [event]) is None
    assert explain_gap(replace(gap, since=event.at), [event]) is not None
