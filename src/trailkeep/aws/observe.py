"""Reads an organization and its archive into an estate; a refused call becomes ``Unreadable``.

At most four calls to Organizations are under way at once, and one to CloudTrail. The units are walked level
by level; of an AWS managed policy, which hangs on everything, only the attachments on the archive account's
path are asked for.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

from trailkeep.aws.list_accounts import state_of
from trailkeep.aws.observe_account import observe_account
from trailkeep.aws.observe_bucket import observe_bucket
from trailkeep.aws.observe_elsewhere import observe_elsewhere
from trailkeep.aws.observe_key import observe_key
from trailkeep.aws.observe_receivers import missing_receivers
from trailkeep.aws.observe_storage import observe_account_block
from trailkeep.aws.reading import read, read_or_absent
from trailkeep.aws.session import Accounts, aws_errors
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
    estate_of_one_account,
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
        return observe_account(accounts, config, trails=_trails, read_trail=_trail)
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
    path = _path(roots, units, members, archive)
    with ThreadPoolExecutor(max_workers=1) as pool, ThreadPoolExecutor(max_workers=1) as other:
        services = pool.submit(_trusted_services, client)
        controls = pool.submit(_policies, client, "SERVICE_CONTROL_POLICY", path)
        resource_controls = pool.submit(_policies, client, "RESOURCE_CONTROL_POLICY", path)
        delegated = pool.submit(_delegated_administrators, client)
        trails = other.submit(_trails, accounts.cloudtrail(config.trail_region))
        elsewhere = other.submit(
            lambda: observe_elsewhere(accounts, config.trail_region, trails.result(), _trail)
        )
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
            trails_elsewhere=elsewhere.result(),
            missing_receivers=missing_receivers(accounts, config, trails.result()),
        )


def _outside(accounts: Accounts) -> Estate:
    """Return the estate of an account that is in no organization."""
    caller = accounts.identity()
    return estate_of_one_account(
        Caller(account=caller.account, arn=caller.arn, partition=caller.partition),
        organization=Absent(),
        archive_account=Absent(),
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
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        while parents:
            inside = pool.map(lambda parent: _accounts(client, parent), parents)
            below = pool.map(lambda parent: _units(client, parent), parents)
            accounts += [account for found in inside for account in found]
            level = [unit for found in below for unit in found]
            units += level
            parents = [unit.id for unit in level]
    return tuple(units), tuple(sorted(accounts, key=lambda account: account.id))


def _units(client: OrganizationsClient, parent: str) -> list[Unit]:
    pages = client.get_paginator("list_organizational_units_for_parent").paginate(ParentId=parent)
    with aws_errors("organizations:ListOrganizationalUnitsForParent"):
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
            status=state_of(dict(account)),
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


def _path(
    roots: tuple[Root, ...] | Unreadable,
    units: tuple[Unit, ...] | Unreadable,
    members: tuple[Account, ...] | Unreadable,
    archive: str | Absent | Unreadable,
) -> tuple[str, ...]:
    """Return the ids of the roots, and from the archive account upwards as far as they could be read."""
    parents: dict[str, str] = {}
    for nodes in (units, members):
        if not isinstance(nodes, Unreadable):
            parents |= {node.id: node.parent for node in nodes}
    path = [] if isinstance(roots, Unreadable) else [root.id for root in roots]
    node = archive if isinstance(archive, str) else ""
    while node and node not in path:
        path.append(node)
        node = parents.get(node, "")
    return tuple(path)


def _delegated_administrators(client: OrganizationsClient) -> tuple[str, ...] | Unreadable:
    def get() -> tuple[str, ...]:
        pages = client.get_paginator("list_delegated_administrators").paginate(
            ServicePrincipal="cloudtrail.amazonaws.com"
        )
        return tuple(sorted(admin["Id"] for page in pages for admin in page["DelegatedAdministrators"]))

    return read("organizations:ListDelegatedAdministrators", get)


def _policies(
    client: OrganizationsClient, kind: _PolicyType, path: tuple[str, ...]
) -> tuple[Policy, ...] | Unreadable:
    def get() -> list[Any]:
        pages = client.get_paginator("list_policies").paginate(Filter=kind)
        return [policy for page in pages for policy in page["Policies"]]

    listed = read("organizations:ListPolicies", get)
    if isinstance(listed, Unreadable):
        return listed
    on_path = read("organizations:ListPoliciesForTarget", lambda: _attached(client, kind, path))
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        found = pool.map(lambda policy: _policy(client, policy, on_path), listed)
        return tuple(sorted(found, key=lambda policy: policy.id))


def _attached(client: OrganizationsClient, kind: _PolicyType, path: tuple[str, ...]) -> set[tuple[str, str]]:
    """Return the pairs of policy and target of the policies that are attached along a path."""
    paginator = client.get_paginator("list_policies_for_target")
    return {
        (policy["Id"], target)
        for target in path
        for page in paginator.paginate(TargetId=target, Filter=kind)
        for policy in page["Policies"]
    }


def _policy(
    client: OrganizationsClient, summary: dict[str, Any], on_path: set[tuple[str, str]] | Unreadable
) -> Policy:
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
        targets=_managed_targets(summary["Id"], on_path)
        if summary.get("AwsManaged", False)
        else read("organizations:ListTargetsForPolicy", targets),
    )


def _managed_targets(policy: str, on_path: set[tuple[str, str]] | Unreadable) -> tuple[str, ...] | Unreadable:
    if isinstance(on_path, Unreadable):
        return on_path
    return tuple(sorted(target for attached, target in on_path if attached == policy))


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
