"""Whether a member account's log is in the archive, looked up in the embedded AWS."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from estates import config
from guard_verbs import BUCKET, YESTERDAY, Verbs, deliver_logs
from refusals import proxied
from trailkeep.aws.arrival import look_for_log, wait_for_log
from trailkeep.aws.measure import bytes_a_day
from trailkeep.aws.observe import observe
from trailkeep.aws.session import Accounts
from trailkeep.core.layout import LogKey, parse_key
from trailkeep.guard.arrival import Arrival, awaited_accounts
from trailkeep.guard.blueprint import Blueprint, blueprint_for
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


def test_before_and_after_the_first_logs(verbs: Verbs, sandbox: Sandbox) -> None:
    """No bucket and an empty bucket have no log; after a delivery one of a member account is named."""
    assert look_for_log(*_reach()) == Arrival(awaited=_reach()[2])
    verbs.run("apply", "--yes")
    assert not look_for_log(*_reach()).has_arrived
    deliver_logs(sandbox)
    arrival = look_for_log(*_reach())
    key = parse_key(arrival.key)
    assert isinstance(key, LogKey)
    assert key.account_id == arrival.account
    assert arrival.account not in {"111111111111", LOG_ARCHIVE_ACCOUNT_ID}


def test_only_a_log_of_an_awaited_account_counts(verbs: Verbs, sandbox: Sandbox) -> None:
    """A digest, a strange object and a log of the management account are no member's log."""
    verbs.run("apply", "--yes")
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    log = "CloudTrail/eu-central-1/2026/01/02/{0}_CloudTrail_eu-central-1_20260102T0304Z_abcdefghijklmnop.json.gz"
    for key in (
        f"111111111111/{log.format('111111111111')}",
        "333333333333/CloudTrail/readme.txt",
        "333333333333/CloudTrail-Digest/eu-central-1/2026/01/02/x.json.gz",
        f"333333333333/{log.format('444444444444')}",
    ):
        s3.put_object(Bucket=BUCKET, Key=f"AWSLogs/{ORGANIZATION_ID}/{key}", Body=b"")
    assert not look_for_log(*_reach()).has_arrived
    s3.put_object(Bucket=BUCKET, Key=f"AWSLogs/{ORGANIZATION_ID}/333333333333/{log.format('333333333333')}")
    assert look_for_log(*_reach()).account == "333333333333"


def test_a_refused_listing_is_an_error(verbs: Verbs, sandbox: Sandbox) -> None:
    """Where the listing is refused nobody knows whether a log has arrived."""
    verbs.run("apply", "--yes")
    with proxied(sandbox.endpoint_url) as proxy:
        verbs.behind(proxy.url)
        reach = _reach()
        proxy.refused = {"GET"}
        arrival = look_for_log(*reach)
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
