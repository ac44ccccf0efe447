"""A session in the archive account that lasts as long as a collection takes."""

from __future__ import annotations

import boto3
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

from trailkeep.aws.models import botocore_session, new_session
from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.core.config import Config
from trailkeep.core.errors import UncheckedError, UsageError

__all__ = ["archive_session"]

_SESSION_NAME = "trailkeep-collect"


def archive_session(config: Config) -> boto3.session.Session:
    """Return a session that reads the archive: the caller's own, or that of the access role in its account.

    The role's credentials are renewed before they end, however long the session is used.

    Raises:
        StoppedError: there are no credentials.
        AwsCallError: AWS refuses a call.
        UncheckedError: the archive account is not there yet.
        UsageError: the archive is one account's, and these are credentials of another.
    """
    accounts = Accounts(region=config.archive.region, role=config.archive.access_role)
    caller = accounts.identity()
    if config.organization is None and caller.account != config.archive.account:
        raise UsageError(
            f"credentials: expected account {config.archive.account}, got {caller.account} ({caller.arn}); "
            "set AWS_PROFILE"
        )
    account_id = config.archive.account or _find_account(accounts, config.archive.account_email)
    session = new_session(config.archive.region)
    if account_id == caller.account:
        return session
    return _assumed(session, f"arn:{caller.partition}:iam::{account_id}:role/{config.archive.access_role}")


def _find_account(accounts: Accounts, email: str) -> str:
    with aws_errors("organizations:ListAccounts"):
        for page in accounts.organizations().get_paginator("list_accounts").paginate():
            for account in page["Accounts"]:
                if account.get("Email", "").lower() == email.lower():
                    return account["Id"]
    raise UncheckedError(
        f"archive.account_email: expected an account with the e-mail {email}, got none; "
        "run 'trailkeep apply' first"
    )


def _assumed(session: boto3.session.Session, role_arn: str) -> boto3.session.Session:
    base = botocore_session()
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=base.create_client,
        source_credentials=session.get_credentials(),
        role_arn=role_arn,
        extra_args={"RoleSessionName": _SESSION_NAME},
    )
    with aws_errors("sts:AssumeRole"):
        fetcher.fetch_credentials()
    renewed = botocore_session()
    credentials = DeferredRefreshableCredentials(
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    setattr(renewed, "_credentials", credentials)  # noqa: B010 - botocore has no public way
    return boto3.session.Session(botocore_session=renewed, region_name=session.region_name)
