"""Whether a member account's log is in the archive, looked up in the embedded AWS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from estates import config
from guard_verbs import BUCKET, YESTERDAY, Verbs, deliver_logs
from refusals import proxied
from stored_objects import age_objects, empty_bucket, plant_object
from trailkeep.aws.arrival import look_for_log, wait_for_log
from trailkeep.aws.measure import bytes_a_day
from trailkeep.aws.observe import observe
from trailkeep.aws.session import Accounts
from trailkeep.core.layout import LogKey, parse_key
from trailkeep.guard.arrival import Arrival, awaited_accounts
from trailkeep.guard.blueprint import Blueprint, blueprint_for
from trailkeep.sandbox.cloudtrail_rules import DeliveryStatus, find_trail
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, ORGANIZATION_ID, Sandbox

pytestmark = pytest.mark.sandbox


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """A folder with a configuration and the management account's credentials."""
    found = Verbs(sandbox, monkeypatch, tmp_path)
    found.write()
    return found


def _reach() -> tuple[Accounts, Blueprint, tuple[str, ...]]:
    settings = config({"archive.bucket": BUCKET})
    accounts = Accounts(region="eu-central-1", role="OrganizationAccountAccessRole")
    estate = observe(accounts, settings)
    blueprint = blueprint_for(settings, estate)
    return accounts, blueprint, awaited_accounts(blueprint, estate)


def _look(accounts: Accounts, blueprint: Blueprint, awaited: tuple[str, ...]) -> Arrival:
    return look_for_log(accounts, blueprint, awaited, now=datetime.now(UTC))


def _key(account: str, *, folder: str = "", day: str = "2019/01/01") -> str:
    stamp = f"{day.replace('/', '')}T0304Z"
    name = f"{account}_CloudTrail_eu-central-1_{stamp}_abcdefghijklmnop.json.gz"
    return f"AWSLogs/{ORGANIZATION_ID}/{folder or account}/CloudTrail/eu-central-1/{day}/{name}"


def _put(sandbox: Sandbox, *keys: str, body: bytes = b"a log") -> None:
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def test_before_and_after_the_first_logs(verbs: Verbs, sandbox: Sandbox) -> None:
    """No trail and an empty bucket have no log; after a delivery one of a member account is named."""
    assert _look(*_reach()).missing == "cloudtrail:GetTrailStatus answers TrailNotFoundException"
    verbs.run("apply", "--yes")
    assert _look(*_reach()) == Arrival(awaited=_reach()[2])
    deliver_logs(sandbox)
    arrival = _look(*_reach())
    key = parse_key(arrival.key)
    assert isinstance(key, LogKey)
    assert key.account_id == arrival.account
    assert arrival.account not in {"111111111111", LOG_ARCHIVE_ACCOUNT_ID}


def test_only_a_log_of_an_awaited_account_counts(verbs: Verbs, sandbox: Sandbox) -> None:
    """A digest, a strange object, an empty one and a log of the management account are no member's log."""
    _logging(verbs, sandbox)
    root = f"AWSLogs/{ORGANIZATION_ID}/333333333333"
    _put(
        sandbox,
        _key("111111111111"),
        f"{root}/CloudTrail/readme.txt",
        f"{root}/CloudTrail-Digest/eu-central-1/2026/01/02/x.json.gz",
        _key("444444444444", folder="333333333333"),
    )
    _put(sandbox, _key("333333333333"), body=b"")
    assert not _look(*_reach()).has_arrived
    _put(sandbox, _key("333333333333"))
    assert _look(*_reach()).account == "333333333333"


def test_a_log_from_before_the_trail_began_does_not_count(verbs: Verbs, sandbox: Sandbox) -> None:
    """S3's own date decides, whatever minute the key names, and the newest older log is named."""
    _logging(verbs, sandbox)
    today = f"{datetime.now(UTC):%Y/%m/%d}"
    _put(sandbox, _key("333333333333"), _key("333333333333", day=today))
    age_objects(BUCKET, days=1)
    arrival = _look(*_reach())
    assert not arrival.has_arrived
    assert arrival.missing.startswith("only older logs are there: the newest, AWSLogs/")
    _put(sandbox, _key("333333333333", day="2018/12/31"))
    assert _look(*_reach()).key == _key("333333333333", day="2018/12/31")


def test_a_forged_future_does_not_hide_a_log(verbs: Verbs, sandbox: Sandbox) -> None:
    """Days to come, and days without a log, do not keep the newest real day from being looked at."""
    _logging(verbs, sandbox)
    _put(sandbox, *(_key("333333333333", day=f"20{year}/01/01") for year in (96, 97, 98, 99)))
    _put(sandbox, *(f"{_key('333333333333', day=f'2026/01/{day:02}')}.txt" for day in range(3, 9)))
    age_objects(BUCKET, days=1)
    _put(sandbox, _key("333333333333", day="2026/01/02"))
    assert _look(*_reach()).key == _key("333333333333", day="2026/01/02")


def test_a_long_history_is_found_newest_first(verbs: Verbs, sandbox: Sandbox) -> None:
    """An archive that has logs of years has its newest one found, in a few listings."""
    _logging(verbs, sandbox)
    days = [f"20{year}/{month:02}/01" for year in range(19, 26) for month in range(1, 13)]
    _put(sandbox, *(_key("333333333333", day=day) for day in days))
    age_objects(BUCKET, days=300)
    _put(sandbox, _key("333333333333", day="2026/01/02"))
    with proxied(sandbox.endpoint_url) as proxy:
        verbs.behind(proxy.url)
        reach = _reach()
        proxy.calls.clear()
        assert _look(*reach).key == _key("333333333333", day="2026/01/02")
        assert len(proxy.calls) < 12


def test_without_a_delivery_of_the_trail_nothing_has_arrived(verbs: Verbs, sandbox: Sandbox) -> None:
    """What anybody put there counts for nothing while GetTrailStatus tells of no delivery."""
    verbs.run("apply", "--yes")
    _put(sandbox, _key("333333333333"))
    arrival = _look(*_reach())
    assert (arrival.key, arrival.missing[:35]) == ("", "GetTrailStatus tells of no delivery")


def test_a_trail_that_never_logged(verbs: Verbs, sandbox: Sandbox) -> None:
    """Before logging was ever started nothing has arrived."""
    verbs.run("apply", "--yes")
    _put(sandbox, _key("333333333333"))
    cloudtrail = sandbox.client("cloudtrail", "111111111111")
    cloudtrail.delete_trail(Name="trailkeep")
    cloudtrail.create_trail(
        Name="trailkeep", S3BucketName=BUCKET, IsOrganizationTrail=True, IsMultiRegionTrail=True
    )
    assert _look(*_reach()).missing.endswith("trail/trailkeep has not begun to log")


def test_a_stopped_trail_delivers_nothing(verbs: Verbs, sandbox: Sandbox) -> None:
    """While the trail is stopped what lies there is not its own, and nothing has arrived."""
    _logging(verbs, sandbox)
    _put(sandbox, _key("333333333333"))
    sandbox.client("cloudtrail", "111111111111").stop_logging(Name="trailkeep")
    arrival = _look(*_reach())
    assert (arrival.key, arrival.missing.endswith("trail/trailkeep is stopped")) == ("", True)


def test_a_delivery_from_before_the_trail_began_again_does_not_count(verbs: Verbs, sandbox: Sandbox) -> None:
    """Another trail's logs are not ours while ours has delivered nothing since it was started again."""
    _logging(verbs, sandbox)
    _status(sandbox).delivered_at = datetime.now(UTC) - timedelta(days=1)
    _put(sandbox, _key("333333333333"))
    arrival = _look(*_reach())
    assert (arrival.key, arrival.missing[:35]) == ("", "GetTrailStatus tells of no delivery")
    _status(sandbox).record(at=datetime.now(UTC))
    assert _look(*_reach()).key == _key("333333333333")


def _status(sandbox: Sandbox) -> DeliveryStatus:
    trail = find_trail("111111111111", sandbox.region, "trailkeep")
    assert trail is not None
    assert isinstance(trail.status, DeliveryStatus)
    return trail.status


def test_a_few_looks_see_all_of_many_accounts(verbs: Verbs, sandbox: Sandbox) -> None:
    """Where one look does not get through all accounts, the last of 300 is found within a few looks."""
    _logging(verbs, sandbox)
    awaited = tuple(f"{number:012}" for number in range(400_000_000_000, 400_000_000_300))
    for account in awaited:
        key = f"AWSLogs/{ORGANIZATION_ID}/{account}/CloudTrail/eu-central-1/x"
        plant_object(BUCKET, key, LOG_ARCHIVE_ACCOUNT_ID)
    late = datetime.now(UTC) + timedelta(minutes=1)
    folder = f"AWSLogs/{ORGANIZATION_ID}/{awaited[-1]}/CloudTrail/eu-central-1/{late:%Y/%m/%d}"
    name = f"{awaited[-1]}_CloudTrail_eu-central-1_{late:%Y%m%dT%H%MZ}_abcdefghijklmnop.json.gz"
    plant_object(BUCKET, f"{folder}/{name}", LOG_ARCHIVE_ACCOUNT_ID)
    accounts, blueprint, _ = _reach()
    for number in range(6):
        found = look_for_log(accounts, blueprint, awaited, now=late + timedelta(seconds=30 * number))
        if found.has_arrived:
            break
        assert "as many as are made at a time" in found.missing
    assert found.account == awaited[-1]


def _logging(verbs: Verbs, sandbox: Sandbox) -> None:
    """Build the archive, and let the trail deliver what nobody awaits."""
    verbs.run("apply", "--yes")
    deliver_logs(sandbox)
    empty_bucket(BUCKET)


def test_a_refused_listing_is_an_error(verbs: Verbs, sandbox: Sandbox) -> None:
    """Where the listing is refused nobody knows whether a log has arrived."""
    verbs.run("apply", "--yes")
    with proxied(sandbox.endpoint_url) as proxy:
        verbs.behind(proxy.url)
        reach = _reach()
        proxy.refused = {"GET"}
        arrival = _look(*reach)
        assert bytes_a_day(*reach[:2], today=YESTERDAY) is None
    assert (arrival.has_arrived, arrival.error[:30]) == (False, "s3:ListObjectsV2: AccessDenied")


def test_a_day_is_measured(verbs: Verbs, sandbox: Sandbox) -> None:
    """The bytes of a day are those of the logs delivered on it; a day without logs is not known."""
    verbs.run("apply", "--yes")
    deliver_logs(sandbox)
    listed = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).list_objects_v2(Bucket=BUCKET)["Contents"]
    day = f"/{YESTERDAY:%Y/%m/%d}/"
    accounts, blueprint, _ = _reach()
    measured = bytes_a_day(accounts, blueprint, today=YESTERDAY + timedelta(days=1))
    assert measured == sum(entry["Size"] for entry in listed if day in entry["Key"])
    assert bytes_a_day(accounts, blueprint, today=YESTERDAY - timedelta(days=9)) is None


@pytest.mark.parametrize(
    ("minutes", "after", "looks", "slept"), [(0, 9, 1, 0), (2, 9, 5, 120), (2, 3, 3, 60)]
)
def test_waiting(minutes: int, after: int, looks: int, slept: int) -> None:
    """Waiting looks every half minute, until a log is there or the minutes are over; 0 looks once."""
    naps: list[float] = []
    notes: list[str] = []
    seen: list[Arrival] = []

    def look() -> Arrival:
        key = "a-log" if len(seen) + 1 >= after else ""
        seen.append(Arrival(awaited=("333333333333",), key=key))
        return seen[-1]

    found = wait_for_log(look, minutes=minutes, clock=lambda: sum(naps), sleep=naps.append, note=notes.append)
    assert (len(seen), sum(naps), len(notes)) == (looks, slept, looks - 1)
    assert found is seen[-1]
