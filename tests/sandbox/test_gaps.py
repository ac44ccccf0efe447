"""What an audit calls possible is possible in the embedded AWS, and what it calls impossible is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from guard_verbs import BUCKET, Verbs
from trailkeep.aws.observe import observe
from trailkeep.cli.guarding import reach_accounts
from trailkeep.guard.attached import AttachedPolicies
from trailkeep.guard.effective import Threat, effective
from trailkeep.guard.estate import Unreadable
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Identity, Sandbox
from trailkeep.workflows.init import load_config

pytestmark = pytest.mark.sandbox


def _gaps(threat: Threat) -> set[str]:
    """Return the actions of a threat that get through, asked of what is observed now."""
    config = load_config(Path("trailkeep.toml"))
    gaps = effective(AttachedPolicies(observe(reach_accounts(config), config)), threat)
    assert not isinstance(gaps, Unreadable)
    return {gap.action for gap in gaps}


def _really(sandbox: Sandbox) -> dict[str, str]:
    """Return how the calls of the archive's root user are answered."""
    root = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID, Identity.ROOT)
    payer = {"Bucket": BUCKET, "Key": "AWSLogs/x"}
    rule = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": "x"}, "Expiration": {"Days": 4000}}
    calls = {
        "s3:PutObject": lambda: root.put_object(**payer, Body=b"x"),
        "s3:DeleteObject": lambda: root.delete_object(**payer),
        "s3:PutLifecycleConfiguration": lambda: root.put_bucket_lifecycle_configuration(
            Bucket=BUCKET,
            LifecycleConfiguration={"Rules": [rule]},
        ),
    }
    return {action: _answers(call) for action, call in calls.items()}


def _answers(call: Callable[[], object]) -> str:
    """Return "answered", or the code of the refusal."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "answered"


def test_gaps_are_real(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """While the guards are on, what the audit finds closed is refused; once off, what it finds open is done."""
    verbs = Verbs(sandbox, monkeypatch, tmp_path)
    verbs.write()
    verbs.armed()
    threats = (Threat.DESTROY, Threat.RECONFIGURE, Threat.FORGE)
    assert set().union(*map(_gaps, threats)) == set()
    assert set(_really(sandbox).values()) == {"AccessDenied"}
    _detach(sandbox)
    possible = set().union(*map(_gaps, threats))
    answered = _really(sandbox)
    assert set(answered) <= possible
    assert set(answered.values()) == {"answered"}, answered


def _detach(sandbox: Sandbox) -> None:
    """Take every guard off, the denies of the bucket policy last: the guards keep it."""
    client = sandbox.client("organizations")
    for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
        for policy in client.list_policies(Filter=kind)["Policies"]:
            if policy["Name"].startswith("trailkeep"):
                for target in client.list_targets_for_policy(PolicyId=policy["Id"])["Targets"]:
                    client.detach_policy(PolicyId=policy["Id"], TargetId=target["TargetId"])
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID, Identity.ROOT).delete_bucket_policy(Bucket=BUCKET)
