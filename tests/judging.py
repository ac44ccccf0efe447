"""The whole pure core over a bucket in memory: what ``verify`` does, without reading anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from signed_chains import BUCKET, HOUR, Object
from trailkeep.core.layout import DigestKey, parse_key
from trailkeep.core.verdict import Verdict
from trailkeep.keep.chain import judge_chain
from trailkeep.keep.chain_parts import ChainId, Gap, Head, ReadDigest, chain_of
from trailkeep.keep.coverage import (
    Expected,
    absent,
    ends,
    listed_logs,
    missing_logs,
    unexpected_key,
    unlisted_logs,
)
from trailkeep.keep.digest import DigestError, check_log, read_digest
from trailkeep.keep.gaps import TrailEvent, coverage_gap, explain_gap
from trailkeep.keep.integrity import Finding, found, outcome
from trailkeep.keep.signing_keys import KeyRing


def judge(
    objects: Mapping[str, Object],
    expected: Expected,
    ring: KeyRing | None,
    *,
    events: Sequence[TrailEvent] = (),
    anchor: Head | None = None,
    as_of: datetime | None = None,
) -> tuple[Verdict, list[Finding]]:
    """Judge the objects of one account and region."""
    now = as_of or expected.until + 3 * HOUR
    findings: list[Finding] = []
    chains: dict[ChainId, list[ReadDigest]] = {}
    unread: list[str] = []
    holes: list[Gap] = []
    logs = []
    for key, stored in objects.items():
        name = parse_key(key)
        if strange := unexpected_key(key, bucket=BUCKET):
            findings.append(strange)
        elif isinstance(name, DigestKey):
            try:
                digest = read_digest(stored.body, bucket=BUCKET, key=key)
                chains.setdefault(chain_of(digest), []).append(
                    ReadDigest(digest=digest, signature=stored.signature)
                )
            except DigestError as error:
                findings.append(found(error.kind, key, error.message))
                unread.append(key)
        else:
            logs.append(key)
    if not unread:
        findings += absent(expected, chains)
    listed = {}
    checked = 0
    newest = None
    for chain, reads in chains.items():
        result = judge_chain(reads, ring=ring, anchor=anchor, unread=unread, as_of=now)
        findings += result.findings
        holes += result.holes
        for gap in (*result.gaps, *ends(expected, expected.accounts[0], chain, result.digests, as_of=now)):
            note = explain_gap(gap, events, joined_at=expected.accounts[0].joined_at)
            findings.append(note or coverage_gap(gap))
            holes += [] if note else [gap]
        named, odd = listed_logs(result.digests)
        findings += odd
        listed.update(named)
        checked += len(result.proven)
        newest = max((at for at in (newest, result.head and result.head.ends_at) if at), default=None)
    findings += missing_logs(listed, logs, bucket=BUCKET)
    for key in logs:
        if key in listed:
            findings += check_log(objects[key].body, listed[key], object=key).findings
    findings += unlisted_logs(logs, listed, bucket=BUCKET, holes=holes, newest_end=newest, as_of=now).findings
    return outcome(findings, checked), findings
