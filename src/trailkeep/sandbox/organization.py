"""An AWS organization on a loopback port: embedded, deterministic, and strict where AWS is.

::

    o-exampleorgid  (111111111111 management, feature set ALL)
    ├── Security   222222222222 log-archive
    └── Workloads  333333333333 prod   444444444444 staging   555555555555 sandbox

The product reaches it only through ``AWS_ENDPOINT_URL`` and access keys, as it reaches AWS.
"""

from __future__ import annotations

from contextlib import ExitStack
from enum import StrEnum
from os import devnull
from types import TracebackType
from typing import Any, ClassVar, Self

import boto3
from botocore.config import Config
from moto.iam.models import iam_backends
from moto.moto_api._internal import mock_random
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.organizations.models import organizations_backends

from trailkeep.core.errors import UsageError
from trailkeep.sandbox.chains import TrailDigests
from trailkeep.sandbox.gate import Gate
from trailkeep.sandbox.history_rules import EventHistory
from trailkeep.sandbox.injected import Injected
from trailkeep.sandbox.organizations_rules import AccountRequests
from trailkeep.sandbox.seams import AccountIds, EnabledRegions, seams
from trailkeep.sandbox.server import Server
from trailkeep.sandbox.state import MANAGEMENT_ACCOUNT_ID, organization

__all__ = [
    "LOG_ARCHIVE_ACCOUNT_ID",
    "MANAGEMENT_ACCOUNT_ID",
    "ORGANIZATION_ID",
    "WORKLOAD_ACCOUNTS",
    "Identity",
    "Sandbox",
]

ORGANIZATION_ID = "o-exampleorgid"
LOG_ARCHIVE_ACCOUNT_ID = "222222222222"
WORKLOAD_ACCOUNTS = {"prod": "333333333333", "staging": "444444444444", "sandbox": "555555555555"}
ACCESS_ROLE = "OrganizationAccountAccessRole"
_LATER_ACCOUNT_IDS = ("666666666666", "777777777777", "888888888888", "999999999999")
_SEED = 20150319


class Identity(StrEnum):
    """As whom to act in an account."""

    ADMINISTRATOR = "administrator"
    """The management account's IAM user ``admin``; elsewhere the organization access role, assumed by it."""
    ROOT = "root"
    """The account's root user."""
    USER = "user"
    """An IAM user ``mallory`` with every permission that an account can give."""


class Sandbox:
    """The embedded AWS organization, from ``with`` to the end of its block; one per process.

    Args:
        port: the loopback port, 0 for a free one.
        region: the Region of ``environment`` and ``client``.
        has_log_archive: ``False`` leaves the log archive account for the product to create; it will be
            given the same account id.
    """

    _running: ClassVar[Sandbox | None] = None

    def __init__(self, *, port: int = 0, region: str = "eu-central-1", has_log_archive: bool = True) -> None:
        self.region = region
        self.organization_id = ORGANIZATION_ID
        self.history = EventHistory()
        self.digests = TrailDigests()
        self._port = port
        self._has_log_archive = has_log_archive
        self._account_ids = AccountIds()
        self._enabled_regions = EnabledRegions()
        self._root_keys: dict[str, str] = {}
        self._account_requests = AccountRequests()
        self.injected = Injected()
        self._keys: dict[tuple[str, Identity], dict[str, str]] = {}
        self._session = boto3.Session(region_name=region)
        self._stack = ExitStack()
        self._server: Server | None = None

    def __enter__(self) -> Self:
        if Sandbox._running:
            raise UsageError(
                "the embedded AWS: expected at most one in a process, got a second; reset() the first"
            )
        Sandbox._running = self
        self._stack.callback(self._forget)
        self._stack.enter_context(
            seams(
                account_ids=self._account_ids,
                organization_id=self.organization_id,
                enabled_regions=self._enabled_regions,
            )
        )
        self.reset()
        moto = DomainDispatcherApplication(create_backend_app)
        gate = Gate(
            moto,
            root_keys=self._root_keys,
            account_requests=self._account_requests,
            history=self.history,
            digests=self.digests,
            injected=self.injected,
        )
        self._server = Server(gate, port=self._port)
        self._stack.callback(self._server.stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def endpoint_url(self) -> str:
        """Where the embedded AWS listens.

        Raises:
            UsageError: it is not running.
        """
        if self._server is None:
            raise UsageError("the embedded AWS: expected to be running, got none; use it in a with block")
        return self._server.endpoint_url

    def reset(self, *, has_log_archive: bool | None = None) -> None:
        """Forget everything and build the organization anew; the ids and keys are the same every time."""
        moto_api_backend.reset()
        organizations_backends.master_accounts.clear()
        self._root_keys.clear()
        self._keys.clear()
        self._account_requests.clear()
        self.history.clear()
        self.digests.clear()
        self.enable_regions()
        self.injected.clear()
        mock_random.seed(_SEED)
        self._build(self._has_log_archive if has_log_archive is None else has_log_archive)

    def enable_regions(self, *names: str) -> None:
        """Let only these Regions be enabled, and trails of all Regions have digests in each; none for all."""
        self._enabled_regions.names = names
        self.digests.regions = names

    def inject(self, operation: str, *, error: str, times: int | None = None) -> None:
        """Answer the next ``times`` calls of an operation with an error code, or else all of them."""
        self.injected.add(operation, error=error, times=times)

    def slow_accounts(self, *, polls: int) -> None:
        """Let accounts be in progress for so many questions about their status, until reset."""
        self._account_requests.polls = polls

    def environment(
        self, account_id: str = MANAGEMENT_ACCOUNT_ID, identity: Identity = Identity.ADMINISTRATOR
    ) -> dict[str, str]:
        """Return the environment variables with which any AWS program acts in an account here."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ALLOW_HTTP": "true",
            "AWS_CONFIG_FILE": devnull,
            "AWS_SHARED_CREDENTIALS_FILE": devnull,
            **self._credentials(account_id, identity),
        }

    def client(
        self,
        service: str,
        account_id: str = MANAGEMENT_ACCOUNT_ID,
        identity: Identity = Identity.ADMINISTRATOR,
        *,
        region: str = "",
    ) -> Any:
        """Return a boto3 client that acts in an account here; calls are tried once."""
        keys = self._credentials(account_id, identity)
        return self._session.client(  # type: ignore[call-overload]  # the service is not a literal here
            service,
            region_name=region or self.region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=keys.get("AWS_SESSION_TOKEN"),
            config=Config(retries={"total_max_attempts": 1}),
        )

    def _forget(self) -> None:
        Sandbox._running = None
        moto_api_backend.reset()
        organizations_backends.master_accounts.clear()

    def _credentials(self, account_id: str, identity: Identity) -> dict[str, str]:
        held = (account_id, identity)
        if held not in self._keys:
            self._keys[held] = self._new_credentials(account_id, identity)
        return self._keys[held]

    def _new_credentials(self, account_id: str, identity: Identity) -> dict[str, str]:
        match identity:
            case Identity.ADMINISTRATOR if account_id != MANAGEMENT_ACCOUNT_ID:
                return self._assume_access_role(account_id)
            case Identity.ADMINISTRATOR:
                return _user_keys(account_id, "admin")
            case Identity.USER:
                return _user_keys(account_id, "mallory")
            case Identity.ROOT:
                key = iam_backends[account_id]["aws"].create_temp_access_key()
                self._root_keys[key.access_key_id] = account_id
                return _variables(key.access_key_id, key.secret_access_key)

    def _assume_access_role(self, account_id: str) -> dict[str, str]:
        role = f"arn:aws:iam::{account_id}:role/{ACCESS_ROLE}"
        given = self.client("sts").assume_role(RoleArn=role, RoleSessionName="sandbox")["Credentials"]
        keys = _variables(given["AccessKeyId"], given["SecretAccessKey"])
        return keys | {"AWS_SESSION_TOKEN": given["SessionToken"]}

    def _build(self, has_log_archive: bool) -> None:  # noqa: FBT001 - private, passed on
        workloads = list(WORKLOAD_ACCOUNTS.values())
        archive = [LOG_ARCHIVE_ACCOUNT_ID]
        first = archive if has_log_archive else []
        self._account_ids.give([MANAGEMENT_ACCOUNT_ID, *first, *workloads])
        found = organization()
        found.create_organization(region=self.region, FeatureSet="ALL")
        management = found.accounts[0]
        management.name, management.email = "management", "management@example.com"
        if found.org:
            found.org.master_account_email = management.email
        iam_backends[MANAGEMENT_ACCOUNT_ID]["aws"].delete_role(ACCESS_ROLE)
        security, units = (self._unit(name) for name in ("Security", "Workloads"))
        if has_log_archive:
            self._account("log-archive", parent_id=security)
        for name in WORKLOAD_ACCOUNTS:
            self._account(name, parent_id=units)
        self._account_ids.give([*([] if has_log_archive else archive), *_LATER_ACCOUNT_IDS])

    def _unit(self, name: str) -> str:
        found = organization()
        unit = found.create_organizational_unit(Name=name, ParentId=found.ou[0].id)
        return str(unit["OrganizationalUnit"]["Id"])

    def _account(self, name: str, *, parent_id: str) -> None:
        found = organization()
        found.create_account(AccountName=name, Email=f"{name}@example.com")
        found.accounts[-1].parent_id = parent_id


def _user_keys(account_id: str, name: str) -> dict[str, str]:
    iam = iam_backends[account_id]["aws"]
    iam.create_user(region_name="us-east-1", user_name=name)
    key = iam.create_access_key(user_name=name)
    return _variables(key.access_key_id, key.secret_access_key)


def _variables(access_key_id: str, secret_access_key: str) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": access_key_id, "AWS_SECRET_ACCESS_KEY": secret_access_key}
