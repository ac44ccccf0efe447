"""Chains of digests: clean ones pass, and every tampering has its finding."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judging import judge
from signed_chains import BUCKET, HOUR, START, Chain, Object, ring
from trailkeep.core.verdict import VerdictKind
from trailkeep.keep.chain import judge_chain
from trailkeep.keep.chain_parts import Head, ReadDigest
from trailkeep.keep.coverage import Expected, ExpectedAccount
from trailkeep.keep.digest import read_digest
from trailkeep.keep.gaps import TrailEvent

CLEAN = Chain().hours([2, 0, 1, 0, 2, 1])


def _expected(chain: Chain) -> Expected:
    return Expected(
        accounts=(ExpectedAccount(account=chain.account),),
        regions=(chain.region,),
        since=START,
        until=chain.at,
        source="the test",
    )


def _kinds(chain: Chain, *keys: str, events: tuple[TrailEvent, ...] = ()) -> tuple[str, set[str]]:
    verdict, findings = judge(chain.objects, _expected(chain), ring(*keys), events=events)
    return verdict.kind, {finding.kind for finding in findings}


def _backfilled() -> Chain:
    chain = Chain().hours([1, 1])
    late = chain.log(chain.at - timedelta(minutes=20))
    chain.at -= HOUR
    chain.digest([late], backfill=True)
    chain.at += HOUR
    return chain


@pytest.mark.parametrize(
    "chain",
    [
        CLEAN,
        Chain(prefix="a/b/").hours([1, 0, 1]),
        Chain(organization="").hours([1, 0, 1]),
        Chain().hours([1, 0]).hours([2, 1], key="second"),
        _backfilled(),
    ],
    ids=["organization", "prefix", "account", "rotation", "backfill"],
)
def test_clean(chain: Chain) -> None:
    """A clean chain of any shape passes without a finding."""
    assert _kinds(chain, "first", "second") == ("PASS", set())


def test_stop_and_start() -> None:
    """A gap passes when the trail's own events explain it, and fails when they do not."""
    chain = Chain().hours([1, 1]).restart(5 * HOUR).hours([1])
    stop = TrailEvent(
        name="StopLogging",
        at=START + HOUR + timedelta(minutes=30),
        trail_name="org-trail",
        account=chain.account,
        region=chain.home,
        stops=True,
    )
    start = replace(stop, name="StartLogging", at=START + 7 * HOUR, stops=False)
    assert _kinds(chain, events=(stop, start)) == ("PASS", {"note.gap_explained"})
    assert _kinds(chain) == ("FAIL", {"digest.coverage_gap"})
    early = replace(start, at=START + 4 * HOUR)
    assert _kinds(chain, events=(stop, early)) == ("FAIL", {"digest.coverage_gap"})
    foreign = replace(stop, account="222222222222")
    assert _kinds(chain, events=(foreign, start)) == ("FAIL", {"digest.coverage_gap"})


def _logs(chain: Chain) -> list[str]:
    return [key for key in chain.objects if key not in chain.digests]


def _append(chain: Chain, key: str) -> None:
    chain.objects[key].body += gzip.compress(b"{}")


def _edit(chain: Chain, key: str) -> None:
    raw = gzip.decompress(chain.objects[key].body)
    chain.objects[key].body = gzip.compress(raw.replace(b"e", b"f", 1) if b"Rec" in raw else raw + b" ")


def _roll_back(chain: Chain) -> None:
    other = Chain().hours([2, 0, 0])
    chain.objects[chain.digests[2]] = other.objects[other.digests[2]]


def _forge(chain: Chain, at: int) -> None:
    other = Chain().hours([2, 0, 1, 0, 2, 1][:at]).hours([1], key="evil")
    chain.objects[chain.digests[at]] = other.objects[other.digests[at]]


TAMPERINGS: list[tuple[str, Callable[[Chain], object], str, set[str]]] = [
    ("log modified", lambda c: _edit(c, _logs(c)[0]), "FAIL", {"log.hash_mismatch"}),
    ("log deleted", lambda c: c.objects.pop(_logs(c)[0]), "FAIL", {"log.missing"}),
    ("log appended", lambda c: _append(c, _logs(c)[0]), "FAIL", {"log.trailing_data"}),
    ("log unpacked", lambda c: c.objects.update({_logs(c)[0]: Object(b'{"Records":[]}')}), "FAIL", {"log.bad_gzip"}),
    ("log inserted", lambda c: c.log(START + timedelta(minutes=30)), "FAIL", {"log.unlisted"}),
    ("stray log", lambda c: c.objects.update({_logs(c)[0] + ".bak": Object(b"x")}), "FAIL", {"log.unlisted"}),
    ("digest deleted", lambda c: c.objects.pop(c.digests[2]), "FAIL", {"digest.missing"}),
    ("three deleted", lambda c: [c.objects.pop(c.digests[i]) for i in (1, 2, 3)], "FAIL", {"digest.missing", "digest.coverage_gap"}),
    ("first deleted", lambda c: c.objects.pop(c.digests[0]), "FAIL", {"digest.missing"}),
    ("tail deleted", lambda c: [c.objects.pop(c.digests[i]) for i in (3, 4, 5)], "FAIL", {"digest.coverage_gap"}),
    ("erased", lambda c: c.objects.clear(), "FAIL", {"account.absent"}),
    ("digest edited", lambda c: _edit(c, c.digests[2]), "FAIL", {"digest.bad_signature"}),
    ("digest appended", lambda c: _append(c, c.digests[2]), "FAIL", {"digest.trailing_data"}),
    ("rolled back", _roll_back, "FAIL", {"digest.chain_mismatch"}),
    ("own key", lambda c: _forge(c, 2), "FAIL", {"digest.unknown_key"}),
    ("own key at the head", lambda c: _forge(c, 5), "UNKNOWN", {"digest.unknown_key"}),
    ("moved", lambda c: c.objects.update({c.digests[1]: c.objects[c.digests[2]]}), "FAIL", {"digest.moved"}),
    ("metadata lost", lambda c: setattr(c.objects[c.digests[1]], "signature", None), "FAIL", {"digest.metadata_lost"}),
    ("metadata of the head", lambda c: setattr(c.objects[c.digests[5]], "signature", None), "UNKNOWN", {"digest.metadata_lost"}),
    ("stray digest", lambda c: c.objects.update({c.digests[1] + ".x": Object(b"x")}), "FAIL", {"digest.unexpected"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("tamper", "verdict", "kinds"), [case[1:] for case in TAMPERINGS], ids=[case[0] for case in TAMPERINGS]
)
def test_tampering(tamper: Callable[[Chain], object], verdict: str, kinds: set[str]) -> None:
    """Every tampering has its own finding and no other."""
    chain = deepcopy(CLEAN)
    tamper(chain)
    assert _kinds(chain) == (verdict, kinds)


def _reads(chain: Chain) -> list[ReadDigest]:
    return [
        ReadDigest(digest=read_digest(one.body, bucket=BUCKET, key=key), signature=one.signature)
        for key, one in chain.objects.items()
        if key in chain.digests
    ]


def test_anchor() -> None:
    """A trusted head proves its chain by hashes alone, without keys and without metadata."""
    head = judge_chain(_reads(CLEAN), ring=ring()).head
    bare = [replace(one, signature=None) for one in _reads(CLEAN)]
    result = judge_chain(bare, ring=None, anchor=head, metadata_kept=False)
    assert (result.findings, result.proven) == ((), frozenset(CLEAN.digests))


def test_head_went_backwards() -> None:
    """A chain that ends before its trusted head was rolled back; one that goes on from it was not."""
    head = judge_chain(_reads(CLEAN), ring=ring()).head
    assert isinstance(head, Head)
    older = judge_chain(_reads(CLEAN)[:-1], ring=ring(), anchor=head)
    assert [finding.kind for finding in older.findings] == ["head.rolled_back"]
    longer = deepcopy(CLEAN).hours([1])
    assert judge_chain(_reads(longer)[-1:], ring=ring(), anchor=head, complete=False).findings == ()
    gone = judge_chain(_reads(longer)[-1:], ring=ring(), anchor=head)
    assert {finding.kind for finding in gone.findings} == {"digest.missing"}


@given(st.data())
def test_any_flip(data: st.DataObject) -> None:
    """An archive with any bit of any object flipped never passes, unless its content is the same."""
    chain = deepcopy(CLEAN)
    key = data.draw(st.sampled_from(sorted(chain.objects)))
    body = bytearray(chain.objects[key].body)
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= 1 << data.draw(st.integers(0, 7))
    chain.objects[key].body = bytes(body)
    verdict, kinds = _kinds(chain)
    if verdict == VerdictKind.PASS:  # gzip's header has a time, a flag and unused bits that are no content
        assert gzip.decompress(bytes(body)) == gzip.decompress(CLEAN.objects[key].body)
        assert kinds == set()


@given(
    st.lists(
        st.tuples(st.sampled_from(["drop", "swap", "copy"]), st.integers(0, 99), st.integers(0, 99)),
        min_size=1,
        max_size=5,
    )
)
def test_any_moves(moves: list[tuple[str, int, int]]) -> None:
    """No sequence of deleting, swapping and copying genuine objects passes, unless it restores them all."""
    chain = deepcopy(CLEAN)
    genuine = sorted(CLEAN.objects)
    for what, one, other in moves:
        first, second = genuine[one % len(genuine)], genuine[other % len(genuine)]
        if what == "drop":
            chain.objects.pop(first, None)
        elif what == "copy":
            chain.objects[second] = CLEAN.objects[first]
        elif first in chain.objects and second in chain.objects:
            chain.objects[first], chain.objects[second] = chain.objects[second], chain.objects[first]
    assert _kinds(chain)[0] != VerdictKind.PASS or chain.objects == CLEAN.objects
