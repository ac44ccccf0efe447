"""Reads an organization and its archive into an estate; a refused call becomes ``Unreadable``."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

from trailkeep.aws.observe_account import observe_account
from trailkeep.aws.observe_bucket import observe_bucket
from trailkeep.aws.observe_key import observe_key
from trailkeep.aws.observe_storage import observe_account_block
from trailkeep.aws.reading import read, read_or_absent
from trailkeep.aws.session import Accounts
from trailkeep.core.config import Config
from trailkeep.guard.estate import (
    Absent,
    Account,
    Caller,
    Estate,
    Organization,
    Policy,
    Root,
    Trail,
    TrailStatus,
    Unit,
    Unreadable,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_organizations import OrganizationsClient

__all__ = ["observe"]

_PolicyType = Literal["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
_AT_ONCE = 4


def observe(accounts: Accounts, config: Config) -> Estate:
    """Return what can be seen of the organization and the archive that ``config`` means.

    Raises:
        StoppedError: there are no usable credentials, so nothing can be seen.
    """
    caller = accounts.identity()
    if config.organization is None:
        return observe_account(accounts, config, trails=_trails)
    client = accounts.organizations()
    organization = read_or_absent(
        "organizations:DescribeOrganization",
        lambda: _organization(client),
        "AWSOrganizationsNotInUseException",
    )
    if isinstance(organization, Absent):
        return _outside(accounts)
    roots = read("organizations:ListRoots", lambda: _roots(client))
    tree = read("organizations:ListAccountsForParent", lambda: _tree(client, roots))
    units, members = (tree, tree) if isinstance(tree, Unreadable) else tree
    archive = _archive_account(config, members)
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        services = pool.submit(_trusted_services, client)
        controls = pool.submit(_policies, client, "SERVICE_CONTROL_POLICY")
        resource_controls = pool.submit(_policies, client, "RESOURCE_CONTROL_POLICY")
        delegated = pool.submit(_delegated_administrators, client)
        trails = pool.submit(_trails, accounts.cloudtrail(config.trail_region))
        bucket = (
            observe_bucket(
                accounts, account=archive, name=config.archive.bucket, region=config.archive.region
            )
            if isinstance(archive, str)
            else archive
        )
        return Estate(
            caller=Caller(account=caller.account, arn=caller.arn, partition=caller.partition),
            organization=organization,
            roots=roots,
            units=units,
            accounts=members,
            trusted_services=services.result(),
            service_control_policies=controls.result(),
            resource_control_policies=resource_controls.result(),
            trails=trails.result(),
            archive_account=archive,
            bucket=bucket,
            key=observe_key(accounts, config, archive=archive, bucket=bucket, trails=trails.result()),
            account_public_access_block=observe_account_block(accounts, archive, config.archive.region),
            delegated_administrators=delegated.result(),
        )


def _outside(accounts: Accounts) -> Estate:
    """Return the estate of an account that is in no organization."""
    caller = accounts.identity()
    return Estate(
        caller=Caller(account=caller.account, arn=caller.arn, partition=caller.partition),
        organization=Absent(),
        roots=(),
        units=(),
        accounts=(),
        trusted_services=(),
        service_control_policies=(),
        resource_control_policies=(),
        trails=(),
        archive_account=Absent(),
        bucket=Absent(),
    )


def _organization(client: OrganizationsClient) -> Organization:
    found = client.describe_organization()["Organization"]
    return Organization(
        id=found["Id"], management_account=found["MasterAccountId"], feature_set=found["FeatureSet"]
    )


def _roots(client: OrganizationsClient) -> tuple[Root, ...]:
    pages = client.get_paginator("list_roots").paginate()
    return tuple(
        Root(
            id=root["Id"],
            policy_types=tuple(
                kind["Type"] for kind in root.get("PolicyTypes", []) if kind["Status"] == "ENABLED"
            ),
        )
        for page in pages
        for root in page["Roots"]
    )


def _tree(
    client: OrganizationsClient, roots: tuple[Root, ...] | Unreadable
) -> tuple[tuple[Unit, ...], tuple[Account, ...]] | Unreadable:
    """Return every unit and account below the roots."""
    if isinstance(roots, Unreadable):
        return roots
    units: list[Unit] = []
    accounts: list[Account] = []
    parents = [root.id for root in roots]
    for parent in parents:  # grows while the tree is walked
        below = _units(client, parent)
        units += below
        parents += [unit.id for unit in below]
        accounts += _accounts(client, parent)
    return tuple(units), tuple(sorted(accounts, key=lambda account: account.id))


def _units(client: OrganizationsClient, parent: str) -> list[Unit]:
    pages = client.get_paginator("list_organizational_units_for_parent").paginate(ParentId=parent)
    return [
        Unit(id=unit["Id"], name=unit["Name"], parent=parent)
        for page in pages
        for unit in page["OrganizationalUnits"]
    ]


def _accounts(client: OrganizationsClient, parent: str) -> list[Account]:
    pages = client.get_paginator("list_accounts_for_parent").paginate(ParentId=parent)
    return [
        Account(
            id=account["Id"],
            name=account.get("Name", ""),
            email=account.get("Email", ""),
            status=account["Status"],
            parent=parent,
        )
        for page in pages
        for account in page["Accounts"]
    ]


def _archive_account(config: Config, members: tuple[Account, ...] | Unreadable) -> str | Absent | Unreadable:
    """Return the account that the configuration means: by its id, or by the e-mail it is created with."""
    if isinstance(members, Unreadable):
        return config.archive.account or members
    wanted = config.archive
    for account in members:
        if account.id == wanted.account if wanted.account else _same_email(account, wanted.account_email):
            return account.id
    return Absent()


def _same_email(account: Account, email: str) -> bool:
    return account.email.casefold() == email.casefold()


def _trusted_services(client: OrganizationsClient) -> tuple[str, ...] | Unreadable:
    def get() -> tuple[str, ...]:
        pages = client.get_paginator("list_aws_service_access_for_organization").paginate()
        return tuple(
            sorted(
                service["ServicePrincipal"] for page in pages for service in page["EnabledServicePrincipals"]
            )
        )

    return read("organizations:ListAWSServiceAccessForOrganization", get)


def _delegated_administrators(client: OrganizationsClient) -> tuple[str, ...] | Unreadable:
    def get() -> tuple[str, ...]:
        pages = client.get_paginator("list_delegated_administrators").paginate(
            ServicePrincipal="cloudtrail.amazonaws.com"
        )
        return tuple(sorted(admin["Id"] for page in pages for admin in page["DelegatedAdministrators"]))

    return read("organizations:ListDelegatedAdministrators", get)


def _policies(client: OrganizationsClient, kind: _PolicyType) -> tuple[Policy, ...] | Unreadable:
    def get() -> list[Any]:
        pages = client.get_paginator("list_policies").paginate(Filter=kind)
        return [policy for page in pages for policy in page["Policies"]]

    listed = read("organizations:ListPolicies", get)
    if isinstance(listed, Unreadable):
        return listed
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        found = pool.map(lambda policy: _policy(client, policy), listed)
        return tuple(sorted(found, key=lambda policy: policy.id))


def _policy(client: OrganizationsClient, summary: dict[str, Any]) -> Policy:
    def targets() -> tuple[str, ...]:
        pages = client.get_paginator("list_targets_for_policy").paginate(PolicyId=summary["Id"])
        return tuple(sorted(target["TargetId"] for page in pages for target in page["Targets"]))

    return Policy(
        id=summary["Id"],
        name=summary["Name"],
        aws_managed=summary.get("AwsManaged", False),
        content=read(
            "organizations:DescribePolicy",
            lambda: client.describe_policy(PolicyId=summary["Id"])["Policy"]["Content"],
        ),
        targets=read("organizations:ListTargetsForPolicy", targets),
    )


def _trails(client: CloudTrailClient) -> tuple[Trail, ...] | Unreadable:
    listed = read(
        "cloudtrail:DescribeTrails", lambda: client.describe_trails(includeShadowTrails=True)["trailList"]
    )
    if isinstance(listed, Unreadable):
        return listed
    return tuple(sorted((_trail(client, dict(trail)) for trail in listed), key=lambda trail: trail.arn))


def _trail(client: CloudTrailClient, said: dict[str, Any]) -> Trail:
    return Trail(
        name=said["Name"],
        arn=said["TrailARN"],
        home_region=said.get("HomeRegion", ""),
        bucket=said.get("S3BucketName", ""),
        prefix=said.get("S3KeyPrefix", ""),
        kms_key=said.get("KmsKeyId", ""),
        is_organization_trail=said.get("IsOrganizationTrail", False),
        is_multi_region=said.get("IsMultiRegionTrail", False),
        includes_global_events=said.get("IncludeGlobalServiceEvents", False),
        validates_logs=said.get("LogFileValidationEnabled", False),
        has_custom_event_selectors=said.get("HasCustomEventSelectors", False),
        recursive_logging=said.get("RecursiveLogging"),
        status=read("cloudtrail:GetTrailStatus", lambda: _status(client, said["TrailARN"])),
        event_selectors=read("cloudtrail:GetEventSelectors", lambda: _selectors(client, said["TrailARN"]))
        if said.get("HasCustomEventSelectors", False)
        else Absent(),
        insight_selectors=read_or_absent(
            "cloudtrail:GetInsightSelectors",
            lambda: _insights(client, said["TrailARN"]),
            "InsightNotEnabledException",
        )
        if said.get("HasInsightSelectors", False)
        else Absent(),
        sns_topic=said.get("SnsTopicARN") or "",
        log_group=said.get("CloudWatchLogsLogGroupArn") or "",
        log_role=said.get("CloudWatchLogsRoleArn") or "",
    )


def _insights(client: CloudTrailClient, arn: str) -> str:
    said = client.get_insight_selectors(TrailName=arn)
    return json.dumps(said["InsightSelectors"], sort_keys=True)


def _selectors(client: CloudTrailClient, arn: str) -> str:
    said = client.get_event_selectors(TrailName=arn)
    kinds = {
        "EventSelectors": said.get("EventSelectors", []),
        "AdvancedEventSelectors": said.get("AdvancedEventSelectors", []),
    }
    return json.dumps(kinds, sort_keys=True)


def _status(client: CloudTrailClient, arn: str) -> TrailStatus:
    said = client.get_trail_status(Name=arn)
    return TrailStatus(
        is_logging=said["IsLogging"],
        latest_delivery_error=said.get("LatestDeliveryError", ""),
        latest_digest_delivery_error=said.get("LatestDigestDeliveryError", ""),
        latest_delivery_at=said.get("LatestDeliveryTime"),
    )
