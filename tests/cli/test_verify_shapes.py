"""``verify`` on clean archives of every shape, and on the dishonest sister of each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from guard_verbs import Ran, Verbs, run_verb
from sandbox_archives import BUCKET, TRAIL, arn_of_trail, make_archive
from trailkeep.cli import keys as keys_verb
from trailkeep.cli import verify
from trailkeep.core.layout import DigestKey, LogKey, parse_key
from trailkeep.core.times import format_moment
from trailkeep.keep.inflate import inflate
from trailkeep.keep.signing_keys import BundleKey, encode_bundle, public_key
from trailkeep.sandbox.chains import Digests
from trailkeep.sandbox.delivery import FolderDigests, close_hours, deliver, write_layout
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.logfiles import Habits
from trailkeep.sandbox.organization import Sandbox
from trailkeep.sandbox.reach import BucketReach, FolderReach
from trailkeep.sandbox.signing import Rotation, SigningKeys
from trailkeep.sandbox.state import organization

HOME, OWNER, MEMBER, OTHER = "eu-central-1", "111111111111", "333333333333", "555555555555"
BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
END = BEGIN + 14 * HOUR
PLAIN = Habits(late_rate=0, duplicate_rate=0)


def _activity(at: datetime, *, account: str = MEMBER, **record: Any) -> Activity:
    said = {"eventID": f"{at:%H%M}-{account}", "eventName": "Something", **record}
    return Activity(account_id=account, region=HOME, occurred_at=at, record=json.dumps(said).encode())


def _some(since: datetime = BEGIN, hours: int = 3, account: str = MEMBER) -> list[Activity]:
    return [_activity(since + timedelta(minutes=20 * number), account=account) for number in range(hours * 3)]


def _change(event: str, at: datetime, *, account: str = OWNER, **parameters: Any) -> Activity:
    """Return the event of a change of the trail."""
    return _activity(
        at,
        account=account,
        eventSource="cloudtrail.amazonaws.com",
        eventName=event,
        eventTime=format_moment(at),
        awsRegion=HOME,
        userIdentity={"arn": "arn:aws:iam::111111111111:user/operator"},
        requestParameters={"name": TRAIL, **parameters},
    )


def _kinds(ran: Ran) -> dict[str, int]:
    return dict(Counter(finding["kind"] for finding in ran.document["findings"]))


# Local copies that nobody but their digests says anything of.


def _layout(folder: Path, keys: SigningKeys, *, forgotten: float = 0, **shape: str) -> None:
    """Write a copy: two accounts, one of them quiet but for its first three hours."""
    write_layout(
        folder,
        sorted([*_some(hours=9), *_some(account=OTHER)], key=lambda one: one.occurred_at),
        organization_id=shape.get("organization", "o-exampleorgid"),
        prefix=shape.get("prefix", ""),
        habits=PLAIN,
        digests=FolderDigests(
            bucket=BUCKET,
            trail_name=TRAIL,
            home_region=HOME,
            accounts=(MEMBER, OTHER),
            wanted=Digests(until=END + 6 * HOUR, forgotten_rate=forgotten, seed=5),
            keys=keys,
        ),
    )


def _offline(folder: Path, keys: SigningKeys, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Verify a copy with a file of keys, without anybody to ask."""
    monkeypatch.chdir(folder.parent)
    listed = [
        public_key(
            region=HOME,
            fingerprint=key.fingerprint,
            der=key.der,
            valid_from=key.valid_from,
            valid_until=key.valid_until,
        )
        for key in keys.listed(HOME, BEGIN, END + 6 * HOUR)
    ]
    bundle = folder.parent / "keys.json"
    bundle.write_bytes(
        encode_bundle([BundleKey.of(key, fetched_at=END, source="ListPublicKeys") for key in listed])
    )
    return run_verb([verify, keys_verb], ["verify", str(folder), "--keys", str(bundle), "--json"])


SHAPES: dict[str, tuple[dict[str, Any], Rotation | None]] = {
    "organization": ({}, None),
    "prefix": ({"prefix": "logs/deep/"}, None),
    "no organization": ({"organization": ""}, None),
    "prefix without organization": ({"organization": "", "prefix": "team/"}, None),
    "rotation": ({}, Rotation(every=8 * HOUR, overlap=4 * HOUR)),
    "backfill": ({"forgotten": 0.4}, None),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_clean_copies_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str) -> None:
    """A clean copy passes without a finding: prefix, no organization, rotated keys, backfill, quiet hours."""
    wanted, rotation = SHAPES[shape]
    keys = SigningKeys(rotation)
    _layout(tmp_path / "copy", keys, **wanted)
    ran = _offline(tmp_path / "copy", keys, monkeypatch)
    summary = ran.document["summary"]
    assert (ran.exit_code, ran.document["findings"]) == (0, [])
    assert summary["logs"] == {"listed": 36, "verified": 36, "failed": 0, "unlisted": 0, "unread": 0}
    assert summary["digests"]["failed"] == summary["hours"]["uncovered"] == 0
    assert len(ran.document["keys"]) > (2 if rotation else 0)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_lost_quiet_hour_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str) -> None:
    """In every shape the digest of an hour in which nothing happened is missed when it is gone."""
    wanted, rotation = SHAPES[shape]
    keys = SigningKeys(rotation)
    _layout(tmp_path / "copy", keys, **wanted)
    reach = FolderReach(tmp_path / "copy", bucket=BUCKET)
    [*_, lost, _last] = _digests(reach, OTHER)
    reach.purge(lost)
    ran = _offline(tmp_path / "copy", keys, monkeypatch)
    assert (ran.exit_code, _kinds(ran)) == (1, {"digest.missing": 1})


def test_a_lost_backfill_digest_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs that only a backfill digest names are unlisted when it is gone."""
    keys = SigningKeys()
    _layout(tmp_path / "copy", keys, forgotten=0.4)
    reach = FolderReach(tmp_path / "copy", bucket=BUCKET)
    lost = [key for key in reach.listed() if key.endswith("_backfill.json.gz")]
    for key in lost:
        reach.purge(key)
    ran = _offline(tmp_path / "copy", keys, monkeypatch)
    assert lost
    assert (ran.exit_code, set(_kinds(ran))) == (1, {"log.unlisted"})


def _digests(reach: FolderReach, account: str) -> list[str]:
    """Return the regular digests of an account, the oldest first."""
    return [
        key
        for key in reach.listed()
        if isinstance(name := parse_key(key), DigestKey) and name.account_id == account and not name.backfill
    ]


# Copies of what the embedded AWS delivered, with Organizations and the trail to say what should be there.


def _joins(account: str, at: datetime) -> None:
    """Let Organizations say that an account joined at a time."""
    [found] = [one for one in organization().accounts if one.id == account]
    found.create_time = at.replace(tzinfo=None)


class Told:
    """An organization trail of one Region that delivers, and copies of its bucket to verify."""

    def __init__(self, sandbox: Sandbox, verbs: Verbs, folder: Path) -> None:
        self.sandbox = sandbox
        self.trail = sandbox.client("cloudtrail")
        self._verbs = verbs
        self._folder = folder
        sandbox.enable_regions(HOME)
        make_archive(sandbox)
        for account in organization().accounts:
            _joins(account.id, BEGIN - timedelta(days=30))

    def deliver(self, *activities: Activity, until: datetime | None = None) -> None:
        """Let activities be delivered in the order of their time, and time come as far as ``until``."""
        ordered = sorted(activities, key=lambda one: one.occurred_at)
        deliver(self.sandbox, ordered, habits=PLAIN, digests=Digests(until=until))

    def copy(self) -> FolderReach:
        """Copy the bucket, metadata and all."""
        reach, copied = BucketReach(BUCKET), FolderReach(self._folder, bucket=BUCKET)
        for key in reach.listed():
            copied.write(key, reach.read(key))
        return copied

    def verify(self, *arguments: str) -> Ran:
        """Verify the copy as the management account does."""
        return self._verbs.run(
            "verify",
            str(self._folder),
            "--trail-arn",
            arn_of_trail(self.sandbox),
            "--as-of",
            format_moment(END),
            *arguments,
            "--json",
        )


@pytest.fixture
def told(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Told:
    """A trail that delivers, and nothing delivered yet."""
    return Told(sandbox, Verbs(sandbox, monkeypatch, tmp_path), tmp_path / "copy")


def _stopped(told: Told, *said: Activity, started: bool = True) -> None:
    """Stop the trail after three hours and start it after nine; ``said`` are the events that tell of it."""
    told.deliver(*_some(), *(one for one in said if one.occurred_at < BEGIN + 6 * HOUR))
    told.trail.stop_logging(Name=TRAIL)
    assert close_hours(told.sandbox, BEGIN + 8 * HOUR) == 0
    if started:
        told.trail.start_logging(Name=TRAIL)
        later = [one for one in said if one.occurred_at > BEGIN + 6 * HOUR]
        told.deliver(*_some(BEGIN + 9 * HOUR), *later, until=END)


STOP = _change("StopLogging", BEGIN + 3 * HOUR)
START = _change("StartLogging", BEGIN + 9 * HOUR)


@pytest.mark.sandbox
def test_a_stop_and_a_start_explain_the_gap(told: Told) -> None:
    """Hours between StopLogging and StartLogging of proven logs are explained, in every account's chain."""
    _stopped(told, STOP, START)
    told.copy()
    ran = told.verify()
    assert (ran.exit_code, _kinds(ran)) == (0, {"note.gap_explained": 5}), ran.document["findings"]
    assert "StopLogging by arn:aws:iam::111111111111:user/operator" in ran.document["findings"][0]["message"]
    assert ran.document["summary"]["hours"]["uncovered"] == 0


@pytest.mark.sandbox
def test_a_trail_that_is_stopped_still_is_explained(told: Told) -> None:
    """A trail that was stopped and not started again has no digests to expect."""
    _stopped(told, STOP, started=False)
    told.copy()
    ran = told.verify()
    assert (ran.exit_code, _kinds(ran)) == (0, {"note.gap_explained": 5}), ran.document["findings"]


DISHONEST: dict[str, tuple[Activity, ...]] = {
    "nobody tells of it": (),
    "a member stopped a trail of the same name": (_change("StopLogging", BEGIN + 3 * HOUR, account=MEMBER),),
    "the call failed": (_activity(BEGIN, account=OWNER), _change("StopLogging", BEGIN + 3 * HOUR)),
    "another trail was stopped": (_change("StopLogging", BEGIN + 3 * HOUR, name="other-trail"),),
    "it started again at once": (STOP, _change("StartLogging", BEGIN + 3 * HOUR + timedelta(minutes=1))),
}


@pytest.mark.sandbox
@pytest.mark.parametrize("lie", DISHONEST)
def test_a_gap_that_nothing_explains_is_found(told: Told, lie: str) -> None:
    """A gap is uncovered without a stop of this trail, by its owner, that lasts for the whole of it."""
    said = DISHONEST[lie]
    if lie == "the call failed":
        failed = json.loads(said[1].record) | {"errorCode": "AccessDenied"}
        said = (said[0], _activity(said[1].occurred_at, account=OWNER, **failed))
    _stopped(told, *said, START)
    told.copy()
    ran = told.verify()
    assert (ran.exit_code, _kinds(ran)) == (1, {"digest.coverage_gap": 5})


@pytest.mark.sandbox
def test_a_stop_in_a_log_that_is_gone_explains_nothing(told: Told) -> None:
    """Where the log that told of the stop is gone or was changed, the gap is uncovered."""
    _stopped(told, STOP, START)
    copied = told.copy()
    [stop] = [key for key in _logs(copied, OWNER) if b"StopLogging" in _inflated(copied, key)]
    copied.purge(stop)
    ran = told.verify()
    assert (ran.exit_code, _kinds(ran)) == (1, {"digest.coverage_gap": 5, "log.missing": 1})


@pytest.mark.sandbox
def test_hours_erased_beside_a_stop_are_found(told: Told) -> None:
    """Whoever erases a member's hours after a start makes no longer stop of them."""
    _stopped(told, STOP, START)
    copied = told.copy()
    for key in [*_digests(copied, MEMBER), *_logs(copied, MEMBER)]:
        name = parse_key(key)
        at = name.ends_at if isinstance(name, DigestKey) else name.delivered_at  # type: ignore[union-attr]
        if BEGIN + 9 * HOUR < at < BEGIN + 12 * HOUR:
            copied.purge(key)
    ran = told.verify()
    assert ran.exit_code == 1
    assert {one["account"] for one in ran.document["findings"] if one["severity"] != "info"} == {MEMBER}


def _logs(reach: FolderReach, account: str) -> Iterator[str]:
    for key in reach.listed():
        name = parse_key(key)
        if isinstance(name, LogKey) and name.account_id == account:
            yield key


def _inflated(reach: FolderReach, key: str) -> bytes:
    return inflate(reach.read(key).body)


@pytest.mark.sandbox
@pytest.mark.parametrize("arguments", [("--account", MEMBER), ("--since", format_moment(BEGIN + 8 * HOUR))])
def test_a_part_is_explained_by_what_was_not_asked_for(told: Told, arguments: tuple[str, ...]) -> None:
    """The trail's events explain a gap where only a member's account, or only later hours, are asked for."""
    _stopped(told, STOP, START)
    told.copy()
    ran = told.verify(*arguments)
    assert (ran.exit_code, set(_kinds(ran))) == (0, {"note.gap_explained"}), ran.document["findings"]


def _unvalidated(told: Told, *between: Activity, said: bool = True) -> None:
    """Switch validation off after three hours and on after nine."""
    off = _change("UpdateTrail", BEGIN + 3 * HOUR, enableLogFileValidation=False)
    told.deliver(*_some(), *([off] if said else []))
    told.trail.update_trail(Name=TRAIL, EnableLogFileValidation=False)
    told.deliver(*between)
    told.trail.update_trail(Name=TRAIL, EnableLogFileValidation=True)
    on = _change("UpdateTrail", BEGIN + 9 * HOUR, enableLogFileValidation=True)
    told.deliver(*_some(BEGIN + 9 * HOUR), on, until=END)


@pytest.mark.sandbox
def test_validation_switched_off_and_on_explains_the_gap(told: Told) -> None:
    """Hours between two UpdateTrail that switch validation off and on are explained."""
    _unvalidated(told)
    told.copy()
    ran = told.verify()
    assert (ran.exit_code, _kinds(ran)) == (0, {"note.gap_explained": 5}), ran.document["findings"]


@pytest.mark.sandbox
def test_logs_without_validation_are_not_proven(told: Told) -> None:
    """Logs that came while validation was off are neither proven nor called forged: the outcome is UNKNOWN."""
    _unvalidated(told, *_some(BEGIN + 5 * HOUR))
    told.copy()
    ran = told.verify()
    assert (ran.exit_code, _kinds(ran)) == (3, {"note.gap_explained": 5, "log.unlisted": 1})
    [said] = [one["message"] for one in ran.document["findings"] if one["kind"] == "log.unlisted"]
    assert said.startswith("9 logs from ")


@pytest.mark.sandbox
def test_validation_switched_off_unseen_is_found(told: Told) -> None:
    """Where no proven log tells that validation was switched off, the gap is uncovered."""
    _unvalidated(told, said=False)
    told.copy()
    ran = told.verify()
    assert (ran.exit_code, _kinds(ran)) == (1, {"digest.coverage_gap": 5})


def _joined(told: Told) -> str:
    """Let an account join after three hours; return its id."""
    told.deliver(*_some())
    client = told.sandbox.client("organizations")
    made = client.create_account(AccountName="late", Email="late@example.com")["CreateAccountStatus"]
    while made["State"] == "IN_PROGRESS":
        made = client.describe_create_account_status(CreateAccountRequestId=made["Id"])["CreateAccountStatus"]
    told.deliver(*_some(BEGIN + 9 * HOUR), until=END)
    return str(made["AccountId"])


@pytest.mark.sandbox
def test_an_account_that_joined_passes(told: Told) -> None:
    """An account is expected from when Organizations says that it joined."""
    account = _joined(told)
    _joins(account, BEGIN + 3 * HOUR)
    told.copy()
    ran = told.verify()
    assert (ran.exit_code, ran.document["findings"]) == (0, [])
    assert account in ran.document["scope"]["accounts"]


@pytest.mark.sandbox
def test_an_account_that_was_there_before_is_missed(told: Told) -> None:
    """An account whose digests begin hours after it joined lacks them, and is not a PASS."""
    account = _joined(told)
    _joins(account, BEGIN - timedelta(days=30))
    copied = told.copy()
    ran = told.verify()
    assert (ran.exit_code, _kinds(ran)) == (3, {"digest.coverage_gap": 1})
    _joins(account, BEGIN + 3 * HOUR)
    for key in _digests(copied, account)[:3]:
        copied.purge(key)
    ran = told.verify()
    assert (ran.exit_code, _kinds(ran)) == (1, {"digest.coverage_gap": 1, "digest.missing": 1})


def _left(told: Told, leave: Callable[[], object]) -> FolderReach:
    """Let an account leave after three hours, or not."""
    told.deliver(*_some(), *_some(account=OTHER))
    leave()
    told.deliver(*_some(BEGIN + 6 * HOUR), until=END)
    return told.copy()


@pytest.mark.sandbox
def test_an_account_that_left_passes(told: Told) -> None:
    """An account that Organizations lists no more is not expected to go on; what is there of it is proven."""
    client = told.sandbox.client("organizations")
    copied = _left(told, lambda: client.remove_account_from_organization(AccountId=OTHER))
    ran = told.verify()
    assert (ran.exit_code, ran.document["findings"]) == (0, [])
    assert OTHER in ran.document["scope"]["accounts"]
    copied.purge(_digests(copied, OTHER)[1])
    assert _kinds(told.verify()) == {"digest.missing": 1}


@pytest.mark.sandbox
def test_an_account_that_did_not_leave_is_missed(told: Told) -> None:
    """An account whose digests end, and that Organizations still lists, lacks them."""
    copied = _left(told, lambda: None)
    for key in [*_digests(copied, OTHER)[5:], *_logs(copied, "none")]:
        copied.purge(key)
    ran = told.verify()
    assert (ran.exit_code, _kinds(ran)) == (1, {"digest.coverage_gap": 1})
