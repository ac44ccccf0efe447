"""The links of a chain: each digest beside the one that it names, and the trusted head.

The steps are those of ``keep.chain``: links (3), missing digests and gaps (4, 5), rollback (6).

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from trailkeep.core.layout import DigestKey, parse_key
from trailkeep.keep.chain_parts import HOUR, ChainId, Gap, Head, ReadDigest, about, chain_of
from trailkeep.keep.digest import Digest
from trailkeep.keep.integrity import Finding, Kind, found

__all__ = ["Links", "gone", "rolled_back"]

_TOUCH = timedelta(minutes=1)


class Links:
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
        """Compare each digest, in order, with the one before it."""
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
            self.findings.append(about(Kind.DIGEST_CHAIN_MISMATCH, one, message, expected=self.anchor.sha256))
        elif before and named == before.digest.key:
            self._gap(digest, before, restart=False)
        elif named in self.by_key:
            if before is not None:
                self._skipped(one, before)
        elif self.anchor and named == self.anchor.key and not self.complete:
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
            self.findings.append(about(Kind.DIGEST_CHAIN_MISMATCH, before, message))

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


def rolled_back(
    regular: Sequence[ReadDigest], anchor: Head | None, unread: frozenset[str], *, complete: bool
) -> list[Finding]:
    """Return the finding for a head that the regular digests, in order, do not lead back to.

    A head that is there and could not be read has a finding of its own. A window may begin with a starting
    digest behind the head; a complete chain holds the head itself.
    """
    if anchor is None or anchor.key in unread:
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
        return [gone(anchor, newest)]
    first = regular[0].digest
    if first.previous_key is None and first.ends_at > anchor.ends_at and not complete:
        return []
    return [gone(anchor, "digests that do not go on from it")]


def gone(head: Head, got: str) -> Finding:
    """Return the finding for a head that was there once."""
    return found(
        Kind.HEAD_ROLLED_BACK,
        f"{head.account}/{head.region}",
        f"chain: expected the head of {head.ends_at:%FT%TZ} ({head.key}) that was there before, got {got}",
        account=head.account,
        region=head.region,
        expected=head.sha256,
    )


def _folder(key: str) -> str:
    return key.partition("/CloudTrail-Digest/")[0]
