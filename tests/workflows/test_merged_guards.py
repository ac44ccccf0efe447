"""A log archive account that takes no more policies: its guards live in policies of others, and hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guard_verbs import BUCKET, Verbs
from sandbox_archives import refused
from trailkeep.guard.guard_documents import RCP, SCP
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox

_LIMITS = {SCP: 10, RCP: 5}


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """The verbs in a folder with a ``trailkeep.toml``."""
    verbs = Verbs(sandbox, monkeypatch, tmp_path)
    verbs.write()
    return verbs


def _theirs(name: str, kind: str) -> dict[str, Any]:
    statement = {"Sid": name.replace("-", ""), "Effect": "Deny", "Action": "sqs:*", "Resource": "*"}
    return {**statement, "Principal": "*"} if kind == RCP else statement


def _fill(sandbox: Sandbox, kind: str) -> str:
    """Attach policies of others until the archive account takes no more; return the one that is nowhere else."""
    client: Any = sandbox.client("organizations")
    root = client.list_roots()["Roots"][0]
    if kind not in {entry["Type"] for entry in root["PolicyTypes"]}:
        client.enable_policy_type(RootId=root["Id"], PolicyType=kind)
    there = client.list_policies_for_target(TargetId=LOG_ARCHIVE_ACCOUNT_ID, Filter=kind)["Policies"]
    other = next(
        account["Id"]
        for account in client.list_accounts()["Accounts"]
        if account["Id"] not in {LOG_ARCHIVE_ACCOUNT_ID, "111111111111"}
    )
    made = ""
    for number in range(_LIMITS[kind] - len(there)):
        name = f"{kind[:3]}-team-{number}".lower()
        document = {"Version": "2012-10-17", "Statement": [_theirs(name, kind)]}
        made = client.create_policy(
            Name=name, Description=name, Type=kind, Content=json.dumps(document, indent=2)
        )["Policy"]["PolicySummary"]["Id"]
        client.attach_policy(PolicyId=made, TargetId=LOG_ARCHIVE_ACCOUNT_ID)
        if number < _LIMITS[kind] - len(there) - 1:
            client.attach_policy(PolicyId=made, TargetId=other)
    return made


def _statements(sandbox: Sandbox, policy: str) -> list[dict[str, Any]]:
    described = sandbox.client("organizations").describe_policy(PolicyId=policy)["Policy"]
    found: list[dict[str, Any]] = json.loads(described["Content"])["Statement"]
    return found


def test_a_full_account_is_armed(sandbox: Sandbox, verbs: Verbs) -> None:
    """Both guards of a full account are merged where allowed; nothing is left to do, and root is refused."""
    carriers = {kind: _fill(sandbox, kind) for kind in (SCP, RCP)}
    blocked = {
        entry["action"]["id"]: entry for entry in verbs.run("plan", "--arm", "--json").document["blocked"]
    }
    assert {identity: entry["allow"] for identity, entry in blocked.items()} == {
        "scp.merge": "merge-guards",
        "rcp.merge": "merge-guards",
    }
    assert carriers[SCP] in blocked["scp.merge"]["reason"]
    armed = verbs.armed("--allow", "merge-guards", "--json")
    assert armed.exit_code == 0, armed.stderr
    assert {probe["verdict"] for probe in armed.document["probes"]} == {"PASS"}
    again = verbs.run("plan", "--arm", "--json").document
    assert (again["differences"], again["actions"]) == ([], [])
    for kind, policy in carriers.items():
        first, *ours = _statements(sandbox, policy)
        assert first == _theirs(first["Sid"], kind)
        assert len(ours) == 3
    names = {entry["Name"] for entry in sandbox.client("organizations").list_policies(Filter=SCP)["Policies"]}
    assert "trailkeep-archive" not in names
    client = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    with refused("AccessDenied"):
        client.delete_bucket_policy(Bucket=BUCKET)
    key = client.list_objects_v2(Bucket=BUCKET)["Contents"][0]["Key"]
    with refused("AccessDenied"):
        client.delete_object(Bucket=BUCKET, Key=key)


def test_what_is_taken_out_is_put_back(sandbox: Sandbox, verbs: Verbs) -> None:
    """A statement that somebody takes out of the carrying policy is found, and put back without an option."""
    carrier = _fill(sandbox, SCP)
    assert verbs.armed("--allow", "merge-guards").exit_code == 0
    whole = _statements(sandbox, carrier)
    client = sandbox.client("organizations")
    left = [one for one in whole if one["Sid"] != "TrailkeepScpArchiveReadOnly"]
    client.update_policy(PolicyId=carrier, Content=json.dumps({"Version": "2012-10-17", "Statement": left}))
    seen = verbs.run("plan", "--arm", "--json")
    assert seen.exit_code == 1
    assert seen.ids == ["scp.update"]
    assert verbs.run("apply", "--yes", "--arm").exit_code == 0
    assert sorted(map(json.dumps, _statements(sandbox, carrier))) == sorted(map(json.dumps, whole))


def test_a_carried_guard_is_lifted_for_a_change(sandbox: Sandbox, verbs: Verbs) -> None:
    """Where the lock changes, the carrying policies stay attached, lose what refuses it, and are whole again."""
    carriers = {kind: _fill(sandbox, kind) for kind in (SCP, RCP)}
    assert verbs.armed("--allow", "merge-guards").exit_code == 0
    whole = {policy: _statements(sandbox, policy) for policy in carriers.values()}
    verbs.write(lock_mode='"COMPLIANCE"')
    assert {entry["allow"] for entry in verbs.run("plan", "--arm", "--json").document["blocked"]} == {
        "lift-guards"
    }
    changed = verbs.run("apply", "--yes", "--arm", "--allow", "lift-guards", "--json")
    assert changed.exit_code == 0, changed.stderr
    performed = [action["id"] for action in changed.document["performed"]]
    assert performed == ["scp.lift", "rcp.lift", "bucket.object_lock", "scp.restore", "rcp.restore"]
    assert {policy: _statements(sandbox, policy) for policy in carriers.values()} == whole
