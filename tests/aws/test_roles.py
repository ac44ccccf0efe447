"""The session that reads the archive, through the embedded AWS."""

from __future__ import annotations

import pytest

from trailkeep.aws.roles import archive_session
from trailkeep.core.config import Config, build_config
from trailkeep.core.errors import AwsCallError, UncheckedError
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Identity, Sandbox


def config(**archive: str) -> Config:
    """Return a configuration with these keys of [archive]."""
    values = {
        "organization.id": "o-exampleorgid",
        "organization.management_account": "111111111111",
        "archive.region": "eu-central-1",
        "archive.bucket": "logs-of-222222222222",
    }
    return build_config(values | {f"archive.{name}": value for name, value in archive.items()})


def become(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Act with these variables, and with no session token where they hold none."""
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def caller(given: Config) -> str:
    """Return the ARN that the session acts as."""
    return str(archive_session(given).client("sts").get_caller_identity()["Arn"])


def test_the_management_account_assumes_the_access_role(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the management account the archive is read as its access role."""
    become(monkeypatch, sandbox.environment())
    role = "arn:aws:sts::222222222222:assumed-role/OrganizationAccountAccessRole/trailkeep-collect"
    assert caller(config(account=LOG_ARCHIVE_ACCOUNT_ID)) == role


def test_the_archive_account_reads_as_itself(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever already acts in the archive account assumes nothing."""
    become(monkeypatch, sandbox.environment(LOG_ARCHIVE_ACCOUNT_ID, Identity.USER))
    assert caller(config(account=LOG_ARCHIVE_ACCOUNT_ID)) == "arn:aws:iam::222222222222:user/mallory"


def test_a_created_account_is_found_by_its_email(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an id in the configuration the e-mail address names the account."""
    become(monkeypatch, sandbox.environment())
    named = config(account_name="log-archive", account_email="Log-Archive@example.com")
    assert ":222222222222:" in caller(named)


def test_an_account_that_is_not_there_is_unknown(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way out is to apply first."""
    become(monkeypatch, sandbox.environment())
    with pytest.raises(UncheckedError, match="run 'trailkeep apply' first"):
        archive_session(config(account_name="x", account_email="nobody@example.com"))


def test_a_role_that_cannot_be_assumed_is_said_at_once(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal is an error before any object is listed."""
    become(monkeypatch, sandbox.environment())
    with pytest.raises(AwsCallError, match="sts:AssumeRole: "):
        archive_session(config(account=LOG_ARCHIVE_ACCOUNT_ID, access_role="NoSuchRole"))
