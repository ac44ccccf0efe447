"""The archive account is created once, is the one with our e-mail address, and can be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from killing import Killed
from refusals import Proxy, proxied
from trailkeep.aws.create_account import create_account
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts
from trailkeep.core.errors import AwsCallError
from trailkeep.guard.changes import CreateAccount
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox
from trailkeep.sandbox.state import organization

pytestmark = pytest.mark.sandbox
ACTION = CreateAccount(
    id="account.create",
    target="log-archive",
    account="111111111111",
    reason="",
    name="log-archive",
    email="logs@example.com",
    access_role="OrganizationAccountAccessRole",
)
_OTHER = "another@example.com"


@pytest.fixture
def proxy(
    sandbox_without_archive: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Proxy]:
    """The management account's credentials, and a proxy that answers with faults."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in sandbox_without_archive.environment().items():
        monkeypatch.setenv(name, value)
    with proxied(sandbox_without_archive.endpoint_url) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
        yield made


def _create(during: Callable[[int], None] = lambda _: None) -> str:
    """Create the account as ``apply`` does; ``during`` hears of every wait, in which no real time passes."""
    accounts = Accounts(region="eu-central-1", role=ACTION.access_role)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        during(len(waited))

    patience = Patience(clock=lambda: sum(waited), sleep=sleep, deadline_s=60.0, account_deadline_s=120.0)
    return create_account(accounts, patience, ACTION)


def _begin(sandbox: Sandbox, email: str) -> None:
    sandbox.client("organizations").create_account(AccountName=ACTION.name, Email=email)


def _email(account: str) -> str:
    return next(str(one.email) for one in organization().accounts if one.id == account)


def _exists(state: str) -> Any:
    """Let an account with our e-mail address be there, and return it."""
    organization().create_account(AccountName="log-archive", Email="Logs@Example.com")
    account = organization().accounts[-1]
    account.state, account.status = state, "SUSPENDED" if state == "CLOSED" else state
    return account


def test_creation_of_another_account_is_not_taken(proxy: Proxy, sandbox_without_archive: Sandbox) -> None:
    """A creation in progress under our name with another e-mail address is awaited, and ours is asked for."""
    _begin(sandbox_without_archive, _OTHER)
    found = _create()
    assert _email(found) == ACTION.email
    assert proxy.calls.count("CreateAccount") == 1
    assert proxy.calls.index("ListCreateAccountStatus") < proxy.calls.index("ListAccounts")
    assert _create() == found
    assert proxy.calls.count("CreateAccount") == 1


def test_our_creation_is_found_behind_another(proxy: Proxy, sandbox_without_archive: Sandbox) -> None:
    """Where two creations under our name are in progress, the one with our e-mail address is ours."""
    _begin(sandbox_without_archive, _OTHER)
    _begin(sandbox_without_archive, ACTION.email)
    assert _email(_create()) == ACTION.email
    assert proxy.calls.count("CreateAccount") == 0


def test_creation_that_fails_is_no_end(proxy: Proxy, sandbox_without_archive: Sandbox) -> None:
    """A creation in progress that fails made no account, so that ours is asked for, once."""
    _begin(sandbox_without_archive, _OTHER)
    request = next(iter(sandbox_without_archive._account_requests._requests.values()))

    def fail(_: int) -> None:
        request.failure = "INTERNAL_FAILURE"

    assert _email(_create(fail)) == ACTION.email
    assert proxy.calls.count("CreateAccount") == 1


def test_unconfirmed_call_takes_no_creation_of_others(proxy: Proxy, sandbox_without_archive: Sandbox) -> None:
    """A creation that others begin after a call that AWS did not confirm is not taken for what it asked."""
    proxy.faults["CreateAccount"] = ["ServiceException"]
    with pytest.raises(AwsCallError, match="without a trace"):
        _create(lambda count: _begin(sandbox_without_archive, _OTHER) if count == 1 else None)
    assert proxy.calls.count("CreateAccount") == 1
    assert _OTHER in {account.email for account in organization().accounts}


@pytest.mark.parametrize(
    ("state", "remedy"),
    [
        ("SUSPENDED", "lift the suspension"),
        ("CLOSED", "within 90 days of its closure"),
        ("PENDING_CLOSURE", "it is being closed"),
        ("PENDING_ACTIVATION", "complete its sign-up"),
    ],
)
def test_account_that_cannot_be_used_is_an_error(proxy: Proxy, state: str, remedy: str) -> None:
    """An account with our e-mail address that is not active is named with its state, and none is created."""
    account = _exists(state)
    with pytest.raises(AwsCallError, match=remedy) as caught:
        _create()
    assert caught.value.code == state
    assert f"{account.id} (logs@example.com)" in str(caught.value)
    assert "or choose another archive.account_email" in str(caught.value)
    assert {"CreateAccount", "AssumeRole"}.isdisjoint(proxy.calls)


def test_account_that_becomes_active_is_awaited(proxy: Proxy) -> None:
    """An account with our e-mail address that is not active yet is used once it is."""
    account = _exists("PENDING_ACTIVATION")
    assert _create(lambda _: setattr(account, "state", "ACTIVE")) == account.id
    assert proxy.calls.count("CreateAccount") == 0


def test_creation_is_continued_wherever_it_stopped(proxy: Proxy, sandbox_without_archive: Sandbox) -> None:
    """However often it is killed while it waits, the next run goes on and the account is asked for once."""
    sandbox_without_archive.slow_accounts(polls=4)
    proxy.faults = {"CreateAccount": ["TooManyRequestsException"], "AssumeRole": ["AccessDenied"] * 2}

    def die(_: int) -> None:
        raise Killed

    for _ in range(7):
        with pytest.raises(Killed):
            _create(die)
    assert _create(die) == LOG_ARCHIVE_ACCOUNT_ID
    assert proxy.calls.count("CreateAccount") == 2  # the first was refused
    assert len([one for one in organization().accounts if one.email == ACTION.email]) == 1
