"""Prowler and ``trailkeep audit`` on the embedded AWS: before, after, and tampered with; as Markdown.

python bench/beside_prowler.py PROWLER    PROWLER is the program in a virtual environment of its own

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
from pathlib import Path

from run_prowler import build_archive, prowler_verdicts, write_config
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

_BUCKET = "acme-trail-archive"
_MEMBER = "333333333333"
_REGION = "eu-central-1"


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


def _disarm(sandbox: Sandbox) -> None:
    """Leave of the bucket policy what it allows; without the guards nobody keeps the account from that."""
    client = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    document = json.loads(client.get_bucket_policy(Bucket=_BUCKET)["Policy"])
    allows = [statement for statement in document["Statement"] if statement["Effect"] == "Allow"]
    client.put_bucket_policy(Bucket=_BUCKET, Policy=json.dumps({**document, "Statement": allows}))


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
    ("every deny is taken out of the bucket policy", "archive.tls", _disarm),
    ("a log is hidden behind a delete marker", "archive.delete_markers", _hide),
    ("the lock is shortened to a day", "archive.retention", _shorten),
    ("a lifecycle rule expires logs after a day", "archive.lifecycle", _expire),
    ("the public access block of the bucket is removed", "archive.public_access_block", _unblock),
    ("aws:SourceArn is taken out of the bucket policy", "archive.source_arn", _open_policy),
    ("reads are no longer recorded", "trail.management_events", _loop),
)


def main() -> int:
    """Print the tables; exit 1 when a tampering is not found by its control."""
    (prowler,) = sys.argv[1:]
    with Sandbox(region=_REGION) as sandbox, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_config(folder)
        states = {"before": _state(prowler, sandbox, folder, "before")}
        build_archive(sandbox, folder)
        states["armed"] = _state(prowler, sandbox, folder, "armed")
        for _, _, tamper in TAMPERING:
            tamper(sandbox)
        states["tampered"] = _state(prowler, sandbox, folder, "tampered")
    for line in _report(states):
        print(line)
    found = states["tampered"][1]
    return 0 if all(found[control] == "FAIL" for _, control, _ in TAMPERING) else 1


def _state(prowler: str, sandbox: Sandbox, folder: Path, state: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the verdicts of Prowler by check, and ours by control."""
    command = [sys.executable, "-c", "from trailkeep.cli.main import main; main()", "audit", "--json"]
    environment = {**os.environ, **sandbox.environment()}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False, timeout=300)
    ours = {control["id"]: control["verdict"] for control in json.loads(done.stdout)["controls"]}
    found = prowler_verdicts(prowler, sandbox, folder / state)
    return {check: verdict for (_, check), verdict in found}, ours


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
