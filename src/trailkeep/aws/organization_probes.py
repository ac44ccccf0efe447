"""The probes of an organization's armed archive: what all its policies refuse, and what only some can.

The five calls on the bucket are refused by service control policy, resource control policy and bucket policy
at once. Beside them are asked, each where such a policy is asked for:

::

    AcceptHandshake, as the archive account                       service control policies alone
    DeregisterOrganizationDelegatedAdmin, as the archive account  that of the members alone
    DeleteObjectVersion, as the management account                no service control policy

None can change anything: there is no such handshake, no such account and no such version. A member cannot
deregister anybody, and service control policies never bind the management account.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DeregisterOrganizationDelegatedAdmin.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from trailkeep.aws.patience import Patience
from trailkeep.aws.probes import KEY, Probe, answer, probe_guards, unknown, until_refused
from trailkeep.aws.session import Accounts
from trailkeep.core.errors import AwsCallError
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.guard_documents import ARCHIVE_SCP, MEMBER_SCP
from trailkeep.guard.shown import (
    ACCEPT_HANDSHAKE,
    BUCKET_SAID,
    DEREGISTER,
    RCP_SAID,
    SCP_SAID,
    is_wanted,
)

__all__ = ["probe_organization"]

_HANDSHAKE = "h-trailkeepprobe"
_NO_ACCOUNT = "000000000000"
_NO_VERSION = "null"
_DENIED = "AccessDeniedException"
_SCPS = frozenset({SCP_SAID})
_RESOURCE = frozenset({RCP_SAID, BUCKET_SAID})


def probe_organization(
    accounts: Accounts, blueprint: Blueprint, *, patience: Patience, now: Callable[[], datetime]
) -> tuple[Probe, ...]:
    """Return what AWS answers to calls that the guards and the bucket policy must refuse."""
    on_bucket = probe_guards(accounts, blueprint, patience=patience, now=now)
    return (*on_bucket, *until_refused(lambda: [*_apart(accounts, blueprint)], patience))


def _apart(accounts: Accounts, blueprint: Blueprint) -> Iterator[Probe]:
    probes: list[tuple[bool, Callable[[Accounts, Blueprint], Probe]]] = [
        (is_wanted(blueprint, ARCHIVE_SCP) or is_wanted(blueprint, MEMBER_SCP), _accept),
        (is_wanted(blueprint, MEMBER_SCP), _deregister),
        (True, _delete),
    ]
    for _, probe in ((asked, probe) for asked, probe in probes if asked):
        try:
            yield probe(accounts, blueprint)
        except AwsCallError as error:
            yield unknown(error, blueprint.archive_account)


def _accept(accounts: Accounts, blueprint: Blueprint) -> Probe:
    client = accounts.organizations_in(blueprint.archive_account)
    made = partial(client.accept_handshake, HandshakeId=_HANDSHAKE)
    return answer(ACCEPT_HANDSHAKE, _HANDSHAKE, made, expected=_DENIED, by=_SCPS)


def _deregister(accounts: Accounts, blueprint: Blueprint) -> Probe:
    client = accounts.cloudtrail_in(blueprint.archive_account, blueprint.trail_region)
    made = partial(client.deregister_organization_delegated_admin, DelegatedAdminAccountId=_NO_ACCOUNT)
    return answer(DEREGISTER, _NO_ACCOUNT, made, expected=_DENIED, by=_SCPS)


def _delete(accounts: Accounts, blueprint: Blueprint) -> Probe:
    client = accounts.s3(blueprint.management_account, blueprint.bucket_region)
    made = partial(
        client.delete_object,
        Bucket=blueprint.bucket,
        Key=KEY,
        VersionId=_NO_VERSION,
        ExpectedBucketOwner=blueprint.archive_account,
    )
    target = f"s3://{blueprint.bucket}/{KEY} (as {blueprint.management_account})"
    return answer("s3:DeleteObjectVersion", target, made, by=_RESOURCE)
