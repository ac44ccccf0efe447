"""Puts together what ``trailkeep verify`` asks for: archive, expectation, keys, lake and report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from trailkeep.aws.archive import open_archive
from trailkeep.aws.expectation import observe_expectation
from trailkeep.aws.session import Accounts, default_region
from trailkeep.aws.stored import Archive, Discovered, Stored
from trailkeep.core.arn import Arn
from trailkeep.core.errors import StoppedError, UsageError
from trailkeep.core.layout import DigestKey, parse_key
from trailkeep.core.times import parse_moment
from trailkeep.keep.heads import Reached
from trailkeep.keep.integrity import Finding
from trailkeep.keep.signing_keys import BundleKey
from trailkeep.keep.verification import Verification
from trailkeep.workflows.signing_keys import BEGINNING, fetched_bundle, key_uses, read_bundle, ring_of
from trailkeep.workflows.verify import Known, Outputs, Sample, Told, verify_meanwhile
from trailkeep.workflows.verify_earlier import Earlier
from trailkeep.workflows.verify_heads import HEADS, HeadFile, earlier_of
from trailkeep.workflows.verify_known import known_of, nobody_asked
from trailkeep.workflows.verify_places import Range
from trailkeep.workflows.verify_saved import Saved, scope_name
from trailkeep.workflows.verify_spool import Spool

if TYPE_CHECKING:
    from trailkeep.core.config import Config
    from trailkeep.keep.dsse import Signer
    from trailkeep.lake.table import Lake

__all__ = ["Asked", "run"]

_CONFIG = Path("trailkeep.toml")
_ELSEWHERE = "us-east-1"
_AT_ONCE = 3
_CHANCE = SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the caller named; empty or None for what they did not."""

    source: str | None = None
    trail_arn: str = ""
    since: str | None = None
    until: str | None = None
    as_of: str | None = None
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    keys: Path | None = None
    report: Path | None = None
    sign_key: Path | None = None
    sign_kms: str = ""
    locks: str = "0"
    lake: Path | None = None
    heads: Path | None = None
    incremental: bool = False
    sample: int | None = None
    deep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """An archive, and whose credentials ask about it; ``configured`` is None for one that was named."""

    archive: Archive
    accounts: Accounts
    configured: _Configured | None
    is_copy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Configured:
    """The configuration that an archive is of; ``client`` makes one for S3 with the session that reads it."""

    config: Config
    client: Callable[[], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """The keys, which Regions refused them, and in words where they are from."""

    entries: tuple[BundleKey, ...]
    refused: str
    source: str

    def told(self, known: Known) -> Told:
        return Told(known=known, ring=ring_of(self.entries), mode=f"{self.source}{self.refused}")


def run(
    asked: Asked,
    *,
    clock: Callable[[], datetime],
    render: Callable[[Verification], str],
    progress: Callable[[int, int], None],
) -> Verification:
    """Verify what is asked for; put the verdicts into the lake that is there and write the report.

    Raises:
        UsageError: an argument is impossible, or a copy needs keys that nobody can fetch.
        StoppedError: the archive cannot be read at all.
    """
    now = clock()
    signer = _signer(asked)
    lake = _lake(asked)
    if asked.report:
        from trailkeep.workflows.report import check_empty  # noqa: PLC0415 - not always needed

        check_empty(asked.report)
    place = _place(asked)
    locks = _locks(asked, place)
    wanted = Range(
        since=parse_moment(asked.since, now=now) if asked.since else None,
        until=parse_moment(asked.until, now=now) if asked.until else None,
        accounts=asked.accounts,
        regions=asked.regions,
    )
    if wanted.since and wanted.until and wanted.since >= wanted.until:
        raise UsageError(
            f"--until: expected a time after {asked.since}, got {asked.until}; correct one of them"
        )
    heads = _heads(asked, place)
    said = parse_moment(asked.as_of, now=now) if asked.as_of else None
    earlier = earlier_of(
        heads, place.archive, is_named=asked.heads is not None, goes_on=asked.incremental, as_of=said
    )
    if asked.incremental and (wanted.since or wanted.until):
        raise UsageError(
            "--incremental: expected no --since and --until with it, got one; it begins at the heads itself"
        )
    modes = {"--deep": asked.deep, "--incremental": asked.incremental, "--sample": asked.sample is not None}
    if sum(modes.values()) > 1:
        got = ", ".join(name for name, is_asked in modes.items() if is_asked)
        raise UsageError(f"verify: expected one of {', '.join(modes)}, got {got}; drop the others")
    saved = _saved(asked, place, clock)
    reached: list[Reached] = []
    with saved, Spool() as spool, ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        known = pool.submit(_known, asked, place)
        pool.submit(lambda: list(place.archive.read(())))  # connects; an error comes when it is read
        held = place.archive.folders()
        keys = pool.submit(_keys, asked, place, held, wanted, now=now, earlier=earlier)
        as_of = said or _as_of(place, held, now)
        found = verify_meanwhile(
            place.archive,
            held,
            lambda: keys.result().told(known.result()),
            wanted,
            as_of=as_of,
            clock=clock,
            outputs=Outputs(
                rows=spool.add,
                proofs=spool.proofs.extend,
                keys=lambda used: key_uses(keys.result().entries, used, source=keys.result().source),
                progress=progress,
                locks=locks,
                reached=reached.append,
            ),
            earlier=earlier,
            saved=saved,
            sample=None if asked.sample is None else Sample(count=asked.sample, choose=_CHANCE.sample),
        )
        if lake and asked.sample is None:
            _into_lake(lake, found, spool, is_whole=not wanted.since and not found.reused.parts)
        if asked.report:
            from trailkeep.workflows.report import write_report  # noqa: PLC0415 - not always needed

            found = write_report(
                asked.report,
                found,
                objects=spool.sorted(),
                digests=spool.proofs,
                render=render,
                signer=signer,
            )
        if heads:
            heads.add(reached)
    return found


def _place(asked: Asked) -> _Place:
    if asked.source is None:
        from trailkeep.aws.roles import archive_session  # noqa: PLC0415 - not always needed
        from trailkeep.workflows.init import load_config  # noqa: PLC0415

        config = load_config(_CONFIG)
        session = archive_session(config)
        configured = _Configured(config=config, client=lambda: session.client("s3"))
        archive = open_archive(
            f"s3://{config.archive.bucket}/",
            session=session,
            owner=config.archive.account or "",
        )
        accounts = Accounts(region=config.trail_region, role=config.archive.access_role)
    else:
        configured = None
        region = Arn.parse(asked.trail_arn).region if asked.trail_arn else ""
        archive = open_archive(asked.source)
        accounts = Accounts(region=region or default_region() or _ELSEWHERE, role="")
    return _Place(
        archive=archive,
        accounts=accounts,
        configured=configured,
        is_copy=asked.source is not None and not asked.source.startswith("s3://"),
    )


def _heads(asked: Asked, place: _Place) -> HeadFile | None:
    """Return the file of heads; one that nobody named is in the lake of ``trailkeep.toml``."""
    if asked.heads:
        return HeadFile(asked.heads)
    if place.configured:
        lake = asked.lake or place.configured.config.lake.path
        return HeadFile(Path(lake) / "integrity" / HEADS)
    return None


def _saved(asked: Asked, place: _Place, clock: Callable[[], datetime]) -> Saved:
    """Return what a run of the same scope left beside the heads; nothing where these are kept nowhere."""
    heads = _heads(asked, place)
    if heads is None:
        return Saved(None, clock)
    scope = (place.archive.name, asked.since or "", asked.until or "", *asked.accounts, "", *asked.regions)
    return Saved(heads.path.with_name(f"{heads.path.name}.begun") / scope_name(scope), clock)


def _locks(asked: Asked, place: _Place) -> Callable[[Sequence[Stored]], Sequence[Finding]]:
    if asked.locks == "0":
        return lambda _: ()
    from trailkeep.workflows.verify_locks import LockCheck, count_of  # noqa: PLC0415 - not always needed

    count = count_of(asked.locks)
    if count == 0:
        return lambda _: ()
    if place.configured is None:
        raise UsageError(
            "--locks: expected the archive of trailkeep.toml, which says how it is locked, "
            f"got {asked.source}; leave it out or run without naming the archive"
        )
    return LockCheck(place.archive, place.configured.client(), place.configured.config, count)


def _as_of(place: _Place, held: Discovered, now: datetime) -> datetime:
    """Return up to when an archive is complete: now, and for a copy the end of its newest digest."""
    if not place.is_copy:
        return now
    newest = None
    for folder in held.folders:
        if folder.is_of_digests:
            for stored in place.archive.listed(folder.path):
                key = parse_key(stored.key)
                if isinstance(key, DigestKey) and key.ends_at <= now:
                    newest = max(newest or key.ends_at, key.ends_at)
    return newest or now


def _known(asked: Asked, place: _Place) -> Known:
    if place.is_copy and not asked.trail_arn:
        return nobody_asked("a copy; --trail-arn names its trail")
    bucket = place.archive.bucket
    region = place.configured.config.trail_region if place.configured else default_region() or _ELSEWHERE
    try:
        said = observe_expectation(
            place.accounts, trail_arn=asked.trail_arn, bucket="" if asked.trail_arn else bucket, region=region
        )
    except StoppedError as error:
        if not asked.trail_arn:
            return nobody_asked(str(error))
        arn = Arn.parse(asked.trail_arn)
        return Known(
            source=f"the archive itself ({error})",
            trail_arn=asked.trail_arn,
            trail_name=arn.resource.rpartition("/")[2],
            owner=arn.account_id,
        )
    return known_of(said)


def _keys(
    asked: Asked, place: _Place, held: Discovered, wanted: Range, *, now: datetime, earlier: Earlier
) -> _Keys:
    """Return the keys; a copy needs none where the caller trusts heads, which prove all below by hashes."""
    if asked.keys:
        return _Keys(entries=read_bundle(asked.keys), refused="", source="keys file")
    regions = {folder.region for folder in held.folders if folder.is_of_digests}
    try:
        entries, refused = fetched_bundle(
            place.accounts, regions, since=wanted.since or BEGINNING, until=wanted.until or now, now=now
        )
    except StoppedError as error:
        if place.is_copy and earlier.is_trusted and earlier.reached:
            return _Keys(entries=(), refused="", source="heads file")
        if place.is_copy:
            raise UsageError(
                f"{place.archive.name}: expected CloudTrail's public keys, got no credentials to fetch them "
                f"({error}); give --keys a file that 'trailkeep keys export' wrote"
            ) from error
        raise
    said = "; ".join(f"{region} refused ({why})" for region, why in refused)
    return _Keys(entries=entries, refused=f"; {said}" if said else "", source="ListPublicKeys")


def _signer(asked: Asked) -> Signer | None:
    if (asked.sign_key or asked.sign_kms) and not asked.report:
        raise UsageError("--sign-key: expected --report with it, got none; name the folder of the report")
    if asked.sign_key and asked.sign_kms:
        raise UsageError("--sign-key: expected one signer, got --sign-kms too; drop one of them")
    if not (asked.sign_key or asked.sign_kms):
        return None
    from trailkeep.workflows.report_key import file_signer, kms_signer  # noqa: PLC0415 - not always needed

    if asked.sign_key:
        return file_signer(asked.sign_key)
    region = Arn.parse(asked.sign_kms).region
    return kms_signer(Accounts(region=region, role=""), asked.sign_kms)


def _lake(asked: Asked) -> Lake | None:
    """Return the lake that is there; without one there is nobody to tell."""
    from trailkeep.lake.table import Lake  # noqa: PLC0415 - not always needed

    path = asked.lake or Path("lake")
    if not asked.lake and _CONFIG.is_file():
        from trailkeep.workflows.init import load_config  # noqa: PLC0415 - not always needed

        path = Path(load_config(_CONFIG).lake.path)
    lake = Lake(path=Path(path))
    if lake.exists:
        return lake
    if asked.lake:
        raise UsageError(f"{path}: expected a lake, got nothing there; run 'trailkeep collect' first")
    return None


def _into_lake(lake: Lake, found: Verification, spool: Spool, *, is_whole: bool) -> None:
    from trailkeep.keep.proven import Window  # noqa: PLC0415 - not always needed
    from trailkeep.lake.verdicts import Run, Verdicts  # noqa: PLC0415

    scope = found.scope
    since = max((one.until for one in found.reused.parts), default=scope.since)
    window = Window(accounts=scope.accounts, regions=scope.regions, since=since, until=scope.until)
    Verdicts(lake=lake).replace(
        spool.batches(),
        found.findings,
        Run(window=window, ended_at=found.ended_at, cells=found.cells, whole=is_whole),
    )
