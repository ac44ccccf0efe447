"""The organization's part of a plan: contradictions, the archive account, trusted access."""

from __future__ import annotations

from collections.abc import Iterator

from trailkeep.core.errors import ConfigError, UsageError
from trailkeep.core.partitions import partition_of
from trailkeep.guard.account_state import ACTIVE, way_back
from trailkeep.guard.blueprint import NEW_ACCOUNT, Blueprint
from trailkeep.guard.changes import Change, CreateAccount, EnableTrustedAccess
from trailkeep.guard.decisions import Decision, unknown
from trailkeep.guard.estate import Absent, Account, Estate, Organization, Unasked, Unreadable

__all__ = ["CLOUDTRAIL", "archive_record", "check", "decide"]

CLOUDTRAIL = "cloudtrail.amazonaws.com"
_OBSERVED = {True: "of an organization", False: "of one account"}


def check(blueprint: Blueprint, estate: Estate) -> None:
    """Refuse a configuration that is about another organization, or an organization that cannot be guarded.

    Raises:
        UsageError: other credentials or another organization are needed.
        ConfigError: ``trailkeep.toml`` names the wrong organization or account.
    """
    _check_caller(blueprint, estate)
    _check_regions(blueprint)
    if isinstance(estate.organization, Unasked) is blueprint.is_of_organization:
        raise UsageError(
            f"estate: expected what was observed {_OBSERVED[blueprint.is_of_organization]}, "
            f"got it {_OBSERVED[not blueprint.is_of_organization]}; observe again with this configuration"
        )
    if isinstance(estate.organization, Unasked):
        return
    if isinstance(estate.organization, Absent):
        raise UsageError(
            f"account {estate.caller.account}: expected the management account of an organization, "
            "got an account in no organization; create one with 'aws organizations create-organization'"
        )
    if isinstance(estate.organization, Organization):
        _check_organization(blueprint, estate.organization)
    record = archive_record(blueprint, estate)
    if isinstance(record, Absent) and blueprint.archive_account != NEW_ACCOUNT:
        raise ConfigError(
            "archive.account",
            f"expected an account of organization {blueprint.organization_id}, "
            f"got {blueprint.archive_account}, which is not in it; "
            "invite the account, or leave archive.account empty to create one",
        )
    if isinstance(record, Account):
        _check_archive(blueprint, record)


def decide(blueprint: Blueprint, estate: Estate) -> Iterator[Decision]:
    """Yield what is missing before there can be a bucket; one account needs nothing."""
    if isinstance(estate.organization, Unasked):
        return
    if isinstance(estate.organization, Unreadable):
        yield unknown(estate.organization, "whether these are the credentials of the right organization")
    if isinstance(estate.accounts, Unreadable):
        yield unknown(estate.accounts, "whether the archive account exists and is active")
    elif isinstance(estate.archive_account, Absent):
        _check_partition(blueprint)
        yield CreateAccount(
            id="account.create",
            target=blueprint.account_name,
            account=blueprint.management_account,
            reason=f"no account of the organization has the e-mail address {blueprint.account_email}",
            changes=(Change(field="email", before="", after=blueprint.account_email),),
            name=blueprint.account_name,
            email=blueprint.account_email,
            access_role=blueprint.access_role,
        )
    if isinstance(estate.trusted_services, Unreadable):
        yield unknown(estate.trusted_services, "whether CloudTrail has trusted access to the organization")
    elif CLOUDTRAIL not in estate.trusted_services:
        yield EnableTrustedAccess(
            id="trust.enable",
            target=CLOUDTRAIL,
            account=blueprint.management_account,
            reason="CloudTrail has no trusted access, so it records nothing in the member accounts",
            changes=(Change(field="trusted access", before="", after="enabled"),),
            service=CLOUDTRAIL,
        )


def _check_partition(blueprint: Blueprint) -> None:
    """Refuse to create an account where only the paired organization of another partition can.

    Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateGovCloudAccount.html
    """
    if blueprint.partition == "aws-us-gov":
        raise ConfigError(
            "archive.account_email",
            "expected archive.account, because only the paired commercial organization creates accounts of "
            f"aws-us-gov, got {blueprint.account_email}; create one there with CreateGovCloudAccount, invite "
            "it and write its id into archive.account",
        )


def archive_record(blueprint: Blueprint, estate: Estate) -> Account | Absent | Unreadable:
    """Return what the organization says of the archive account."""
    if isinstance(estate.accounts, Unreadable):
        return estate.accounts
    found = [account for account in estate.accounts if account.id == blueprint.archive_account]
    return found[0] if found else Absent()


def _check_caller(blueprint: Blueprint, estate: Estate) -> None:
    if estate.caller.account != blueprint.management_account:
        whose = "the management account" if blueprint.is_of_organization else "account"
        raise UsageError(
            f"credentials: expected {whose} {blueprint.management_account}, "
            f"got {estate.caller.account} ({estate.caller.arn}); set AWS_PROFILE"
        )


def _check_regions(blueprint: Blueprint) -> None:
    regions = {"archive.region": blueprint.bucket_region, "trail.region": blueprint.trail_region}
    for key, region in regions.items():
        if (partition := partition_of(region)) != blueprint.partition:
            raise ConfigError(
                key,
                f"expected a region of partition {blueprint.partition}, where these credentials are, "
                f"got {region} of {partition}; choose another region or set AWS_PROFILE",
            )


def _check_archive(blueprint: Blueprint, record: Account) -> None:
    """Refuse an archive account that cannot be used, or that nothing could protect."""
    is_by_email = record.email.casefold() == blueprint.account_email.casefold()
    if is_by_email and record.id == blueprint.management_account:
        raise ConfigError(
            "archive.account_email",
            f"expected an e-mail address that the management account does not have, got {record.email}; "
            "no organization policy protects a bucket in the management account",
        )
    if record.status != ACTIVE:
        raise ConfigError(
            "archive.account_email" if is_by_email else "archive.account",
            f"expected an ACTIVE account, got {record.id} ({record.email}) in state {record.status}; "
            + way_back(record.status, other="e-mail address" if is_by_email else "account"),
        )


def _check_organization(blueprint: Blueprint, organization: Organization) -> None:
    if organization.id != blueprint.organization_id:
        raise ConfigError(
            "organization.id",
            f"expected {organization.id}, the organization of these credentials, "
            f"got {blueprint.organization_id}; correct it or set AWS_PROFILE",
        )
    if organization.management_account != blueprint.management_account:
        raise ConfigError(
            "organization.management_account",
            f"expected {organization.management_account}, got {blueprint.management_account}; correct it",
        )
    if organization.feature_set != "ALL":
        raise UsageError(
            f"organization {organization.id}: expected all features, got {organization.feature_set}; "
            "enable all features in the AWS Organizations console (every account has to agree)"
        )
