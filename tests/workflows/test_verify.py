"""A whole archive verified: clean ones of every shape pass, and every tampering is found as what it is."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from trailkeep.aws.archive import open_archive
from trailkeep.core.verdict import VerdictKind
from trailkeep.keep.coverage import ExpectedAccount
from trailkeep.keep.inflate import LogFileError, inflate
from trailkeep.keep.signing_keys import KeyRing, public_key
from trailkeep.keep.verification import DayState, ObjectVerdict, Standing, Verification
from trailkeep.sandbox.chains import Digests
from trailkeep.sandbox.delivery import FolderDigests, write_layout
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.logfiles import Habits
from trailkeep.sandbox.reach import FolderReach
from trailkeep.sandbox.scene import Scene
from trailkeep.sandbox.signing import Rotation, SigningKeys
from trailkeep.sandbox.tamper import TAMPERINGS, tamper
from trailkeep.workflows.verify import Known, Outputs, verify
from trailkeep.workflows.verify_places import Range

BUCKET, HOME = "acme-trail-archive", "eu-central-1"
ACCOUNTS = ("333333333333", "444444444444", "555555555555")
REGIONS = (HOME, "us-east-1")
BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)
HOURS = 48
END = BEGIN + timedelta(hours=HOURS)
AS_OF = END + timedelta(minutes=30)
KNOWN = Known(
    source="the test",
    accounts=tuple(ExpectedAccount(account=account) for account in ACCOUNTS),
    regions=REGIONS,
    trail_name="org-trail",
    owner="111111111111",
)

FOUND: dict[str, dict[str, int]] = {
    "log-modified": {"log.hash_mismatch": 1},
    "log-deleted": {"log.missing": 1},
    "log-purged": {"log.missing": 1},
    "logs-swapped": {"log.hash_mismatch": 2},
    "log-truncated": {"log.bad_gzip": 1},
    "log-appended-member": {"log.trailing_data": 1},
    "log-recompressed": {},
    "log-inserted": {"log.unlisted": 1},
    "log-copied": {"log.unlisted": 1},
    "digest-deleted": {"digest.missing": 1},
    "digests-deleted-run": {"digest.missing": 1, "digest.coverage_gap": 1},
    "head-deleted": {"digest.missing": 1, "digest.coverage_gap": 1},
    "digest-tail-deleted": {"digest.coverage_gap": 1},
    "tail-erased": {"digest.coverage_gap": 1},
    "chain-erased": {"chain.absent": 1},
    "account-erased": {"account.absent": 1},
    "digest-modified": {"digest.bad_signature": 1},
    "digest-forged": {"digest.bad_signature": 1},
    "digest-forged-own-key": {"digest.unknown_key": 1},
    "digest-wrong-region-key": {"digest.unknown_key": 1},
    "digest-rolled-back": {"digest.chain_mismatch": 1},
    "digests-swapped": {"digest.moved": 2},
    "digest-metadata-lost": {"digest.metadata_lost": 1},
    "digest-appended-member": {"digest.trailing_data": 1},
    "digest-inserted": {"digest.unexpected": 1},
}


def _activities(hours: int = HOURS) -> Iterator[Activity]:
    """Yield an event each 20 minutes everywhere, but for some quiet hours."""
    for number in range(3 * (hours - 1)):
        for account in ACCOUNTS:
            for region in REGIONS:
                if number % 24 < 21 or region == HOME:
                    yield Activity(
                        account_id=account,
                        region=region,
                        occurred_at=BEGIN + timedelta(minutes=20 * number),
                        record=b'{"eventID":"%d-%s-%s"}' % (number, account.encode(), region.encode()),
                    )


def _write(
    folder: Path, keys: SigningKeys, *, organization_id: str = "o-exampleorgid", prefix: str = ""
) -> None:
    digests = FolderDigests(
        bucket=BUCKET,
        trail_name="org-trail",
        home_region=HOME,
        accounts=ACCOUNTS,
        wanted=Digests(until=END, regions=REGIONS),
        keys=keys,
    )
    write_layout(
        folder,
        _activities(),
        organization_id=organization_id,
        prefix=prefix,
        habits=Habits(late_rate=0, duplicate_rate=0),
        digests=digests,
    )


@pytest.fixture(scope="module")
def keys() -> SigningKeys:
    """The keys that sign, which take a moment to make."""
    return SigningKeys()


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, keys: SigningKeys) -> Path:
    """A copy of an archive with which nothing is wrong."""
    folder = tmp_path_factory.mktemp("clean")
    _write(folder, keys)
    return folder


def _ring(keys: SigningKeys) -> KeyRing:
    return KeyRing(
        public_key(
            region=region,
            fingerprint=key.fingerprint,
            der=key.der,
            valid_from=key.valid_from,
            valid_until=key.valid_until,
        )
        for region in REGIONS
        for key in keys.listed(region, BEGIN, END)
    )


def _verify(
    folder: Path, keys: SigningKeys, *, known: Known = KNOWN, asked: Range | None = None
) -> tuple[Verification, list[ObjectVerdict]]:
    rows: list[ObjectVerdict] = []
    archive = open_archive(str(folder))
    found = verify(
        archive,
        archive.folders(),
        known,
        _ring(keys),
        asked or Range(),
        as_of=AS_OF,
        mode="test",
        clock=lambda: AS_OF,
        outputs=Outputs(rows=rows.extend),
    )
    return found, rows


def _kinds(found: Verification) -> dict[str, int]:
    return dict(Counter(finding.kind.value for finding in found.findings))


@pytest.mark.parametrize(
    ("organization_id", "prefix"), [("o-exampleorgid", ""), ("", ""), ("o-exampleorgid", "logs/deep/")]
)
def test_a_clean_archive_passes(tmp_path: Path, keys: SigningKeys, organization_id: str, prefix: str) -> None:
    """A clean archive passes without a finding, with a prefix, without an organization, with quiet hours."""
    _write(tmp_path, keys, organization_id=organization_id, prefix=prefix)
    found, rows = _verify(tmp_path, keys)
    assert (found.verdict, found.findings) == (VerdictKind.PASS, ())
    assert {row.standing for row in rows} == {Standing.VERIFIED}
    assert found.summary["chains"] == len(ACCOUNTS) * len(REGIONS)
    assert found.summary["logs"]["verified"] == sum(row.kind == "log" for row in rows)
    assert found.summary["hours"]["uncovered"] == 0
    assert {cell.state for cell in found.cells} <= {DayState.PROVEN, DayState.PROVEN_EMPTY, DayState.PENDING}


def test_rotated_keys_pass(tmp_path: Path) -> None:
    """Digests that several keys signed one after the other pass."""
    keys = SigningKeys(Rotation(every=timedelta(hours=20), overlap=timedelta(hours=5)))
    _write(tmp_path, keys)
    found, _ = _verify(tmp_path, keys)
    assert (found.verdict, found.findings) == (VerdictKind.PASS, ())


def test_without_anybody_to_ask(clean: Path, keys: SigningKeys) -> None:
    """Where nobody says what should be there, the archive says it, and the result says so."""
    found, _ = _verify(clean, keys, known=Known(source="the archive itself"))
    assert (found.verdict, found.scope.expected_from) == (VerdictKind.PASS, "the archive itself")


def test_a_range_passes(clean: Path, keys: SigningKeys) -> None:
    """A range of time of a clean archive passes and counts the logs that were delivered in it."""
    asked = Range(since=BEGIN + timedelta(hours=24), until=BEGIN + timedelta(hours=36), accounts=ACCOUNTS[:1])
    found, rows = _verify(clean, keys, asked=asked)
    assert (found.verdict, found.findings) == (VerdictKind.PASS, ())
    logs = [row.ends_at for row in rows if row.kind == "log" and row.ends_at]
    assert logs
    assert min(logs) >= BEGIN + timedelta(hours=24)
    assert max(logs) < BEGIN + timedelta(hours=36)


def test_nothing_is_unknown(tmp_path: Path, keys: SigningKeys) -> None:
    """An empty folder passes in no way."""
    found, _ = _verify(tmp_path, keys, known=Known(source="the archive itself"))
    assert found.verdict is VerdictKind.UNKNOWN


def test_no_keys_prove_nothing(clean: Path) -> None:
    """Without a public key nothing is proven, and nothing called tampered."""
    archive = open_archive(str(clean))
    found = verify(
        archive,
        archive.folders(),
        KNOWN,
        KeyRing(),
        Range(),
        as_of=AS_OF,
        mode="test",
        clock=lambda: AS_OF,
    )
    assert found.verdict is VerdictKind.UNKNOWN
    assert set(_kinds(found)) == {"digest.unknown_key"}


@pytest.mark.parametrize("name", list(TAMPERINGS))
def test_each_tampering_is_what_it_is(tmp_path: Path, clean: Path, keys: SigningKeys, name: str) -> None:
    """Each tampering is found as its kinds, and nothing else is found."""
    folder = tmp_path / "copy"
    shutil.copytree(clean, folder)
    scene = Scene(
        reach=FolderReach(folder, bucket=BUCKET), account=ACCOUNTS[0], region=HOME, keys=keys, seed=3
    )
    tamper(name, scene)
    found, _ = _verify(folder, keys)
    assert _kinds(found) == FOUND[name]
    assert (found.verdict is VerdictKind.PASS) == (not FOUND[name])


def test_every_tampering_is_expected() -> None:
    """The table has a line for every tampering there is."""
    assert list(FOUND) == list(TAMPERINGS)


@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
@given(data=st.data())
def test_no_change_passes(
    tmp_path_factory: pytest.TempPathFactory, clean: Path, keys: SigningKeys, data: st.DataObject
) -> None:
    """Whatever byte is flipped, object dropped, copied or swapped, the outcome is not PASS."""
    folder = tmp_path_factory.mktemp("changed") / "copy"
    shutil.copytree(clean, folder)
    files = sorted(path for path in folder.rglob("*.json.gz"))
    one, other = data.draw(st.lists(st.sampled_from(files), min_size=2, max_size=2, unique=True))
    how = data.draw(st.sampled_from(["flip", "drop", "copy", "swap"]))
    first, second = one.read_bytes(), other.read_bytes()
    if how == "flip":
        at = data.draw(st.integers(0, len(first) - 1))
        changed = first[:at] + bytes([first[at] ^ (1 << data.draw(st.integers(0, 7)))]) + first[at + 1 :]
        assume(_content(changed) != _content(first))
        one.write_bytes(changed)
    elif how == "drop":
        one.unlink()
    else:
        one.write_bytes(second)
        if how == "swap":
            other.write_bytes(first)
    found, _ = _verify(folder, keys)
    shutil.rmtree(folder)
    assert found.verdict is not VerdictKind.PASS


def _content(stored: bytes) -> bytes:
    """Return the content as the product reads it; some bits of gzip say nothing of it."""
    try:
        return inflate(stored)
    except LogFileError:
        return b""
