"""Runs the verbs that set up, watch and read the archive as a user would, against the embedded AWS."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from trailkeep.cli import (
    apply,
    audit,
    collect,
    explain,
    init,
    keys,
    plan,
    prove,
    search,
    status,
    verify,
    verify_report,
)
from trailkeep.core.errors import TrailkeepError
from trailkeep.sandbox.chains import Digests
from trailkeep.sandbox.delivery import deliver
from trailkeep.sandbox.events import OrganizationShape, activity
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, ORGANIZATION_ID, Sandbox

__all__ = ["BUCKET", "CREATED", "YESTERDAY", "Ran", "Verbs", "deliver_logs", "run_verb", "settings"]

YESTERDAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
BUCKET = "acme-trail-archive"
CREATED = {"account": '""', "account_name": '"log-archive"', "account_email": '"logs@example.com"'}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What one command did; ``stderr`` ends with the one line of an error of ours."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document on stdout."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found

    @property
    def ids(self) -> list[str]:
        """The ids of the actions in the JSON document."""
        return [action["id"] for action in self.document["actions"]]


def run_verb(verbs: Iterable[ModuleType], arguments: Iterable[str], *, answer: str = "") -> Ran:
    """Run one command; errors of ours become their line and exit code, as ``trailkeep`` does it."""
    application = typer.Typer(pretty_exceptions_enable=False)
    for verb in verbs:
        application.command(verb.__name__.rsplit(".", 1)[1].replace("_", "-"))(verb.command)
    ran = CliRunner().invoke(application, list(arguments), input=answer)
    if isinstance(ran.exception, TrailkeepError):
        return Ran(
            exit_code=ran.exception.exit_code, stdout=ran.stdout, stderr=f"{ran.stderr}{ran.exception}"
        )
    if ran.exception and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return Ran(exit_code=int(ran.exit_code), stdout=ran.stdout, stderr=ran.stderr)


_VERBS = (init, plan, apply, prove, status, explain, verify, verify_report, keys, collect, search, audit)


class Verbs:
    """A folder with a ``trailkeep.toml`` and the environment of the management account."""

    def __init__(self, sandbox: Sandbox, patch: pytest.MonkeyPatch, folder: Path) -> None:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        for name, value in sandbox.environment().items():
            patch.setenv(name, value)
        patch.chdir(folder)
        self._patch = patch
        self._sandbox = sandbox
        self.folder = folder

    def behind(self, url: str) -> None:
        """Reach the embedded AWS through another address from now on."""
        self._patch.setenv("AWS_ENDPOINT_URL", url)

    def write(self, **changes: str) -> None:
        """Write ``trailkeep.toml``."""
        (self.folder / "trailkeep.toml").write_text(settings(**changes))

    def run(self, *arguments: str, answer: str = "") -> Ran:
        """Run one command; errors of ours become their line and exit code, as ``trailkeep`` does it."""
        return run_verb(_VERBS, arguments, answer=answer)

    def armed(self, *arguments: str) -> Ran:
        """Build the archive, let a day's logs arrive, and arm it."""
        built = self.run("apply", "--yes")
        assert built.exit_code in {0, 1}, built.stderr
        deliver_logs(self._sandbox)
        return self.run("apply", "--yes", "--arm", *arguments)


def deliver_logs(
    sandbox: Sandbox, *, bucket: str = BUCKET, trail: str = "trailkeep", digests: Digests | None = None
) -> None:
    """Let CloudTrail deliver the logs of one day of all accounts, and their digests where they are wanted."""
    shape = OrganizationShape(
        organization_id=ORGANIZATION_ID, home_region=sandbox.region, trail_name=trail, bucket=bucket
    )
    deliver(
        sandbox,
        activity(shape, seed=1, starts_at=YESTERDAY, days=1, events_per_day=40, story=False),
        digests=digests,
    )


def settings(**changes: str) -> str:
    """Return the text of a ``trailkeep.toml`` for the embedded organization."""
    values = {
        "account": f'"{LOG_ARCHIVE_ACCOUNT_ID}"',
        "account_name": '""',
        "account_email": '""',
        "bucket": f'"{BUCKET}"',
        "region": '"eu-central-1"',
        "days": "400",
        "lock_mode": '"GOVERNANCE"',
        "scp": "true",
        "trail": "",
        **changes,
    }
    text = (
        '[organization]\nid = "{id}"\nmanagement_account = "111111111111"\n'
        "[archive]\naccount = {account}\naccount_name = {account_name}\naccount_email = {account_email}\n"
        "region = {region}\nbucket = {bucket}\n"
        "[retention]\ndays = {days}\nlock_mode = {lock_mode}\n[guards]\nscp = {scp}\n[trail]\n{trail}\n"
    )
    return text.format(id=ORGANIZATION_ID, **values)
