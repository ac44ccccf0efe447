"""``verify``, ``keys`` and ``verify-report`` as their users run them, against the embedded AWS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from guard_verbs import BUCKET, Verbs, deliver_logs
from trailkeep.sandbox.chains import Digests
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox
from trailkeep.sandbox.reach import BucketReach
from trailkeep.sandbox.scene import Scene
from trailkeep.sandbox.tamper import tamper

pytestmark = pytest.mark.sandbox
REGIONS = ("eu-central-1", "us-east-1")
MEMBER = "333333333333"


def _until() -> datetime:
    """Return the last full hour: all that is over has its digest."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(minutes=1)


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """An archive with the signed logs of yesterday."""
    made = Verbs(sandbox, monkeypatch, tmp_path)
    made.write()
    assert made.run("apply", "--yes").exit_code in {0, 1}
    sandbox.enable_regions(*REGIONS)
    deliver_logs(sandbox, digests=Digests(until=_until(), regions=REGIONS))
    return made


def test_a_clean_archive(verbs: Verbs) -> None:
    """An untouched archive is proven with what Organizations and the trail say; answers of its lake are too."""
    assert verbs.run("collect").exit_code == 0
    ran = verbs.run("verify", "--json")
    assert ran.exit_code == 0, ran.document["findings"]
    assert ran.document["verdict"] == "PASS"
    assert ran.document["scope"]["expected_from"] == "Organizations and the trail"
    assert ran.document["summary"]["logs"]["failed"] == 0
    assert ran.document["keys"]
    said = verbs.run("search", "--since", "3d", "--until", "1d")
    assert "integrity: UNKNOWN (the logs of this lake were not verified)" not in said.stderr


def test_tampering_fails_answers_too(verbs: Verbs, sandbox: Sandbox) -> None:
    """An altered log fails the verification, and then every answer that it is part of."""
    assert verbs.run("collect").exit_code == 0
    reach = BucketReach(BUCKET)
    scene = Scene(reach=reach, account=MEMBER, region="eu-central-1", keys=sandbox.digests.keys, seed=1)
    tamper("log-modified", scene)
    ran = verbs.run("verify")
    assert ran.exit_code == 1
    assert "critical: log.hash_mismatch" in ran.stderr
    assert verbs.run("search", "--account", MEMBER, "--since", "3d").exit_code == 1


def test_unreadable_is_unknown(verbs: Verbs, sandbox: Sandbox) -> None:
    """A log that may not be read is unreadable, not missing, and the run goes on to its end."""
    sandbox.inject("GetObject", error="AccessDenied", times=1)
    ran = verbs.run("verify", "--json")
    kinds = [finding["kind"] for finding in ran.document["findings"]]
    assert set(kinds) <= {"object.unreadable"}
    assert ran.exit_code == (3 if kinds else 0)
    assert sandbox.injected.left == {}


def test_a_deleted_log_is_recoverable(verbs: Verbs, sandbox: Sandbox) -> None:
    """A delete marker in front of a log is found, with the version behind it still proven."""
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    listed = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    key = next(one["Key"] for one in listed if f"/{MEMBER}/CloudTrail/" in one["Key"])
    s3.delete_object(Bucket=BUCKET, Key=key)
    ran = verbs.run("verify", "--json")
    assert ran.exit_code == 1
    assert [(one["kind"], one["object"]) for one in ran.document["findings"]] == [
        ("object.delete_marker", f"s3://{BUCKET}/{key}")
    ]


def test_pinned_keys(verbs: Verbs, tmp_path: Path) -> None:
    """Keys are exported once and again, checked, and verify without asking CloudTrail for any."""
    file = str(tmp_path / "keys.json")
    first = verbs.run("keys", "export", file, "--region", REGIONS[0], "--region", REGIONS[1], "--json")
    assert (first.exit_code, first.document["regions"]) == (0, list(REGIONS))
    again = verbs.run("keys", "export", file, "--region", REGIONS[0], "--json")
    assert (again.exit_code, again.document["added"]) == (0, 0)
    assert verbs.run("keys", "check", file).exit_code == 0
    ran = verbs.run("verify", "--keys", file, "--json")
    assert (ran.exit_code, ran.document["scope"]["mode"]) == (0, "keys file")


def test_a_report(verbs: Verbs, tmp_path: Path) -> None:
    """A signed report of a verification is checked with its public key, and one that was changed fails."""
    key, report = str(tmp_path / "key.pem"), tmp_path / "report"
    assert verbs.run("verify-report", "--new-key", key).exit_code == 0
    assert verbs.run("verify", "--report", str(report), "--sign-key", key).exit_code == 0
    assert verbs.run("verify-report", str(report), "--key", f"{key}.pub").exit_code == 0
    page = report / "report.html"
    page.write_text(page.read_text() + " ")
    assert verbs.run("verify-report", str(report), "--key", f"{key}.pub").exit_code == 1


def test_locks(verbs: Verbs) -> None:
    """Objects that came before the lock are not locked, and ones that are pass; a copy has no lock to look at."""
    ran = verbs.run("verify", "--locks", "1", "--json")
    kinds = {one["kind"] for one in ran.document["findings"]}
    assert (ran.exit_code, kinds) == (1, {"lock.missing"})
    reach = BucketReach(BUCKET)
    until = datetime.now(UTC) + timedelta(days=500)
    for key in reach.listed():
        reach.lock(key, mode="GOVERNANCE", until=until)
    assert verbs.run("verify", "--locks", "all").exit_code == 0
    assert verbs.run("verify", f"s3://{BUCKET}/", "--locks", "1").exit_code == 2
    assert verbs.run("verify", "--locks", "some").exit_code == 2


def test_usage(verbs: Verbs) -> None:
    """What cannot be meant is refused before anything is read."""
    assert verbs.run("verify", "--since", "1d", "--until", "2d").exit_code == 2
    assert verbs.run("verify", "--sign-key", "key.pem").exit_code == 2
    assert verbs.run("keys", "show", "file").exit_code == 2
