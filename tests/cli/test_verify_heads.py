"""``verify`` and what earlier runs proved: rollbacks, going on from a head, trusted heads without keys."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from guard_verbs import Ran, run_verb
from object_servers import Item as Served
from object_servers import object_server
from trailkeep.cli import verify
from trailkeep.core.layout import DigestKey, LogKey, parse_key
from trailkeep.keep.signing_keys import BundleKey, encode_bundle, public_key
from trailkeep.sandbox.chains import Digests
from trailkeep.sandbox.delivery import FolderDigests, write_layout
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.logfiles import Habits
from trailkeep.sandbox.reach import FolderReach, Item
from trailkeep.sandbox.signing import SigningKeys

BUCKET, HOME = "acme-trail-archive", "eu-central-1"
ACCOUNTS = ("333333333333", "444444444444")
BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)
HOURS = 30
END = BEGIN + timedelta(hours=HOURS)


def _activities() -> Iterator[Activity]:
    for number in range(2 * (HOURS - 1)):
        for account in ACCOUNTS:
            yield Activity(
                account_id=account,
                region=HOME,
                occurred_at=BEGIN + timedelta(minutes=30 * number),
                record=b'{"eventID":"%d-%s"}' % (number, account.encode()),
            )


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean copy of an archive, and its public keys in ``keys.json`` beside it."""
    folder = tmp_path_factory.mktemp("archive")
    signing = SigningKeys()
    write_layout(
        folder / "whole",
        _activities(),
        organization_id="o-exampleorgid",
        prefix="",
        habits=Habits(late_rate=0, duplicate_rate=0),
        digests=FolderDigests(
            bucket=BUCKET,
            trail_name="org-trail",
            home_region=HOME,
            accounts=ACCOUNTS,
            wanted=Digests(until=END, regions=(HOME,)),
            keys=signing,
        ),
    )
    entries = [
        BundleKey.of(
            public_key(
                region=HOME,
                fingerprint=key.fingerprint,
                der=key.der,
                valid_from=key.valid_from,
                valid_until=key.valid_until,
            ),
            fetched_at=END,
            source="the test",
        )
        for key in signing.listed(HOME, BEGIN, END)
    ]
    (folder / "keys.json").write_bytes(encode_bundle(entries))
    return folder


class Copy:
    """A copy that is verified again and again, with its heads in a file beside it."""

    def __init__(self, archive: Path, folder: Path, *, hours: int = HOURS) -> None:
        self._archive = archive
        self._folder = folder
        self.heads = folder / "heads.jsonl"
        shutil.copytree(archive / "whole", folder / "copy")
        self.reach = FolderReach(folder / "copy", bucket=BUCKET)
        self.cut(hours)

    def cut(self, hours: int) -> None:
        """Take away everything that came later than so many hours after the beginning."""
        for key in self.keys(lambda at: at > BEGIN + timedelta(hours=hours)):
            self.reach.purge(key)

    def grow(self) -> None:
        """Let everything that was ever delivered be there; what is there stays as it is."""
        shutil.copytree(self._archive / "whole", self._folder / "all")
        there = set(self.reach.listed())
        whole = FolderReach(self._folder / "all", bucket=BUCKET)
        for key in set(whole.listed()) - there:
            self.reach.write(key, whole.read(key))

    def keys(self, is_meant: Callable[[datetime], bool], kind: type = object) -> list[str]:
        """Return the keys of logs and digests whose time is meant."""
        return [
            key
            for key in self.reach.listed()
            if isinstance(name := parse_key(key), LogKey | DigestKey)
            and isinstance(name, kind)
            and is_meant(name.delivered_at if isinstance(name, LogKey) else name.ends_at)
        ]

    def alter(self, key: str) -> None:
        """Exchange the content of an object for another one's."""
        other = next(one for one in self.keys(lambda _: True, LogKey) if one != key)
        self.reach.write(key, Item(body=self.reach.read(other).body, metadata=self.reach.read(key).metadata))

    def verify(self, hours: int, *arguments: str, keys: bool = True) -> Ran:
        """Verify the copy as of so many hours after the beginning."""
        known = ("--keys", str(self._archive / "keys.json")) if keys else ()
        as_of = BEGIN + timedelta(hours=hours)
        named = (str(self._folder / "copy"), "--heads", str(self.heads), "--as-of", as_of.isoformat())
        return run_verb((verify,), (*named, *known, *arguments))


def _kinds(ran: Ran) -> list[str]:
    return sorted(one["kind"] for one in ran.document["findings"])


def test_a_rolled_back_archive(archive: Path, tmp_path: Path) -> None:
    """An archive that is set back to an earlier state is rolled back, and stays so for every later run."""
    copy = Copy(archive, tmp_path)
    assert copy.verify(HOURS, "--json").exit_code == 0
    copy.cut(20)
    for arguments in ((), ("--incremental",)):
        ran = copy.verify(HOURS, "--json", *arguments)
        assert (ran.exit_code, _kinds(ran)) == (1, ["head.rolled_back"] * len(ACCOUNTS))
        assert {one["severity"] for one in ran.document["findings"]} == {"critical"}
    copy.grow()
    assert copy.verify(HOURS, "--json").exit_code == 0


def test_a_short_rollback(archive: Path, tmp_path: Path) -> None:
    """A rollback of one hour, which no gap shows yet, is found; not where the copy is said to be as old."""
    copy = Copy(archive, tmp_path)
    assert copy.verify(HOURS).exit_code == 0
    copy.cut(HOURS - 1)
    assert _kinds(copy.verify(HOURS, "--json")) == ["head.rolled_back"] * len(ACCOUNTS)
    assert copy.verify(HOURS - 1).exit_code == 0
    copy.heads.unlink()
    assert "head.rolled_back" not in _kinds(copy.verify(HOURS, "--json"))


def test_an_erased_account(archive: Path, tmp_path: Path) -> None:
    """An account that is erased as a whole is found where only the archive says what should be there."""
    copy = Copy(archive, tmp_path)
    assert copy.verify(HOURS).exit_code == 0
    shutil.rmtree(tmp_path / "copy" / "AWSLogs" / "o-exampleorgid" / ACCOUNTS[1])
    ran = copy.verify(HOURS, "--json")
    assert (ran.exit_code, _kinds(ran)) == (1, ["head.rolled_back"])
    assert copy.verify(HOURS, "--account", ACCOUNTS[0]).exit_code == 0


def test_heads_are_added(archive: Path, tmp_path: Path) -> None:
    """Each run adds its heads behind those of earlier runs; a line that a crash cut off is taken away."""
    copy = Copy(archive, tmp_path, hours=20)
    assert copy.verify(20).exit_code == 0
    before = copy.heads.read_bytes()
    with copy.heads.open("ab") as file:
        file.write(b'{"schema":"heads/1","buck')
    copy.grow()
    assert copy.verify(HOURS).exit_code == 0
    after = copy.heads.read_bytes()
    assert after.startswith(before)
    lines = [json.loads(line) for line in after.splitlines()]
    assert [line["account"] for line in lines] == [*ACCOUNTS, *ACCOUNTS]
    assert {line["heads"][0]["ends_at"] for line in lines[2:]} > set()
    copy.heads.write_bytes(before + b"{}\n")
    damaged = copy.verify(HOURS)
    assert (damaged.exit_code, "heads.jsonl line 3: expected heads" in damaged.stderr) == (3, True)


def test_going_on(archive: Path, tmp_path: Path) -> None:
    """With --incremental only what came after the heads is read, and the answer says what was not, and its age."""
    copy = Copy(archive, tmp_path, hours=20)
    first = copy.verify(20, "--json").document
    copy.grow()
    copy.alter(copy.keys(lambda at: at < BEGIN + timedelta(hours=5), LogKey)[0])
    ran = copy.verify(HOURS, "--json", "--incremental")
    found = ran.document
    assert (ran.exit_code, found["findings"]) == (0, [])
    assert found["summary"]["digests"]["verified"] == len(ACCOUNTS) * (HOURS - 20 + 1)
    whole = Copy(archive, tmp_path / "other").verify(HOURS, "--json").document
    logs = [one["summary"]["logs"]["verified"] for one in (first, found, whole)]
    assert logs[0] + logs[1] == logs[2]
    parts = found["reused"]["parts"]
    assert [(one["account"], one["verdict"]) for one in parts] == [(one, "PASS") for one in ACCOUNTS]
    assert found["reused"]["count"] == sum(one["digests"] + one["logs"] for one in parts)
    assert sum(one["logs"] for one in parts) == logs[0]
    assert any("was not read again" in one for one in found["not_claimed"])
    assert {(one["day"], one["account"]): one["hours"] for one in found["cells"]}.items() <= {
        (one["day"], one["account"]): one["hours"] for one in whole["cells"]
    }.items()
    said = copy.verify(HOURS, "--incremental").stderr
    assert "reused, not read again" in said
    assert copy.verify(HOURS).exit_code == 1


@pytest.mark.parametrize(
    ("kind", "found"), [(LogKey, "log.hash_mismatch"), (DigestKey, "digest.moved")], ids=["log", "digest"]
)
def test_tampering_after_the_head(archive: Path, tmp_path: Path, kind: type, found: str) -> None:
    """What is altered after the heads is found by a run that goes on from them, and later runs find it too."""
    copy = Copy(archive, tmp_path, hours=20)
    assert copy.verify(20).exit_code == 0
    copy.grow()
    key = copy.keys(lambda at: at > BEGIN + timedelta(hours=23), kind)[0]
    if kind is LogKey:
        copy.alter(key)
    else:
        copy.reach.write(key, copy.reach.read(copy.keys(lambda at: at < BEGIN + timedelta(hours=5), kind)[0]))
    for _ in range(2):
        ran = copy.verify(HOURS, "--json", "--incremental")
        assert (ran.exit_code, _kinds(ran)) == (1, [found])


def test_a_lost_head(archive: Path, tmp_path: Path) -> None:
    """Where the digest of a head is gone, that place is read from the beginning, and the loss is found."""
    copy = Copy(archive, tmp_path, hours=20)
    assert copy.verify(20).exit_code == 0
    head = json.loads(copy.heads.read_text().splitlines()[0])["heads"][0]["key"]
    copy.grow()
    copy.reach.purge(head)
    ran = copy.verify(HOURS, "--json", "--incremental")
    assert (ran.exit_code, _kinds(ran)) == (1, ["digest.missing"])
    assert [one["account"] for one in ran.document["reused"]["parts"]] == [ACCOUNTS[1]]


def test_without_keys(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trusted heads prove all below them by hashes alone; what lies above them is UNKNOWN without keys."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    copy = Copy(archive, tmp_path, hours=20)
    assert copy.verify(20, keys=False).exit_code == 2
    assert copy.verify(20).exit_code == 0
    trusted = copy.heads.read_bytes()
    ran = copy.verify(20, "--json", keys=False)
    assert (ran.exit_code, ran.document["scope"]["mode"]) == (0, "heads file")
    copy.grow()
    above = copy.verify(HOURS, "--json", keys=False)
    assert (above.exit_code, set(_kinds(above))) == (3, {"digest.unknown_key"})
    copy.heads.write_bytes(trusted)
    copy.alter(copy.keys(lambda at: at < BEGIN + timedelta(hours=5), LogKey)[0])
    assert "log.hash_mismatch" in _kinds(copy.verify(HOURS, "--json", keys=False))


def test_a_sample(archive: Path, tmp_path: Path) -> None:
    """A sample reads so many logs of each chain and is never PASS; an altered log is found where it is read."""
    copy = Copy(archive, tmp_path)
    ran = copy.verify(HOURS, "--json", "--sample", "3")
    logs = ran.document["summary"]["logs"]
    assert (ran.exit_code, ran.document["findings"]) == (3, [])
    assert (logs["verified"], logs["unread"]) == (3 * len(ACCOUNTS), logs["listed"] - 3 * len(ACCOUNTS))
    assert f"{logs['unread']} logs were not read, as asked" in ran.document["reason"]
    copy.alter(copy.keys(lambda at: at < BEGIN + timedelta(hours=5), LogKey)[0])
    whole = copy.verify(HOURS, "--json", "--sample", "1000")
    assert (whole.exit_code, _kinds(whole)) == (1, ["log.hash_mismatch"])


def test_what_a_run_leaves_that_is_cut_off(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that goes on from one that was cut off reads the rest, says what it took over, and misses nothing."""
    whole = FolderReach(archive / "whole", bucket=BUCKET)
    last = max(key for key in whole.listed() if isinstance(parse_key(key), LogKey))
    items = {}
    for key in whole.listed():
        one = whole.read(key)
        refusal = "ExpiredToken" if key == last else ""
        items[key] = Served(body=one.body, metadata=one.metadata, refusal=refusal, refused_times=1)
    heads = tmp_path / "heads.jsonl"
    named = (f"s3://{BUCKET}/", "--heads", str(heads), "--as-of", END.isoformat())
    arguments = (*named, "--keys", str(archive / "keys.json"), "--json")
    with object_server(monkeypatch, items, bucket=BUCKET) as seen:
        assert run_verb((verify,), arguments).exit_code == 4
        assert not heads.exists()
        before = len(seen)
        ran = run_verb((verify,), arguments)
        asked = [line for line in seen[before:] if "/CloudTrail/" in line and "prefix" not in line]
    reused = ran.document["reused"]
    assert (ran.exit_code, ran.document["findings"]) == (0, [])
    assert reused["count"] == reused["resumed"] > 0
    assert len(asked) + reused["resumed"] == ran.document["summary"]["logs"]["verified"]
    assert not [*tmp_path.glob("heads.jsonl.begun/*")]


def test_usage(archive: Path, tmp_path: Path) -> None:
    """Going on needs heads of an earlier run, and a range of time of its own is refused."""
    copy = Copy(archive, tmp_path, hours=20)
    assert run_verb((verify,), (str(tmp_path / "copy"), "--incremental")).exit_code == 2
    assert copy.verify(20, "--incremental", "--since", "2026-03-01").exit_code == 2
    assert copy.verify(20, "--sample", "3", "--deep").exit_code == 2
    assert copy.verify(20, "--deep").exit_code == 0
