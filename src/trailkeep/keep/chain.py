"""Which digests of one chain are proven, and what is wrong with the links between them.

1. A signature is checked for each digest alone (``prove``), so digests may be checked in parallel.
2. A digest whose SHA-256 a trusted head states, or that a proven next digest states, is proven by hash alone:
   a signature covers the digest's hash, which covers ``previousDigestHashValue``, and so on down the chain.
3. Each link is compared with the actual previous digest: key, hash and signature. A genuine digest with
   another hash is an older edition put back (``digest.chain_mismatch``).
4. A previous digest that is named and not there is missing; more time without digests is a gap.
5. A starting digest behind another one leaves a gap, which ``keep.gaps`` may explain.
6. A trusted head that is no longer in the chain, nor named by it, was rolled back.

Backfill digests are linked among themselves and leave no gaps. Sound for one window of time after the other:
the head of a window is the anchor of the next.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import msgspec

from trailkeep.core.verdict import VerdictKind
from trailkeep.keep.chain_links import Links, rolled_back
from trailkeep.keep.chain_parts import ChainResult, Gap, Head, Proof, ReadDigest, about, chain_of, hole_of
from trailkeep.keep.digest import signed_by
from trailkeep.keep.integrity import Finding, Kind
from trailkeep.keep.signing_keys import KeyRing

__all__ = ["judge_chain", "prove"]

_AHEAD: Final = timedelta(minutes=5)


def prove(read: ReadDigest, ring: KeyRing | None) -> ReadDigest:
    """Check one digest's signature; what fails becomes a finding that a link may still settle."""
    digest = read.digest
    if ring is None:
        return read
    if read.signature is None:
        message = "digest: expected a signature in its metadata, got none, and no later digest proves it"
        lost = about(Kind.DIGEST_METADATA_LOST, read, message, verdict=VerdictKind.UNKNOWN)
        return replace(read, findings=(lost,))
    key = ring.find(digest.region, digest.fingerprint, read.generated_at or digest.ends_at)
    if isinstance(key, str):
        unknown = about(Kind.DIGEST_UNKNOWN_KEY, read, f"digest: expected a known key, got none: {key}")
        return replace(read, findings=(unknown,))
    if signed_by(digest, read.signature, key):
        return replace(read, state=Proof.SIGNATURE, findings=())
    bad = about(Kind.DIGEST_BAD_SIGNATURE, read, f"digest: expected the signature of key {key.fingerprint}")
    return replace(read, findings=(bad,))


def judge_chain(
    chain: Sequence[ReadDigest],
    *,
    ring: KeyRing | None,
    anchor: Head | None = None,
    remembered: Head | None = None,
    unread: Collection[str] = (),
    metadata_kept: bool = True,
    complete: bool = True,
    as_of: datetime | None = None,
    proved: bool = False,
) -> ChainResult:
    """Judge the digests of one chain (or a window of it), regular and backfill.

    Args:
        chain: the digests that could be read.
        ring: the public keys; None proves by the anchor alone.
        anchor: a trusted head: in the chain, above or just below it.
        remembered: a head that an earlier run proved: the chain must lead back to it, and it proves nothing.
        unread: keys of digests that are there but damaged or unreadable, with findings of their own.
        metadata_kept: False for copies that never had S3 metadata.
        complete: whether all that is left of the chain is here; False for a window that starts later.
        as_of: now; a digest that ends later is unexpected.
        proved: whether ``prove`` has run on the digests already.
    """
    checked = [one if proved else prove(one, ring) for one in chain]
    checked.sort(key=lambda one: (one.digest.ends_at, one.digest.starts_at, one.digest.key))
    by_key = {one.digest.key: one for one in checked}
    settled = _settled(checked, by_key, anchor, metadata_kept=metadata_kept)
    regular = [one for one in settled if not one.digest.backfill]
    links = Links(settled, anchor, frozenset(unread), complete=complete)
    links.walk(regular)
    links.walk([one for one in settled if one.digest.backfill])
    late = [_future(one, as_of) for one in settled if as_of and one.digest.ends_at > as_of + _AHEAD]
    proven = [one for one in regular if one.state is not Proof.NONE]
    back = rolled_back(regular, anchor or remembered, frozenset(unread), complete=complete)
    findings = [finding for one in settled for finding in one.findings]
    return ChainResult(
        digests=tuple(settled),
        proven=frozenset(one.digest.key for one in settled if one.state is not Proof.NONE),
        findings=(*findings, *links.findings, *late, *back),
        gaps=tuple(links.gaps),
        holes=(
            *links.holes,
            *(_own_hole(one) for one in settled if one.state is Proof.NONE),
            *(hole for key in unread if (hole := hole_of(key))),
            *(_behind(regular, anchor or remembered) if back else ()),
        ),
        head=_head(proven[-1]) if proven else None,
    )


def _settled(
    chain: list[ReadDigest], by_key: Mapping[str, ReadDigest], anchor: Head | None, *, metadata_kept: bool
) -> list[ReadDigest]:
    """Step 2, from the newest digest to the oldest."""
    stated: dict[str, tuple[str, str]] = {}
    done: dict[str, ReadDigest] = {}
    for one in reversed(chain):
        digest = one.digest
        if anchor and (digest.key, digest.sha256) == (anchor.key, anchor.sha256):
            one = replace(one, state=Proof.ANCHOR, findings=())  # noqa: PLW2901 - the same digest, settled
        if digest.key in stated:
            one = _by_next(one, *stated[digest.key], metadata_kept=metadata_kept)  # noqa: PLW2901
        elif one.state is Proof.NONE and not one.findings:
            message = "digest: expected a key, a later digest or a trusted head that proves it, got none"
            one = replace(one, findings=(about(Kind.DIGEST_UNKNOWN_KEY, one, message),))  # noqa: PLW2901
        done[digest.key] = one
        if one.state is not Proof.NONE and digest.previous_key and digest.previous_key in by_key:
            stated[digest.previous_key] = (digest.previous_sha256 or "", digest.previous_signature or "")
    return [done[one.digest.key] for one in chain]


def _by_next(one: ReadDigest, sha256: str, signature: str, *, metadata_kept: bool) -> ReadDigest:
    digest = one.digest
    if digest.sha256 != sha256:
        if one.state is Proof.NONE and one.findings:
            failed = tuple(
                msgspec.structs.replace(each, verdict=VerdictKind.FAIL, expected=sha256, actual=digest.sha256)
                for each in one.findings
            )
            return replace(one, findings=failed)
        message = "digest: expected the hash that the next digest states, got another edition of it"
        other = about(Kind.DIGEST_CHAIN_MISMATCH, one, message, expected=sha256, actual=digest.sha256)
        return replace(one, state=Proof.NONE, findings=(other,))
    state = Proof.NEXT if one.state is Proof.NONE else one.state
    same = one.signature is not None and one.signature.lower() == signature.lower()
    if same or (one.signature is None and not metadata_kept):
        return replace(one, state=state, findings=())
    message = (
        "digest: expected the signature that the next digest states in its metadata, got none or another"
    )
    lost = about(Kind.DIGEST_METADATA_LOST, one, message, expected=signature, actual=one.signature or "")
    return replace(one, state=state, findings=(lost,))


def _future(one: ReadDigest, as_of: datetime | None) -> Finding:
    message = f"digest: expected to end by {as_of}, got {one.digest.end_text}"
    return about(Kind.DIGEST_UNEXPECTED, one, message)


def _own_hole(one: ReadDigest) -> Gap:
    digest = one.digest
    return Gap(chain=chain_of(digest), since=digest.starts_at, until=digest.ends_at)


def _behind(regular: Sequence[ReadDigest], head: Head | None) -> Iterator[Gap]:
    """Yield the time from the newest digest that is left to the head that is gone."""
    if head and regular and (newest := regular[-1].digest).ends_at < head.ends_at:
        yield Gap(chain=chain_of(newest), since=newest.ends_at, until=head.ends_at)


def _head(one: ReadDigest) -> Head:
    digest = one.digest
    return Head(
        account=digest.account,
        region=digest.region,
        trail_name=digest.trail_name,
        key=digest.key,
        sha256=digest.sha256,
        signature=one.signature or "",
        ends_at=digest.ends_at,
        home_region=digest.home_region,
        version=one.version,
        fingerprint=digest.fingerprint,
    )
