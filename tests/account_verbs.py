"""Runs verbs as one account that keeps its own history: a member whose organization nobody lets it read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from guard_verbs import Ran, run_verb
from refusals import Proxy, proxied
from trailkeep.cli import apply, backfill, collect, explain, export, init, plan, search, status
from trailkeep.sandbox.delivery import DeliveryReport, deliver
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.logfiles import Habits
from trailkeep.sandbox.organization import WORKLOAD_ACCOUNTS, Sandbox

__all__ = ["ALONE", "ALONE_BUCKET", "AccountVerbs", "account_verbs", "deliver_own_log"]

ALONE = WORKLOAD_ACCOUNTS["prod"]
ALONE_BUCKET = f"trailkeep-{ALONE}-eu-central-1-an"
_VERBS = (init, plan, apply, explain, export, status, backfill, collect, search)


class AccountVerbs:
    """A folder, the credentials of the account's administrator, and what was asked of AWS with them."""

    def __init__(self, folder: Path, proxy: Proxy) -> None:
        self.folder = folder
        self.proxy = proxy

    def run(self, *arguments: str) -> Ran:
        """Run one command; errors of ours become their line and exit code, as ``trailkeep`` does it."""
        return run_verb(_VERBS, arguments)


@contextmanager
def account_verbs(
    sandbox: Sandbox, patch: pytest.MonkeyPatch, folder: Path, *, account: str = ALONE
) -> Iterator[AccountVerbs]:
    """Act as an account's administrator, through a proxy that remembers what was asked of AWS."""
    patch.delenv("AWS_PROFILE", raising=False)
    patch.delenv("AWS_SESSION_TOKEN", raising=False)
    with proxied(sandbox.endpoint_url) as proxy:
        for name, value in sandbox.environment(account).items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL", proxy.url)
        patch.chdir(folder)
        yield AccountVerbs(folder, proxy)


def deliver_own_log(sandbox: Sandbox, *, minutes_ago: int = 20) -> DeliveryReport:
    """Let CloudTrail deliver one event of the account and one of another account."""
    at = (datetime.now(UTC) - timedelta(minutes=minutes_ago)).replace(microsecond=0)
    activities = [
        Activity(
            account_id=account,
            region="eu-central-1",
            occurred_at=at,
            record=_RECORD % (account.encode(), minutes_ago, at.strftime("%Y-%m-%dT%H:%M:%SZ").encode()),
        )
        for account in (ALONE, WORKLOAD_ACCOUNTS["staging"])
    ]
    return deliver(sandbox, activities, habits=Habits(late_rate=0, duplicate_rate=0))


_RECORD = (
    b'{"eventVersion":"1.11","recipientAccountId":"%s","eventID":"00000000-0000-4000-8000-%012d",'
    b'"eventTime":"%s","eventSource":"sts.amazonaws.com","eventName":"GetCallerIdentity",'
    b'"eventCategory":"Management","managementEvent":true,"awsRegion":"eu-central-1"}'
)
