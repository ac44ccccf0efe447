"""The probes of an armed archive: harmless everywhere, refused where the guard is on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from estates import config
from guard_verbs import BUCKET, Verbs, deliver_logs
from trailkeep.aws.observe import observe
from trailkeep.aws.patience import Patience
from trailkeep.aws.probes import Probe, answer, probe_guards, probe_line, verdict_of
from trailkeep.aws.session import Accounts
from trailkeep.core.verdict import VerdictKind
from trailkeep.guard.blueprint import Blueprint, blueprint_for
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox

CALLS = [
    "s3:DeleteObjectVersion",
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",
    "s3:PutObject",
    "s3:AbortMultipartUpload",
]


class Waits:
    """A clock that moves only while somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def patience(self) -> Patience:
        """Return patience on this clock."""
        return Patience(clock=lambda: sum(self.slept), sleep=self.slept.append)


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """A folder with a configuration and the management account's credentials."""
    found = Verbs(sandbox, monkeypatch, tmp_path)
    found.write()
    return found


def _probed(waits: Waits, *, role: str = "OrganizationAccountAccessRole") -> tuple[Probe, ...]:
    accounts = Accounts(region="eu-central-1", role=role)
    return probe_guards(
        accounts, _blueprint(accounts), patience=waits.patience(), now=lambda: datetime.now(UTC)
    )


def _blueprint(accounts: Accounts) -> Blueprint:
    settings = config({"archive.bucket": BUCKET})
    return blueprint_for(settings, observe(accounts, settings))


def _content(sandbox: Sandbox) -> list[str]:
    s3 = sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID)
    found = s3.list_object_versions(Bucket=BUCKET)
    listed = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
    return [f"{version['Key']} {version['VersionId']}" for version in listed]


def test_armed(verbs: Verbs) -> None:
    """On an armed archive each probe is refused at once, and the answer names the policy that refuses."""
    assert verbs.armed().exit_code == 0
    waits = Waits()
    probes = _probed(waits)
    assert [(probe.call, probe.got, probe.verdict) for probe in probes] == [
        (call, "AccessDenied", VerdictKind.PASS) for call in CALLS
    ]
    assert {probe.refused_by for probe in probes} == {"service control policy"}
    assert waits.slept == []


def test_armed_without_guards(verbs: Verbs) -> None:
    """Where no guard is asked for, the bucket policy alone refuses each probe, and apply makes them all the same."""
    verbs.write(scp="false\nmember_scp = false\nrcp = false")
    armed = verbs.armed("--json")
    probes = armed.document["probes"]
    assert (armed.exit_code, [probe["verdict"] for probe in probes]) == (0, ["PASS"] * 6)
    assert {probe["refused_by"] for probe in probes} == {"resource-based policy"}


def test_not_armed(verbs: Verbs, sandbox: Sandbox) -> None:
    """Without a guard each probe fails after a minute of patience, and has changed nothing."""
    verbs.run("apply", "--yes")
    deliver_logs(sandbox)
    before = _content(sandbox)
    waits = Waits()
    probes = _probed(waits)
    assert [(probe.call, probe.verdict) for probe in probes] == [(call, VerdictKind.FAIL) for call in CALLS]
    assert 30 < sum(waits.slept) <= 60
    assert _content(sandbox) == before
    assert str(verdict_of(probes[0])).startswith(
        "FAIL (s3:DeleteObjectVersion of s3://acme-trail-archive/AWS"
    )


@pytest.mark.parametrize(
    ("code", "said", "verdict", "refused_by"),
    [
        (
            "AccessDenied",
            "with an explicit deny in a service control policy",
            "PASS",
            "service control policy",
        ),
        (
            "AccessDenied",
            "with an explicit deny in a resource control policy: arn:aws:organizations::1:policy/p-1",
            "PASS",
            "resource control policy",
        ),
        ("AccessDenied", "with an explicit deny in a resource-based policy", "PASS", "resource-based policy"),
        (
            "AccessDenied",
            "with an explicit deny in an identity-based policy",
            "UNKNOWN",
            "identity-based policy",
        ),
        (
            "AccessDenied",
            "with an explicit deny in a permissions boundary",
            "UNKNOWN",
            "permissions boundary",
        ),
        ("AccessDenied", "because no identity-based policy allows the s3:PutObject action", "UNKNOWN", ""),
        ("AccessDenied", "because no service control policy allows the s3:PutObject action", "UNKNOWN", ""),
        ("AccessDenied", "Access Denied", "UNKNOWN", ""),
        ("SlowDown", "with an explicit deny in a service control policy", "UNKNOWN", ""),
        ("NoSuchUpload", "The specified upload does not exist", "FAIL", ""),
    ],
)
def test_only_an_explicit_deny_of_a_guard_passes(
    code: str, said: str, verdict: VerdictKind, refused_by: str
) -> None:
    """A role that may do nothing, or that its own policy denies the call, says nothing of the guards."""

    def refused() -> None:
        raise ClientError(
            {"Error": {"Code": code, "Message": f"User: x is not authorized {said}"}}, "PutObject"
        )

    probe = answer("s3:PutObject", "s3://x/y", refused)
    assert (probe.verdict, probe.refused_by) == (verdict, refused_by)
    is_remedied = "AdministratorAccess" in probe_line(probe) and "AdministratorAccess" in str(
        verdict_of(probe)
    )
    assert is_remedied is (verdict == "UNKNOWN" and code == "AccessDenied")


def test_unreachable(verbs: Verbs) -> None:
    """Where the archive account's role cannot be assumed nothing is known, and nothing is waited for."""
    assert verbs.armed().exit_code == 0
    waits = Waits()
    accounts = Accounts(region="eu-central-1", role="OrganizationAccountAccessRole")
    blueprint = _blueprint(accounts)
    nobody = Accounts(region="eu-central-1", role="Nobody")
    probes = probe_guards(nobody, blueprint, patience=waits.patience(), now=lambda: datetime.now(UTC))
    assert [(probe.call, probe.verdict) for probe in probes] == [("sts:AssumeRole", VerdictKind.UNKNOWN)]
    assert waits.slept == []
