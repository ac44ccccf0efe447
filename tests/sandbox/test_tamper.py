"""What the sandbox can do to an archive, and what the real ``aws cloudtrail validate-logs`` says of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox_archives import BUCKET, make_archive
from trailkeep.sandbox.chains import Digests
from trailkeep.sandbox.delivery import deliver
from trailkeep.sandbox.events import Activity
from trailkeep.sandbox.organization import Sandbox
from trailkeep.sandbox.reach import BucketReach
from trailkeep.sandbox.tamper import TAMPERINGS, Scene, tamper
from validating import Said, validate_logs

pytestmark = pytest.mark.sandbox
BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)
END = BEGIN + timedelta(hours=25)
ACCOUNT, REGION = "333333333333", "eu-central-1"

EXPECTED = {
    "log-modified": (1, "INVALID: hash value doesn't match"),
    "log-deleted": (1, "INVALID: not found"),
    "log-purged": (1, "INVALID: not found"),
    "logs-swapped": (1, "INVALID: hash value doesn't match"),
    "log-truncated": (1, "INVALID: hash value doesn't match"),
    "log-appended-member": (1, "INVALID: unexpected data after end of compressed stream"),
    "log-recompressed": (0, "25/25 digest files valid"),
    "log-inserted": (0, "25/25 digest files valid"),
    "log-copied": (0, "25/25 digest files valid"),
    "digest-deleted": (1, "24/25 digest files valid, 1/25 digest files INVALID"),
    "digests-deleted-run": (1, "22/23 digest files valid, 1/23 digest files INVALID"),
    "head-deleted": (1, "22/23 digest files valid, 1/23 digest files INVALID"),
    "digest-tail-deleted": (0, "22/22 digest files valid"),
    "tail-erased": (0, "22/22 digest files valid"),
    "chain-erased": (0, "No digests found"),
    "account-erased": (0, "No digests found"),
    "digest-modified": (1, "INVALID: signature verification failed"),
    "digest-forged": (1, "INVALID: signature verification failed"),
    "digest-forged-own-key": (1, "INVALID: public key not found"),
    "digest-wrong-region-key": (1, "INVALID: public key not found"),
    "digest-rolled-back": (0, "25/25 digest files valid"),
    "digests-swapped": (1, "INVALID: has been moved from its original location"),
    "digest-metadata-lost": (1, "INVALID: signature verification failed"),
    "digest-appended-member": (0, "25/25 digest files valid"),
    "digest-inserted": (0, "25/25 digest files valid"),
}


def _a_day() -> list[Activity]:
    return [
        Activity(
            account_id=ACCOUNT,
            region=REGION,
            occurred_at=BEGIN + timedelta(minutes=20 * number),
            record=b'{"eventID":"e%d","eventName":"Something"}' % number,
        )
        for number in range(72)
    ]


def _archive(sandbox: Sandbox) -> Scene:
    make_archive(sandbox, lock="COMPLIANCE")
    deliver(sandbox, _a_day(), digests=Digests(until=END))
    return Scene(reach=BucketReach(BUCKET), account=ACCOUNT, region=REGION, keys=sandbox.digests.keys, seed=4)


def _validate(sandbox: Sandbox) -> Said:
    return validate_logs(sandbox, account=ACCOUNT, region=REGION, since=BEGIN, until=END)


def test_every_tampering_has_its_words() -> None:
    """The table of what the AWS CLI says has a line for every tampering there is."""
    assert list(EXPECTED) == list(TAMPERINGS)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED)
def test_what_the_aws_cli_sees(sandbox: Sandbox, name: str) -> None:
    """Every tampering gets the exit code and the words from the real AWS CLI that the documentation shows."""
    scene = _archive(sandbox)
    touched = tamper(name, scene)
    exit_code, words = EXPECTED[name]
    said = _validate(sandbox)
    assert touched
    assert (said.exit_code, words in said.words) == (exit_code, True), said.words
