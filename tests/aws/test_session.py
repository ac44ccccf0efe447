"""Sessions assume a role in other accounts, renew it before it ends, and reach loopback endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from refusals import Proxy, proxied
from trailkeep.aws.session import Accounts, aws_errors, default_region
from trailkeep.core.errors import AwsCallError
from trailkeep.sandbox.organization import Sandbox

pytestmark = pytest.mark.sandbox
ROLE = "OrganizationAccountAccessRole"


@pytest.fixture
def proxy(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The management account's credentials, and a proxy that counts calls."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    with proxied(sandbox.endpoint_url) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
        yield made


def test_role_is_assumed_once(proxy: Proxy) -> None:
    """The role in an account is assumed once, however many clients are made."""
    accounts = Accounts(region="eu-central-1", role=ROLE)
    for region in ("eu-central-1", "us-east-1", "eu-central-1"):
        accounts.s3("222222222222", region).list_buckets()
    assert proxy.calls.count("AssumeRole") == 1


def test_role_is_renewed(proxy: Proxy) -> None:
    """Temporary credentials are renewed before they end."""
    now = datetime.now(UTC)
    accounts = Accounts(region="eu-central-1", role=ROLE, now=lambda: now)
    accounts.s3("222222222222", "eu-central-1")
    now += timedelta(minutes=55)
    accounts.s3("222222222222", "eu-central-1").list_buckets()
    assert proxy.calls.count("AssumeRole") == 2


def test_own_account_needs_no_role(proxy: Proxy) -> None:
    """In the caller's own account no role is assumed."""
    Accounts(region="eu-central-1", role=ROLE).s3("111111111111", "eu-central-1").list_buckets()
    assert "AssumeRole" not in proxy.calls


def test_unknown_role(proxy: Proxy) -> None:
    """A role that cannot be assumed is an AWS error that names the call."""
    proxy.refused.add("AssumeRole")
    with pytest.raises(AwsCallError) as caught:
        Accounts(region="eu-central-1", role=ROLE).s3("222222222222", "eu-central-1")
    assert (caught.value.call, caught.value.code) == ("sts:AssumeRole", "AccessDenied")


def test_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that does not answer is an AWS error, not a traceback."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(AwsCallError, match=r"^sts:GetCallerIdentity: EndpointConnectionError: "):
        Accounts(region="eu-central-1", role=ROLE).identity()


def test_default_region(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The region of the environment is known, and its absence is no error."""
    del proxy
    assert default_region() == "eu-central-1"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION")
    assert default_region() == ""


def test_other_errors_pass() -> None:
    """An error that is not AWS's passes unchanged."""
    with pytest.raises(ZeroDivisionError), aws_errors("x:Y"):
        _ = 1 // 0
