"""The probes that only some of the policies can refuse, on an armed archive of the embedded organization."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from estates import config
from guard_verbs import BUCKET, Verbs
from trailkeep.aws.observe import observe
from trailkeep.aws.organization_probes import probe_organization
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts
from trailkeep.guard.blueprint import blueprint_for
from trailkeep.guard.guard_documents import RCP, SCP
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Identity, Sandbox

pytestmark = pytest.mark.sandbox
APART = (
    "organizations:AcceptHandshake",
    "cloudtrail:DeregisterOrganizationDelegatedAdmin",
    "s3:DeleteObjectVersion",
)


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """An archive that is armed."""
    found = Verbs(sandbox, monkeypatch, tmp_path)
    found.write()
    assert found.armed().exit_code == 0
    return found


def _apart() -> dict[str, tuple[str, str, str]]:
    """Return what the probes beside those on the bucket were answered."""
    settings = config({"archive.bucket": BUCKET})
    accounts = Accounts(region="eu-central-1", role="OrganizationAccountAccessRole")
    slept: list[float] = []
    probes = probe_organization(
        accounts,
        blueprint_for(settings, observe(accounts, settings)),
        patience=Patience(clock=lambda: sum(slept), sleep=slept.append),
        now=lambda: datetime.now(UTC),
    )
    assert len(probes) == 8
    return {probe.call: (str(probe.verdict), probe.got, probe.refused_by) for probe in probes[5:]}


def _detach(sandbox: Sandbox, name: str, kind: Any, target: str) -> None:
    client = sandbox.client("organizations")
    [policy] = [one for one in client.list_policies(Filter=kind)["Policies"] if one["Name"] == name]
    client.detach_policy(PolicyId=policy["Id"], TargetId=target)


def _root(sandbox: Sandbox) -> str:
    found: str = sandbox.client("organizations").list_roots()["Roots"][0]["Id"]
    return found


@pytest.mark.usefixtures("verbs")
def test_each_is_refused_by_what_alone_can() -> None:
    """The first two are refused by service control policies, and the management account by none of them."""
    assert _apart() == dict(
        zip(
            APART,
            [
                ("PASS", "AccessDeniedException", "service control policy"),
                ("PASS", "AccessDeniedException", "service control policy"),
                ("PASS", "AccessDenied", "resource control policy"),
            ],
            strict=True,
        )
    )


@pytest.mark.usefixtures("verbs")
def test_without_the_members_policy_its_probe_fails(sandbox: Sandbox) -> None:
    """Where the members' policy is off, the archive's refuses no deregistration, and nothing is deregistered."""
    _detach(sandbox, "trailkeep-organization", SCP, _root(sandbox))
    apart = _apart()
    assert apart[APART[0]][0] == "PASS"
    assert apart[APART[1]] == ("FAIL", "NotOrganizationManagementAccountException", "")
    _detach(sandbox, "trailkeep-archive", SCP, LOG_ARCHIVE_ACCOUNT_ID)
    assert _apart()[APART[0]] == ("FAIL", "HandshakeNotFoundException", "")


@pytest.mark.usefixtures("verbs")
def test_the_management_account_is_refused_by_the_bucket_policy_too(sandbox: Sandbox) -> None:
    """Without the resource control policy the bucket policy refuses it; without both no deny is named."""
    _detach(sandbox, "trailkeep-archive-resources", RCP, LOG_ARCHIVE_ACCOUNT_ID)
    assert _apart()[APART[2]] == ("PASS", "AccessDenied", "resource-based policy")
    _detach(sandbox, "trailkeep-archive", SCP, LOG_ARCHIVE_ACCOUNT_ID)
    sandbox.client("s3", LOG_ARCHIVE_ACCOUNT_ID, Identity.ROOT).delete_bucket_policy(Bucket=BUCKET)
    assert _apart()[APART[2]] == ("UNKNOWN", "AccessDenied", "")


def test_apply_says_what_no_probe_shows(verbs: Verbs) -> None:
    """Of the policies that refuse the same call, the one that no answer names is said not to be shown."""
    ran = verbs.run("apply", "--yes", "--arm", "--json")
    assert (ran.exit_code, {probe["verdict"] for probe in ran.document["probes"]}) == (0, {"PASS"})
    assert [line.split(":")[0] for line in ran.document["not_probed"]] == ["the lock", "the bucket policy"]
    assert "AccessDenied by resource control policy" in ran.stderr
