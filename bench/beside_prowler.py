"""Prowler and ``trailkeep audit`` on the embedded AWS: before, after, and tampered with; as Markdown.

python bench/beside_prowler.py path/to/prowler

Prowler is asked in the management account (CloudTrail, Organizations) and in the archive account (S3), with
its own defaults. What was tampered with is named in ``TAMPERING``, each with the control that is to find it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from trailkeep.sandbox.delivery import deliver
from trailkeep.sandbox.events import OrganizationShape, activity
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, ORGANIZATION_ID, Sandbox

_BUCKET = "acme-trail-archive"
_ARN = f"arn:aws:s3:::{_BUCKET}"
_MEMBER = "333333333333"
_REGION = "eu-central-1"
_SERVICES = {"111111111111": ("cloudtrail", "organizations"), LOG_ARCHIVE_ACCOUNT_ID: ("s3",)}
_CONFIG = f"""[organization]
id = "{ORGANIZATION_ID}"
management_account = "111111111111"
[archive]
account = "{LOG_ARCHIVE_ACCOUNT_ID}"
region = "{_REGION}"
bucket = "{_BUCKET}"
"""


def _detach_guards(sandbox: Sandbox) -> None:
    client = sandbox.client("organizations")
    for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
        for policy in client.list_policies(Filter=kind)["Policies"]:
            if policy["Name"].startswith("trailkeep"):
                for target in client.list_targets_for_policy(PolicyId=policy["Id"])["Targets"]:
                    client.detach_policy(PolicyId=policy["Id"], TargetId=target["TargetId"])


def _delegate(sandbox: Sandbox) -> None:
    sandbox.client("organizations").register_delegated_administrator(
        AccountId=_MEMBER, ServicePrincipal="cloudtrail.amazonaws.com"
    )


def _hide(sandbox: Sandbox) -> None:
    client = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    client.delete_object(Bucket=_BUCKET, Key=client.list_objects_v2(Bucket=_BUCKET)["Contents"][0]["Key"])


def _shorten(sandbox: Sandbox) -> None:
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).put_object_lock_configuration(
        Bucket=_BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )


def _expire(sandbox: Sandbox) -> None:
    rule = {"ID": "purge", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).put_bucket_lifecycle_configuration(
        Bucket=_BUCKET, LifecycleConfiguration={"Rules": [rule]}
    )


def _unblock(sandbox: Sandbox) -> None:
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID).delete_public_access_block(Bucket=_BUCKET)


def _open_policy(sandbox: Sandbox) -> None:
    """Let CloudTrail write for anybody's trail; the rest of the policy stays."""
    client = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    document = json.loads(client.get_bucket_policy(Bucket=_BUCKET)["Policy"])
    for statement in document["Statement"]:
        statement.get("Condition", {}).get("StringEquals", {}).pop("aws:SourceArn", None)
        if statement.get("Condition") == {"StringEquals": {}}:
            del statement["Condition"]
    client.put_bucket_policy(Bucket=_BUCKET, Policy=json.dumps(document))


def _loop(sandbox: Sandbox) -> None:
    client = sandbox.client("cloudtrail")
    data = {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}
    client.put_event_selectors(
        TrailName="trailkeep", EventSelectors=[{"ReadWriteType": "WriteOnly", "DataResources": [data]}]
    )


TAMPERING: tuple[tuple[str, str, Callable[[Sandbox], None]], ...] = (
    ("all guards are detached", "guards.destroy", _detach_guards),
    ("a member becomes delegated administrator", "organization.delegated_administrators", _delegate),
    ("a log is hidden behind a delete marker", "archive.delete_markers", _hide),
    ("the lock is shortened to a day", "archive.retention", _shorten),
    ("a lifecycle rule expires logs after a day", "archive.lifecycle", _expire),
    ("the public access block of the bucket is removed", "archive.public_access_block", _unblock),
    ("aws:SourceArn is taken out of the bucket policy", "archive.source_arn", _open_policy),
    ("reads are no longer recorded", "trail.management_events", _loop),
)


def main() -> int:
    """Print the tables; exit 1 when a tampering is not found by its control."""
    prowler = sys.argv[1]
    with Sandbox(region=_REGION) as sandbox, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "trailkeep.toml").write_text(_CONFIG)
        states = {"before": _state(prowler, sandbox, folder)}
        _trailkeep(sandbox, folder, "apply", "--yes")
        _deliver(sandbox)
        _trailkeep(sandbox, folder, "apply", "--yes", "--arm")
        states["armed"] = _state(prowler, sandbox, folder)
        for _, _, tamper in TAMPERING:
            tamper(sandbox)
        states["tampered"] = _state(prowler, sandbox, folder)
    for line in _report(states):
        print(line)
    found = states["tampered"][1]
    return 0 if all(found[control] == "FAIL" for _, control, _ in TAMPERING) else 1


def _state(prowler: str, sandbox: Sandbox, folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the verdicts of Prowler by check, and ours by control."""
    ran = _trailkeep(sandbox, folder, "audit", "--json")
    ours = {control["id"]: control["verdict"] for control in json.loads(ran)["controls"]}
    theirs: dict[str, str] = {}
    for account, services in _SERVICES.items():
        for check, verdict in _prowler(prowler, sandbox, account, services):
            theirs[check] = verdict if theirs.get(check, verdict) == verdict else "FAIL"
    return theirs, ours


def _trailkeep(sandbox: Sandbox, folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "trailkeep", *arguments]
    environment = {**os.environ, **sandbox.environment()}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode not in {0, 1, 3}:
        raise SystemExit(f"trailkeep {' '.join(arguments)}: exit {done.returncode}: {done.stderr[-500:]}")
    return done.stdout


def _prowler(
    prowler: str, sandbox: Sandbox, account: str, services: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = {**outside, **sandbox.environment(account)}
    with tempfile.TemporaryDirectory() as name:
        command = [prowler, "aws", "--services", *services, "-f", _REGION, "us-east-1"]
        command += ["-M", "json-ocsf", "-o", name, "-F", "out", "--no-banner", "--ignore-exit-code-3"]
        done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=600)
        if done.returncode:
            raise SystemExit(f"{prowler}: exit {done.returncode}: {done.stderr[-500:]!r}")
        out = Path(name) / "out.ocsf.json"  # there is none where Prowler finds nothing to look at
        findings: list[Any] = json.loads(out.read_text()) if out.exists() else []
    for finding in findings:
        yield finding["metadata"]["event_code"], finding["status_code"]


def _deliver(sandbox: Sandbox) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    shape = OrganizationShape(
        organization_id=ORGANIZATION_ID, home_region=_REGION, trail_name="trailkeep", bucket=_BUCKET
    )
    yesterday = today - timedelta(days=1)
    deliver(sandbox, activity(shape, seed=1, starts_at=yesterday, days=1, events_per_day=40, story=False))


def _report(states: dict[str, tuple[dict[str, str], dict[str, str]]]) -> Iterator[str]:
    yield "| | " + " | ".join(states) + " |"
    yield "| --- |" + " --- |" * len(states)
    for who, place in (("Prowler", 0), ("audit", 1)):
        cells = []
        for found in states.values():
            verdicts = list(found[place].values())
            cells.append(", ".join(f"{verdicts.count(kind)} {kind}" for kind in sorted(set(verdicts))))
        yield f"| {who} | " + " | ".join(cells) + " |"
    armed, tampered = states["armed"], states["tampered"]
    yield ""
    yield "| tampering | audit | before it |"
    yield "| --- | --- | --- |"
    for what, control, _ in TAMPERING:
        yield f"| {what} | `{control}` {tampered[1][control]} | {armed[1][control]} |"
    changed = sorted(
        f"`{check}` {armed[0].get(check, 'none')} -> {tampered[0].get(check, 'none')}"
        for check in armed[0].keys() | tampered[0].keys()
        if armed[0].get(check) != tampered[0].get(check)
    )
    yield ""
    yield f"Prowler's verdicts that the tampering changed: {', '.join(changed) or 'none'}"
    yield ""
    yield "| Prowler's check | " + " | ".join(states) + " |"
    yield "| --- |" + " --- |" * len(states)
    for check in sorted({check for theirs, _ in states.values() for check in theirs}):
        yield f"| `{check}` | " + " | ".join(states[name][0].get(check, "") for name in states) + " |"


if __name__ == "__main__":
    sys.exit(main())
