"""Where moto itself is changed in process; everything else that AWS does differently is in front of it.

::

    account and organization ids      deterministic
    bucket policies                   moto's own partial check is off: ours is complete and comes first
    Object Lock default retention     may be in days or in years, not both
    a trail's status                  tells of real deliveries, and of the digests of the Region that is asked
    a trail's selectors               replace each other, are told, and so is recursive logging
    organization trails               are seen from the member accounts; trails are found and deleted by ARN
    trails of another Region          are listed, be they of all Regions or not
    enabled Regions                   may be fewer than moto knows
    delegated administrators          may be asked for CloudTrail
    digests that KMS signs            are not hashed once more
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import moto.cloudtrail.models as cloudtrail
import moto.ec2.models.availability_zones_and_regions as zones
import moto.organizations.models as organizations
import moto.organizations.utils as organizations_utils
import moto.s3.models as s3
from moto.cloudtrail.exceptions import TrailNotFoundException
from moto.core.utils import utcnow
from moto.iam.access_control import PermissionResult
from moto.kms.responses import KmsResponse

from trailkeep.sandbox.cloudtrail_rules import DeliveryStatus, RegionalStatus, find_trail
from trailkeep.sandbox.kms_signatures import signs_digests
from trailkeep.sandbox.recording import trail_seams
from trailkeep.sandbox.state import CLOUDTRAIL, MANAGEMENT_ACCOUNT_ID, is_member, trails

__all__ = ["AccountIds", "EnabledRegions", "seams"]


class AccountIds:
    """The ids that new accounts get: the ones given, then moto's random ones."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque()
        self._random = organizations_utils.make_random_account_id

    def give(self, ids: Iterable[str]) -> None:
        """Set the ids of the next accounts."""
        self._waiting = deque(ids)

    def __call__(self) -> str:
        """Return the id of one new account."""
        return self._waiting.popleft() if self._waiting else self._random()


class EnabledRegions:
    """The Regions that are enabled in every account: the ones given, or all that moto knows."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()

    def telling(self, describe: Callable[..., list[zones.Region]]) -> Callable[..., list[zones.Region]]:
        """Return ``describe_regions`` that tells of the enabled Regions only."""

        def describe_regions(*arguments: Any, **named: Any) -> list[zones.Region]:
            found = describe(*arguments, **named)
            return [region for region in found if not self.names or region.name in self.names]

        return describe_regions


@contextmanager
def seams(
    *, account_ids: AccountIds, organization_id: str, enabled_regions: EnabledRegions
) -> Iterator[None]:
    """Change moto for the time of the ``with`` block."""
    backend = cloudtrail.CloudTrailBackend
    changes: list[tuple[Any, str, Any]] = [
        (organizations_utils, "make_random_account_id", account_ids),
        (organizations_utils, "make_random_org_id", lambda: organization_id),
        (
            zones.RegionsAndZonesBackend,
            "describe_regions",
            enabled_regions.telling(zones.RegionsAndZonesBackend.describe_regions),
        ),
        (KmsResponse, "sign", signs_digests(KmsResponse.sign)),
        (s3.FakeBucket, "get_permission", _permit),
        (s3.FakeBucket, "default_retention", _default_retention),
        (cloudtrail, "TrailStatus", DeliveryStatus),
        (backend, "describe_trails", _shadowing(backend.describe_trails)),
        (backend, "list_trails", lambda backend: list(trails(backend.account_id))),
        (backend, "get_trail", _get_trail),
        (backend, "delete_trail", _delete_trail),
        (backend, "get_trail_status", _telling(backend.get_trail_status)),
        *trail_seams(),
        (
            organizations.FakeDelegatedAdministrator,
            "SUPPORTED_SERVICES",
            [*organizations.FakeDelegatedAdministrator.SUPPORTED_SERVICES, CLOUDTRAIL],
        ),
    ]
    originals = [(place, name, getattr(place, name)) for place, name, _ in changes]
    for place, name, changed in changes:
        setattr(place, name, changed)
    try:
        yield
    finally:
        for place, name, original in originals:
            setattr(place, name, original)


def _permit(_bucket: s3.FakeBucket, _action: str, _resource: str) -> PermissionResult:
    return PermissionResult.PERMITTED


def _default_retention(bucket: s3.FakeBucket) -> str:
    days = (bucket.default_lock_days or 0) + (bucket.default_lock_years or 0) * 365
    return (utcnow() + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _get_trail(backend: cloudtrail.CloudTrailBackend, name_or_arn: str) -> cloudtrail.Trail:
    """Find a trail by name here, by ARN in every Region, and an organization trail from a member account."""
    owners = [backend.account_id, *([MANAGEMENT_ACCOUNT_ID] if is_member(backend.account_id) else [])]
    for owner in owners:
        trail = find_trail(owner, backend.region_name, name_or_arn)
        if trail and (owner == backend.account_id or trail.is_org_trail):
            return trail
    raise TrailNotFoundException(account_id=backend.account_id, name=name_or_arn)


def _delete_trail(backend: cloudtrail.CloudTrailBackend, name: str) -> None:
    del backend.trails[backend.get_trail(name).trail_name]


_Status = Callable[[cloudtrail.CloudTrailBackend, str], cloudtrail.TrailStatus]


def _telling(
    find: _Status,
) -> Callable[[cloudtrail.CloudTrailBackend, str], cloudtrail.TrailStatus | RegionalStatus]:
    def get_trail_status(
        backend: cloudtrail.CloudTrailBackend, name: str
    ) -> cloudtrail.TrailStatus | RegionalStatus:
        found = find(backend, name)
        return found.seen_from(backend.region_name) if isinstance(found, DeliveryStatus) else found

    return get_trail_status


_Describe = Callable[[cloudtrail.CloudTrailBackend, bool], Iterable[cloudtrail.Trail]]


def _shadowing(describe: _Describe) -> _Describe:
    def describe_trails(
        backend: cloudtrail.CloudTrailBackend,
        include_shadow_trails: bool,  # noqa: FBT001 - moto's signature
    ) -> list[cloudtrail.Trail]:
        found = list(describe(backend, include_shadow_trails))
        if is_member(backend.account_id):
            found += [
                trail
                for trail in trails(MANAGEMENT_ACCOUNT_ID)
                if trail.is_org_trail
                and (
                    trail.region_name == backend.region_name
                    or (trail.is_multi_region and include_shadow_trails)
                )
            ]
        return found

    return describe_trails
