"""What should be there and is not, and what is there and should not be.

1. Every expected account and region has a chain (``absent``), from its beginning to its end (``ends``).
2. Every hour of a chain is covered, explained or uncovered (``hours``).
3. Every log that a proven digest names is there (``missing_logs``).
4. Every log that is there is named by a proven digest of *any* trail of its account and region
   (``unlisted_logs``): a log's name carries no trail. Logs of hours whose digests are missing or not
   proven are counted under that finding; the newest logs wait for their digest.

All of it is per account and region and per window of time.

What is not shown without a list kept elsewhere: a backfill digest that no other digest names, erased together
with all the logs that it alone names; a whole second trail erased with its logs where
``Expected.trail_name`` does not ask for it.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trailkeep.core.layout import Family, LogKey, StrangeKey, parse_key
from trailkeep.keep.chain_parts import HOUR, ChainId, Gap, Proof, ReadDigest
from trailkeep.keep.digest import Listed
from trailkeep.keep.integrity import Finding, Kind, found

__all__ = [
    "GRACE",
    "Expected",
    "ExpectedAccount",
    "Hours",
    "Unlisted",
    "absent",
    "ends",
    "hours",
    "listed_logs",
    "missing_logs",
    "unexpected_key",
    "unlisted_logs",
]

GRACE: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedAccount:
    """An account whose activity the trail records; ``regions`` are its own where they were read."""

    account: str
    joined_at: datetime | None = None
    left_at: datetime | None = None
    regions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What there should be; ``source`` says who said so; ``trail_name`` is empty where any trail will do."""

    accounts: tuple[ExpectedAccount, ...]
    regions: tuple[str, ...]
    since: datetime | None
    until: datetime
    source: str
    trail_name: str = ""

    def pairs(self) -> Iterable[tuple[ExpectedAccount, str]]:
        """Yield each account with each of its regions."""
        for account in self.accounts:
            for region in self.regions if account.regions is None else account.regions:
                yield account, region


def absent(expected: Expected, chains: Collection[ChainId]) -> list[Finding]:
    """Return the expected accounts and regions without a chain."""
    there = {(one.account, one.region) for one in chains if expected.trail_name in ("", one.trail_name)}
    accounts = {account for account, _ in there}
    findings = []
    told: set[str] = set()
    for account, region in expected.pairs():
        name = account.account
        if name not in accounts:
            if name not in told:
                told.add(name)
                message = f"account {name}: expected digests ({expected.source}), got none"
                findings.append(found(Kind.ACCOUNT_ABSENT, name, message, account=name))
        elif (name, region) not in there:
            message = f"{name}/{region}: expected digests ({expected.source}), got none"
            findings.append(
                found(Kind.CHAIN_ABSENT, f"{name}/{region}", message, account=name, region=region)
            )
    return findings


def ends(
    expected: Expected,
    account: ExpectedAccount,
    chain: ChainId,
    digests: Sequence[ReadDigest],
    *,
    as_of: datetime,
    complete: bool = True,
) -> list[Gap]:
    """Return the gaps before the first and after the last digest of a chain.

    The digest after the last one is due ``GRACE`` after the end of that one. A chain that begins at
    ``expected.since`` may begin as much later; a window of one (``complete`` is False) may not.
    """
    regular = [one.digest for one in digests if not one.digest.backfill]
    if not regular:
        return []
    gaps = []
    since = max((at for at in (expected.since, account.joined_at) if at), default=None)
    until = min(expected.until, account.left_at - HOUR) if account.left_at else expected.until
    first, last = min(one.starts_at for one in regular), max(one.ends_at for one in regular)
    if since and first > since + (GRACE if complete else timedelta(0)):
        gaps.append(Gap(chain=chain, since=since, until=first, restart=True))
    if until > last and as_of >= last + GRACE:
        gaps.append(Gap(chain=chain, since=last, until=until))
    return gaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Hours of chains, rounded up."""

    covered: int = 0
    explained: int = 0
    uncovered: int = 0

    def __add__(self, other: Hours) -> Hours:
        return Hours(
            covered=self.covered + other.covered,
            explained=self.explained + other.explained,
            uncovered=self.uncovered + other.uncovered,
        )


def hours(digests: Iterable[ReadDigest], explained: Iterable[Gap], uncovered: Iterable[Gap]) -> Hours:
    """Count the hours of one chain."""
    regular = [one for one in digests if not one.digest.backfill]
    proven = [one.digest for one in regular if one.state is not Proof.NONE]
    return Hours(
        covered=sum(_hours(one.ends_at - one.starts_at) for one in proven),
        explained=sum(_hours(one.until - one.since) for one in explained),
        uncovered=sum(_hours(one.until - one.since) for one in uncovered),
    )


def _hours(span: timedelta) -> int:
    return -(-span // HOUR)


def listed_logs(digests: Iterable[ReadDigest]) -> tuple[dict[str, Listed], list[Finding]]:
    """Return the logs that proven digests name, and what is odd about the lists.

    A log of another account or region is no part of the answer; of two hashes for one log the first counts.
    """
    listed: dict[str, Listed] = {}
    findings = []
    for one in digests:
        if one.state is Proof.NONE:
            continue
        digest = one.digest
        tail = f"{digest.account}/CloudTrail"
        for log in digest.logs:
            other = listed.setdefault(log.key, log)
            if other.sha256.lower() != log.sha256.lower():
                message = f"log: expected one hash, got another in {digest.object}"
                findings.append(_log_finding(Kind.LOG_HASH_MISMATCH, log, message, log.sha256))
            elif other is log and not _belongs(log.key, tail, digest.region):
                del listed[log.key]
                message = f"digest: expected logs of {digest.account}/{digest.region}, got {log.key}"
                findings.append(
                    found(
                        Kind.DIGEST_UNEXPECTED,
                        digest.object,
                        message,
                        account=digest.account,
                        region=digest.region,
                    )
                )
    return listed, findings


def _belongs(key: str, tail: str, region: str) -> bool:
    name = parse_key(key)
    return isinstance(name, LogKey) and name.region == region and tail.startswith(f"{name.account_id}/")


def missing_logs(listed: Mapping[str, Listed], present: Collection[str], *, bucket: str) -> list[Finding]:
    """Return the logs that are named and not there; those in another bucket could not be checked."""
    findings = []
    for key, log in listed.items():
        if log.bucket != bucket:
            message = f"log: expected in s3://{bucket}, got it listed in another bucket; verify that one too"
            findings.append(_log_finding(Kind.OBJECT_UNREADABLE, log, message, log.sha256))
        elif key not in present:
            message = "log: expected at this key, as its digest says, got nothing"
            findings.append(_log_finding(Kind.LOG_MISSING, log, message, log.sha256))
    return findings


def _log_finding(kind: Kind, log: Listed, message: str, expected: str) -> Finding:
    name = parse_key(log.key)
    account, region = (name.account_id, name.region) if isinstance(name, LogKey) else ("", "")
    return found(
        kind, f"s3://{log.bucket}/{log.key}", message, account=account, region=region, expected=expected
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """``unproven`` logs stand under the finding of a hole; ``unjudged`` are of insights and the like."""

    findings: tuple[Finding, ...]
    unproven: int
    unjudged: int


def unlisted_logs(
    present: Iterable[str],
    listed: Collection[str],
    *,
    bucket: str,
    holes: Sequence[Gap] = (),
    newest_end: datetime | None,
    as_of: datetime,
) -> Unlisted:
    """Judge the logs of one account and region that no proven digest names.

    Args:
        present: the keys below the account's and region's log folder.
        listed: what proven digests of any trail name.
        bucket: where the keys are.
        holes: time whose digests are missing, damaged or not proven, unexplained gaps included.
        newest_end: where the newest proven digest ends; None without any.
        as_of: now.
    """
    findings = []
    unproven = unjudged = 0
    for key in present:
        if key in listed:
            continue
        name = parse_key(key)
        if isinstance(name, LogKey) and name.family is not Family.EVENTS:
            unjudged += 1
        elif isinstance(name, LogKey) and _within(name.delivered_at, holes):
            unproven += 1
        else:
            findings.append(
                _unlisted(key, name if isinstance(name, LogKey) else None, bucket, newest_end, as_of)
            )
    return Unlisted(findings=tuple(findings), unproven=unproven, unjudged=unjudged)


def _within(at: datetime, holes: Sequence[Gap]) -> bool:
    return any(hole.since - HOUR <= at <= hole.until for hole in holes)


def _unlisted(
    key: str, name: LogKey | None, bucket: str, newest_end: datetime | None, as_of: datetime
) -> Finding:
    account, region = (name.account_id, name.region) if name else ("", "")
    waits = name and newest_end and newest_end - HOUR / 4 < name.delivered_at <= as_of + HOUR / 12
    if name and waits and as_of < name.delivered_at + GRACE:
        message = "log: expected a digest that names it, got none yet"
        return found(Kind.NOTE_PENDING, f"s3://{bucket}/{key}", message, account=account, region=region)
    message = "log: expected a digest that names it, got none"
    return found(Kind.LOG_UNLISTED, f"s3://{bucket}/{key}", message, account=account, region=region)


def unexpected_key(key: str, *, bucket: str) -> Finding | None:
    """Return a finding for a key that CloudTrail would not write."""
    name = parse_key(key)
    if not isinstance(name, StrangeKey):
        return None
    kind = Kind.DIGEST_UNEXPECTED if "/CloudTrail-Digest/" in key else Kind.LOG_UNLISTED
    return found(kind, f"s3://{bucket}/{key}", f"key: expected one of CloudTrail's, got {name.reason}")
