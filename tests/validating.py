"""The real ``aws cloudtrail validate-logs``, run against the embedded AWS."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sandbox_archives import arn_of_trail
from trailkeep.core.times import format_moment
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

AWS = Path(sys.executable).parent / "aws"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the AWS CLI said; ``words`` is everything it printed."""

    exit_code: int
    words: str


def validate_logs(
    sandbox: Sandbox,
    *,
    account: str,
    region: str,
    since: datetime,
    until: datetime,
    trail_arn: str = "",
    bucket: tuple[str, str] = ("", ""),
) -> Said:
    """Validate one account and Region of a trail, as the administrator of the archive's account.

    ``bucket`` and prefix must be told where that account does not see the trail.
    """
    command = [str(AWS), "--region", region, "cloudtrail", "validate-logs"]
    command += ["--trail-arn", trail_arn or arn_of_trail(sandbox), "--account-id", account]
    command += ["--start-time", format_moment(since), "--end-time", format_moment(until)]
    command += ["--s3-bucket", bucket[0], "--s3-prefix", bucket[1]] if bucket[0] else []
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        command,
        env=kept | sandbox.environment(LOG_ARCHIVE_ACCOUNT_ID),
        check=False,
        capture_output=True,
        text=True,
    )
    return Said(exit_code=done.returncode, words=done.stdout + done.stderr)
