"""A configuration from what the organization shows, for an audit where nobody wrote a ``trailkeep.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from trailkeep.aws.discover import discover
from trailkeep.aws.observe_bucket import observe_bucket
from trailkeep.aws.observe_storage import observe_account_block
from trailkeep.aws.reading import read
from trailkeep.aws.session import Accounts
from trailkeep.core.config import Config, build_config
from trailkeep.core.errors import UncheckedError
from trailkeep.core.fields import Value
from trailkeep.guard.estate import Bucket, Estate, ForeignBucket, Unreadable

__all__ = ["Assumed", "assume_config", "correct_bucket"]

_NOBODY = {"account_name": "unknown", "account_email": "unknown@example.invalid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """A configuration that nobody wrote; ``has_archive`` is whether the account of the bucket is known."""

    config: Config
    has_archive: bool


def assume_config(accounts: Accounts, *, region: str, archive_account: str, access_role: str) -> Assumed:
    """Return the configuration of the organization trail that there is.

    Args:
        accounts: clients of the management account.
        region: where trails are listed; a trail of every region is seen in each.
        archive_account: the account of the bucket; empty to take the one whose name says log archive.
        access_role: the role in it.

    Raises:
        UncheckedError: neither the organization nor its trails could be read.
        StoppedError: there are no usable credentials.
    """
    found = discover(accounts)
    if isinstance(found, Unreadable):
        raise _unchecked("organization", found)
    trails = read("cloudtrail:DescribeTrails", lambda: _organization_trails(accounts, region))
    if isinstance(trails, Unreadable):
        raise _unchecked("trails", trails)
    trail = trails[0] if trails else {}
    archive = archive_account or found.archive_account
    values: dict[str, Value] = {
        "organization.id": found.organization_id,
        "organization.management_account": found.management_account,
        "archive.account": archive,
        "archive.region": trail.get("HomeRegion", region),
        "archive.bucket": trail.get("S3BucketName", "") or f"no-trail-{found.management_account}",
        "archive.access_role": access_role,
        **({} if archive else {f"archive.{name}": value for name, value in _NOBODY.items()}),
        **({"trail.name": trail["Name"]} if trail else {}),
    }
    return Assumed(config=build_config(values), has_archive=bool(archive))


def correct_bucket(accounts: Accounts, estate: Estate, assumed: Assumed) -> Estate:
    """Return the estate with a bucket that is not in the account taken for the archive looked for at home.

    Where it is not in the management account either, nobody knows whose it is, and that is what is said.
    """
    if assumed.has_archive and not isinstance(estate.bucket, ForeignBucket):
        return estate
    caller, archive = accounts.identity().account, assumed.config.archive
    found = observe_bucket(accounts, account=caller, name=archive.bucket, region=archive.region)
    if isinstance(found, Bucket):
        block = observe_account_block(accounts, caller, archive.region)
        return replace(estate, bucket=found, archive_account=caller, account_public_access_block=block)
    unknown = Unreadable(
        call="s3:HeadBucket",
        error=f"expected to know whose bucket {archive.bucket} is, got no account; "
        "name it with --archive-account",
    )
    return replace(estate, bucket=unknown, archive_account=unknown, account_public_access_block=unknown)


def _organization_trails(accounts: Accounts, region: str) -> list[dict[str, Any]]:
    said = accounts.cloudtrail(region).describe_trails(includeShadowTrails=True)["trailList"]
    ours = [dict(trail) for trail in said if trail.get("IsOrganizationTrail")]
    return sorted(ours, key=lambda trail: str(trail["TrailARN"]))


def _unchecked(what: str, why: Unreadable) -> UncheckedError:
    return UncheckedError(
        f"{what}: expected to be read, got {why.call}: {why.error}; "
        "use credentials of the management account, or write a trailkeep.toml with 'trailkeep init'"
    )
