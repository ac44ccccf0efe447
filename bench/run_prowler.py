"""Lets Prowler judge the embedded organization before and after Trailkeep, and prints a table.

python bench/run_prowler.py PROWLER    PROWLER is the program in a virtual environment of its own

Not part of the tests: Prowler pins hundreds of packages and takes minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trailkeep.sandbox.delivery import deliver
from trailkeep.sandbox.events import OrganizationShape, activity
from trailkeep.sandbox.organization import (
    LOG_ARCHIVE_ACCOUNT_ID,
    MANAGEMENT_ACCOUNT_ID,
    ORGANIZATION_ID,
    Sandbox,
)

__all__ = ["build_archive", "prowler_verdicts", "write_config"]

_REGION = "eu-central-1"
_BUCKET = "acme-trail-archive"
_SCANS = (
    (MANAGEMENT_ACCOUNT_ID, "cloudtrail"),
    (MANAGEMENT_ACCOUNT_ID, "organizations"),
    (LOG_ARCHIVE_ACCOUNT_ID, "s3"),
)
_CONFIG = f"""\
[organization]
id = "{ORGANIZATION_ID}"
management_account = "{MANAGEMENT_ACCOUNT_ID}"
[archive]
account = "{LOG_ARCHIVE_ACCOUNT_ID}"
region = "{_REGION}"
bucket = "{_BUCKET}"
"""
_APPLIES = (["apply", "--yes"], ["apply", "--arm", "--yes"])


def main() -> None:
    """Scan, build and arm the archive, scan again."""
    (prowler,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name, Sandbox(region=_REGION) as sandbox:
        folder = Path(name)
        write_config(folder)
        before = dict(prowler_verdicts(prowler, sandbox, folder / "before"))
        build_archive(sandbox, folder)
        after = dict(prowler_verdicts(prowler, sandbox, folder / "after"))
    print("| account | check | before | after |")
    print("| --- | --- | --- | --- |")
    for account, check in sorted(before.keys() | after.keys()):
        key = (account, check)
        said = [results.get(key, "nothing to judge") for results in (before, after)]
        print(f"| {account} | `{check}` | {' | '.join(said)} |")


def write_config(folder: Path) -> None:
    """Write the configuration of the archive."""
    (folder / "trailkeep.toml").write_text(_CONFIG)


def build_archive(sandbox: Sandbox, folder: Path) -> None:
    """Set the archive up as a user does; a member's logs arrive in between."""
    build, arm = _APPLIES
    _trailkeep(sandbox, folder, build, {0, 1})  # 1: what arms the archive waits
    shape = OrganizationShape(
        organization_id=ORGANIZATION_ID, home_region=_REGION, trail_name="trailkeep", bucket=_BUCKET
    )
    yesterday = datetime.now(UTC) - timedelta(days=1)
    deliver(sandbox, activity(shape, seed=1, starts_at=yesterday, days=1, events_per_day=200, story=False))
    _trailkeep(sandbox, folder, arm, {0})


def _trailkeep(sandbox: Sandbox, folder: Path, arguments: list[str], expected: set[int]) -> None:
    command = [sys.executable, "-c", "from trailkeep.cli.main import main; main()", *arguments]
    environment = {**os.environ, **sandbox.environment()}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    if done.returncode not in expected:
        raise SystemExit(f"trailkeep {' '.join(arguments)}: {done.stderr.decode()[-500:]}")


def prowler_verdicts(prowler: str, sandbox: Sandbox, folder: Path) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield what Prowler says of the trail and of the archive's bucket, the worst for each check."""
    worst = {"PASS": 0, "MANUAL": 1, "FAIL": 2}
    for account, service in _SCANS:
        found: dict[tuple[str, str], str] = {}
        for check, status, resource in _scan(prowler, sandbox, account, service, folder / service):
            if service == "s3" and "account" not in check and _BUCKET not in resource:
                continue
            key = (account, check)
            found[key] = max(found.get(key, "PASS"), status, key=lambda one: worst.get(one, 2))
        yield from found.items()


def _scan(
    prowler: str, sandbox: Sandbox, account: str, service: str, folder: Path
) -> Iterator[tuple[str, str, str]]:
    """Yield check, status and resource of every finding in one account."""
    command = [prowler, "aws", "--service", service, "--output-formats", "json-ocsf", "--no-banner"]
    command += ["--output-directory", str(folder), "--filter-region", _REGION, "--ignore-exit-code-3"]
    subprocess.run(
        command, env={**os.environ, **sandbox.environment(account)}, check=True, stdout=subprocess.DEVNULL
    )
    for path in folder.glob("*.ocsf.json"):
        for finding in json.loads(path.read_text()):
            resource = " ".join(str(one.get("uid", "")) for one in finding.get("resources", []))
            yield finding["metadata"]["event_code"], finding["status_code"], resource


if __name__ == "__main__":
    main()
