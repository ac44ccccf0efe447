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

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from trailkeep.core.layout import DigestKey, parse_key
from trailkeep.core.verdict import VerdictKind
from trailkeep.keep.digest import Digest, signed_by
from trailkeep.keep.integrity import Finding, Kind, found
from trailkeep.keep.signing_keys import KeyRing

__all__ = [
    "HOUR",
    "ChainId",
    "ChainResult",
    "Gap",
    "Head",
    "Proof",
    "ReadDigest",
    "chain_of",
    "hole_of",
    "judge_chain",
    "prove",
]

HOUR: Final = timedelta(hours=1)
_TOUCH = timedelta(minutes=1)
_AHEAD = timedelta(minutes=5)


class Proof(StrEnum):
    """By what a digest is proven."""

    SIGNATURE = "signature"
    NEXT = "next"
    ANCHOR = "anchor"
    NONE = "none"


class ChainId(NamedTuple):
    """What tells one chain from another."""

    account: str
    region: str
    trail_name: str
    home_region: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The newest proven digest of a chain; kept where an attacker cannot write, it proves all before it."""

    account: str
    region: str
    trail_name: str
    key: str
    sha256: str
    signature: str
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDigest:
    """A digest with its metadata: the signature, and when a backfill digest was generated."""

    digest: Digest
    signature: str | None
    generated_at: datetime | None = None
    version: str = ""
    state: Proof = Proof.NONE
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Time that no digest of a chain covers; ``restart`` where the next digest is a starting one."""

    chain: ChainId
    since: datetime
    until: datetime
    restart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainResult:
    """``digests`` are in order of their ends; ``holes`` is time whose digests are missing or not proven."""

    digests: tuple[ReadDigest, ...]
    proven: frozenset[str]
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    holes: tuple[Gap, ...]
    head: Head | None


def chain_of(digest: Digest) -> ChainId:
    """Return the chain that a digest belongs to."""
    return ChainId(digest.account, digest.region, digest.trail_name, digest.home_region)


def prove(read: ReadDigest, ring: KeyRing | None) -> ReadDigest:
    """Check one digest's signature; what fails becomes a finding that a link may still settle."""
    digest = read.digest
    if ring is None:
        return read
    if read.signature is None:
        message = "digest: expected a signature in its metadata, got none, and no later digest proves it"
        lost = _on(Kind.DIGEST_METADATA_LOST, read, message, verdict=VerdictKind.UNKNOWN)
        return replace(read, findings=(lost,))
    key = ring.find(digest.region, digest.fingerprint, read.generated_at or digest.ends_at)
    if isinstance(key, str):
        unknown = _on(Kind.DIGEST_UNKNOWN_KEY, read, f"digest: expected a known key, got none: {key}")
        return replace(read, findings=(unknown,))
    if signed_by(digest, read.signature, key):
        return replace(read, state=Proof.SIGNATURE, findings=())
    bad = _on(Kind.DIGEST_BAD_SIGNATURE, read, f"digest: expected the signature of key {key.fingerprint}")
    return replace(read, findings=(bad,))


def judge_chain(
    chain: Sequence[ReadDigest],
    *,
    ring: KeyRing | None,
    anchor: Head | None = None,
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
    links = _Links(settled, anchor, frozenset(unread), complete=complete)
    links.walk(regular)
    links.walk([one for one in settled if one.digest.backfill])
    late = [_future(one, as_of) for one in settled if as_of and one.digest.ends_at > as_of + _AHEAD]
    proven = [one for one in regular if one.state is not Proof.NONE]
    findings = [finding for one in settled for finding in one.findings]
    return ChainResult(
        digests=tuple(settled),
        proven=frozenset(one.digest.key for one in settled if one.state is not Proof.NONE),
        findings=(*findings, *links.findings, *late, *_rolled_back(regular, anchor)),
        gaps=tuple(links.gaps),
        holes=(
            *links.holes,
            *(_own_hole(one) for one in settled if one.state is Proof.NONE),
            *(hole for key in unread if (hole := hole_of(key))),
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
            one = replace(one, findings=(_on(Kind.DIGEST_UNKNOWN_KEY, one, message),))  # noqa: PLW2901
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
        other = _on(Kind.DIGEST_CHAIN_MISMATCH, one, message, expected=sha256, actual=digest.sha256)
        return replace(one, state=Proof.NONE, findings=(other,))
    state = Proof.NEXT if one.state is Proof.NONE else one.state
    same = one.signature is not None and one.signature.lower() == signature.lower()
    if same or (one.signature is None and not metadata_kept):
        return replace(one, state=state, findings=())
    message = (
        "digest: expected the signature that the next digest states in its metadata, got none or another"
    )
    lost = _on(Kind.DIGEST_METADATA_LOST, one, message, expected=signature, actual=one.signature or "")
    return replace(one, state=state, findings=(lost,))


class _Links:
    """Steps 3 to 5."""

    def __init__(
        self, chain: Sequence[ReadDigest], anchor: Head | None, unread: frozenset[str], *, complete: bool
    ) -> None:
        self.by_key = {one.digest.key: one for one in chain}
        self.anchor = anchor
        self.unread = unread
        self.complete = complete
        self.findings: list[Finding] = []
        self.gaps: list[Gap] = []
        self.holes: list[Gap] = []

    def walk(self, chain: Sequence[ReadDigest]) -> None:
        before: ReadDigest | None = None
        for one in chain:
            self._link(one, before)
            before = one

    def _link(self, one: ReadDigest, before: ReadDigest | None) -> None:
        digest = one.digest
        named = digest.previous_key
        if named is None:
            self._gap(digest, before, restart=True)
        elif self.anchor and named == self.anchor.key and digest.previous_sha256 != self.anchor.sha256:
            message = "digest: expected the trusted head as its previous digest, got another edition of it"
            self.findings.append(_on(Kind.DIGEST_CHAIN_MISMATCH, one, message, expected=self.anchor.sha256))
        elif before and named == before.digest.key:
            self._gap(digest, before, restart=False)
        elif named in self.by_key:
            if before is not None:
                self._skipped(one, before)
        elif self.anchor and named == self.anchor.key:
            pass
        elif digest.previous_bucket != digest.bucket or _folder(named) != _folder(digest.key):
            self._gap(digest, before, restart=True)
        elif self.complete or before is not None:
            self._missing(one, before)

    def _gap(self, digest: Digest, before: ReadDigest | None, *, restart: bool) -> None:
        if digest.backfill or (before is None and self.anchor is None):
            return
        since, until = before.digest.ends_at if before else digest.starts_at, digest.starts_at
        if self.anchor and before is None and self.anchor.ends_at < digest.ends_at:
            since = self.anchor.ends_at
        if until - since > (timedelta(0) if restart else _TOUCH):
            self.gaps.append(Gap(chain=chain_of(digest), since=since, until=until, restart=restart))
        elif since - until > _TOUCH and not restart:
            self.findings.append(
                found(
                    Kind.DIGEST_UNEXPECTED,
                    digest.object,
                    f"digest: expected to start where the one before ends ({since}), got {until}",
                    account=digest.account,
                    region=digest.region,
                )
            )

    def _skipped(self, one: ReadDigest, before: ReadDigest) -> None:
        if not (before.digest.backfill or one.digest.backfill):
            message = f"digest: expected to be named by the next one, got {one.digest.previous_key} named"
            self.findings.append(_on(Kind.DIGEST_CHAIN_MISMATCH, before, message))

    def _missing(self, one: ReadDigest, before: ReadDigest | None) -> None:
        digest, named = one.digest, one.digest.previous_key or ""
        key = parse_key(named)
        ends_at = key.ends_at if isinstance(key, DigestKey) else digest.starts_at
        chain = chain_of(digest)
        since = max(before.digest.ends_at, ends_at - HOUR) if before else ends_at - HOUR
        if named not in self.unread:
            message = f"digest: expected at this key, as {digest.object} says, got nothing"
            self.findings.append(
                found(
                    Kind.DIGEST_MISSING,
                    f"s3://{digest.previous_bucket}/{named}",
                    message,
                    account=digest.account,
                    region=digest.region,
                    expected=digest.previous_sha256 or "",
                )
            )
        self.holes.append(Gap(chain=chain, since=since, until=digest.starts_at))
        if before and not digest.backfill and since - before.digest.ends_at > _TOUCH:
            self.gaps.extend(self._beyond(chain, before.digest.ends_at, since))

    def _beyond(self, chain: ChainId, since: datetime, until: datetime) -> list[Gap]:
        """Return the time before a missing digest, less what damaged digests cover."""
        for key in self.unread:
            name = parse_key(key)
            if isinstance(name, DigestKey) and since < name.ends_at <= until:
                self.holes.append(Gap(chain=chain, since=since, until=until))
                until = min(until, name.ends_at - HOUR)
        return [Gap(chain=chain, since=since, until=until)] if until - since > _TOUCH else []


def _rolled_back(regular: Sequence[ReadDigest], anchor: Head | None) -> list[Finding]:
    """Step 6."""
    if anchor is None:
        return []
    for one in regular:
        digest = one.digest
        if (digest.key, digest.sha256) == (anchor.key, anchor.sha256):
            return []
        if (digest.previous_key, digest.previous_sha256) == (anchor.key, anchor.sha256):
            return []
    if any(one.digest.key == anchor.key for one in regular) or not any(
        one.digest.ends_at > anchor.ends_at for one in regular
    ):
        newest = regular[-1].digest.end_text if regular else "no digest"
        message = f"chain: expected the trusted head of {anchor.ends_at:%FT%TZ}, got {newest}"
    elif regular[0].digest.previous_key is None and regular[0].digest.ends_at > anchor.ends_at:
        return []
    else:
        message = f"chain: expected to go on from the trusted head {anchor.key}, got other digests"
    return [
        found(
            Kind.HEAD_ROLLED_BACK,
            f"{anchor.account}/{anchor.region}",
            message,
            account=anchor.account,
            region=anchor.region,
            expected=anchor.sha256,
        )
    ]


def _on(
    kind: Kind,
    one: ReadDigest,
    message: str,
    *,
    expected: str = "",
    actual: str = "",
    verdict: VerdictKind | None = None,
) -> Finding:
    digest = one.digest
    return found(
        kind,
        digest.object,
        message,
        version=one.version,
        account=digest.account,
        region=digest.region,
        expected=expected,
        actual=actual,
        verdict=verdict,
    )


def _future(one: ReadDigest, as_of: datetime | None) -> Finding:
    return _on(Kind.DIGEST_UNEXPECTED, one, f"digest: expected to end by {as_of}, got {one.digest.end_text}")


def _own_hole(one: ReadDigest) -> Gap:
    digest = one.digest
    return Gap(chain=chain_of(digest), since=digest.starts_at, until=digest.ends_at)


def hole_of(key: str) -> Gap | None:
    """Return the hour of a digest that could not be read, by its key; None for another key."""
    name = parse_key(key)
    if not isinstance(name, DigestKey):
        return None
    chain = ChainId(name.account_id, name.region, name.trail_name, name.home_region)
    return Gap(chain=chain, since=name.ends_at - HOUR, until=name.ends_at)


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
    )


def _folder(key: str) -> str:
    return key.partition("/CloudTrail-Digest/")[0]
