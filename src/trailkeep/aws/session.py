"""Who we are at AWS: one session for the management account, one per account whose role it assumes."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from trailkeep.aws.models import botocore_session, new_session
from trailkeep.core.arn import Arn
from trailkeep.core.errors import AwsCallError, StoppedError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3control import S3ControlClient
    from mypy_boto3_sns import SNSClient

__all__ = ["Accounts", "Identity", "aws_errors", "default_region"]

_RENEW_BEFORE = timedelta(minutes=10)
_ROLE_SESSION = "trailkeep"
_ATTEMPTS = 5
_BAD_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


class Identity:
    """Who the credentials at hand are: account id, ARN, partition."""

    __slots__ = ("account", "arn", "partition")

    def __init__(self, arn: str) -> None:
        parsed = Arn.parse(arn)
        self.account = parsed.account_id
        self.arn = arn
        self.partition = parsed.partition


@contextmanager
def aws_errors(call: str) -> Iterator[None]:
    """Turn every error of an AWS call into ours; ``call`` is ``service:Operation``.

    Raises:
        StoppedError: there are no valid credentials.
        AwsCallError: AWS refused the call or could not be reached.
    """
    try:
        yield
    except ClientError as error:
        said = error.response.get("Error", {})
        code = said.get("Code", "Unknown")
        if code in _BAD_CREDENTIALS:
            raise _no_credentials(code) from error
        raise AwsCallError(call, code, said.get("Message", str(error))) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise _no_credentials("none") from error
    except (CredentialRetrievalError, SSOError, TokenRetrievalError) as error:
        raise _no_credentials(type(error).__name__) from error
    except BotoCoreError as error:
        raise AwsCallError(call, type(error).__name__, str(error)) from error


def _no_credentials(got: str) -> StoppedError:
    return StoppedError(
        f"AWS credentials: expected valid ones of the account that owns the trail, got {got}; "
        "set AWS_PROFILE, or sign in with 'aws sso login'"
    )


class Accounts:
    """Clients for the accounts of one organization; safe to use from several threads.

    Honours ``AWS_PROFILE`` and ``AWS_ENDPOINT_URL`` as every AWS tool does. ``role`` is the name of the role
    that the caller assumes in other accounts, empty where it shall reach none; temporary credentials are
    renewed before they end.
    """

    def __init__(
        self, *, region: str, role: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._region = region
        self._role = role
        self._now = now
        self._lock = Lock()
        self._assumed: dict[str, tuple[datetime, boto3.Session]] = {}
        self._identity: Identity | None = None
        self._making = Lock()
        self._clients: WeakKeyDictionary[boto3.Session, dict[tuple[str, str, int], Any]] = WeakKeyDictionary()
        self._base = _session(region)

    def identity(self) -> Identity:
        """Return who the credentials at hand are.

        Raises:
            StoppedError: there are no credentials, or AWS refuses them.
        """
        if self._identity is None:
            with aws_errors("sts:GetCallerIdentity"):
                answer = self._client(self._base, "sts", self._region).get_caller_identity()
            self._identity = Identity(answer["Arn"])
        return self._identity

    def organizations(self, *, attempts: int = _ATTEMPTS) -> OrganizationsClient:
        """Return a client for the organization, as the caller; with one attempt it repeats nothing."""
        client: OrganizationsClient = self._client(
            self._base, "organizations", self._region, attempts=attempts
        )
        return client

    def organizations_in(self, account: str) -> OrganizationsClient:
        """Return a client for AWS Organizations as an account sees it.

        Raises:
            AwsCallError: the role in that account cannot be assumed.
        """
        client: OrganizationsClient = self._client(self._session(account), "organizations", self._region)
        return client

    def cloudtrail(self, region: str) -> CloudTrailClient:
        """Return a client for the caller's trails in a region."""
        client: CloudTrailClient = self._client(self._base, "cloudtrail", region)
        return client

    def s3(self, account: str, region: str) -> S3Client:
        """Return a client for S3 in an account.

        Raises:
            AwsCallError: the role in that account cannot be assumed.
        """
        client: S3Client = self._client(self._session(account), "s3", region)
        return client

    def s3control(self, account: str, region: str) -> S3ControlClient:
        """Return a client for the S3 settings of an account as a whole.

        Raises:
            AwsCallError: the role in that account cannot be assumed.
        """
        client: S3ControlClient = self._client(self._session(account), "s3control", region)
        return client

    def kms(self, account: str, region: str, *, attempts: int = _ATTEMPTS) -> KMSClient:
        """Return a client for the keys of an account; with one attempt it repeats nothing.

        Raises:
            AwsCallError: the role in that account cannot be assumed.
        """
        client: KMSClient = self._client(self._session(account), "kms", region, attempts=attempts)
        return client

    def sns(self, account: str, region: str) -> SNSClient:
        """Return a client for the topics of an account.

        Raises:
            AwsCallError: the role in that account cannot be assumed.
        """
        client: SNSClient = self._client(self._session(account), "sns", region)
        return client

    def cloudtrail_in(self, account: str, region: str) -> CloudTrailClient:
        """Return a client for CloudTrail in an account; it tries once, its caller paces and repeats.

        Raises:
            AwsCallError: the role in that account cannot be assumed.
        """
        client: CloudTrailClient = self._client(self._session(account), "cloudtrail", region, attempts=1)
        return client

    def ec2(self, account: str) -> EC2Client:
        """Return a client for EC2 in an account, which knows the regions that are enabled there.

        Raises:
            AwsCallError: the role in that account cannot be assumed.
        """
        client: EC2Client = self._client(self._session(account), "ec2", self._region)
        return client

    def iam(self) -> IAMClient:
        """Return a client for IAM, as the caller."""
        client: IAMClient = self._client(self._base, "iam", self._region)
        return client

    def service(self, name: Literal["cloudwatch", "events", "logs"], region: str) -> Any:
        """Return a client for a service that watches, as the caller."""
        return self._client(self._base, name, region)

    def forget(self, account: str) -> None:
        """Drop the credentials for an account, so that the next client assumes the role again."""
        with self._lock:
            self._assumed.pop(account, None)

    def _session(self, account: str) -> boto3.Session:
        if account == self.identity().account:
            return self._base
        with self._lock:
            ends_at, session = self._assumed.get(account, (None, None))
            if session is None or ends_at is None or ends_at - self._now() < _RENEW_BEFORE:
                ends_at, session = self._assume(account)
                self._assumed[account] = (ends_at, session)
            return session

    def _assume(self, account: str) -> tuple[datetime, boto3.Session]:
        if not self._role:
            reason = f"it is in account {account}, and the archive of one account assumes no role"
            raise AwsCallError("sts:AssumeRole", "NotAsked", reason)
        arn = f"arn:{self.identity().partition}:iam::{account}:role/{self._role}"
        with aws_errors("sts:AssumeRole"):
            answer = self._client(self._base, "sts", self._region).assume_role(
                RoleArn=arn, RoleSessionName=_ROLE_SESSION
            )
        got = answer["Credentials"]
        session = boto3.Session(
            botocore_session=botocore_session(),
            aws_access_key_id=got["AccessKeyId"],
            aws_secret_access_key=got["SecretAccessKey"],
            aws_session_token=got["SessionToken"],
            region_name=self._region,
        )
        return got["Expiration"], session

    def _client(self, session: boto3.Session, service: str, region: str, *, attempts: int = _ATTEMPTS) -> Any:
        """Return a client; making one reads AWS's service model, so each is made once."""
        with self._making, aws_errors(f"{service}:client"):
            made = self._clients.setdefault(session, {})
            if (service, region, attempts) not in made:
                make: Callable[..., Any] = session.client  # the stubs want the service's name as a literal
                client = make(service, region_name=region, config=_settings(attempts))
                if service == "s3control":
                    client.meta.events.register("before-sign.s3-control", _to_an_address)
                made[service, region, attempts] = client
            return made[service, region, attempts]


def _settings(attempts: int = _ATTEMPTS) -> Config:
    mode: Literal["adaptive", "standard"] = (
        "adaptive" if attempts > 1 else "standard"
    )  # adaptive waits itself
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
    return Config(
        retries={"mode": mode, "total_max_attempts": attempts},
        connect_timeout=10,
        read_timeout=60,
        user_agent_extra="trailkeep",
        s3={"addressing_style": "path" if _is_local(endpoint) else "auto"},
    )


def _to_an_address(request: Any, **_: object) -> None:
    """Take the account id off the host of a request to an address, which has no names below it."""
    parts = urlsplit(request.url)
    account, _, host = parts.netloc.partition(".")
    if account.isdecimal() and _is_local(f"//{host}"):
        request.url = parts._replace(netloc=host).geturl()


def _is_local(endpoint: str) -> bool:
    """Return whether an endpoint is an address, whose host cannot carry a bucket name before it."""
    host = urlsplit(endpoint).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def default_region() -> str:
    """Return the region that the environment or the profile names, empty where neither does.

    Raises:
        UsageError: ``AWS_PROFILE`` names no profile.
    """
    return _session().region_name or ""


def _session(region: str | None = None) -> boto3.Session:
    try:
        return new_session(region)
    except ProfileNotFound as error:
        raise UsageError(
            f"AWS_PROFILE: expected a profile of the AWS configuration, got none ({error}); correct it"
        ) from error
