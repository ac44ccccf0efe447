"""What the embedded IAM says of root access, and to whom."""

from __future__ import annotations

import pytest

from sandbox_archives import refused
from trailkeep.sandbox.organization import Sandbox
from trailkeep.sandbox.state import organization

pytestmark = pytest.mark.sandbox


def test_untrusted(sandbox: Sandbox) -> None:
    """As long as the organization does not trust IAM, it tells nothing of root access."""
    with refused("ServiceAccessNotEnabledException", "Trusted access is not enabled"):
        sandbox.client("iam").list_organizations_features()


def test_a_member_asks(sandbox: Sandbox) -> None:
    """A member account is told nothing of root access."""
    with refused("AccountNotManagementOrDelegatedAdministratorException", "neither the management account"):
        sandbox.client("iam", "333333333333").list_organizations_features()


def test_features(sandbox: Sandbox) -> None:
    """What was enabled is listed, until the embedded AWS is reset."""
    organization().services.append({"ServicePrincipal": "iam.amazonaws.com"})
    iam = sandbox.client("iam")
    assert iam.list_organizations_features()["EnabledFeatures"] == []
    assert iam.enable_organizations_root_sessions()["EnabledFeatures"] == ["RootSessions"]
    assert iam.list_organizations_features()["EnabledFeatures"] == ["RootSessions"]
    assert iam.list_users()["Users"]
