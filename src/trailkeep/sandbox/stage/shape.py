"""The organization whose activity is played, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from trailkeep.core.arn import trail_arn
from trailkeep.core.errors import UsageError

__all__ = ["Activity", "OrganizationShape"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One CloudTrail record and where CloudTrail files it.

    ``occurred_at`` is aware UTC in whole seconds, as ``eventTime``; ``record`` is compact JSON in
    CloudTrail's order of fields.
    """

    account_id: str
    region: str
    occurred_at: datetime
    record: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationShape:
    """Accounts, regions and the organization trail; ``workloads`` maps an account id to its purpose."""

    organization_id: str = "o-exampleorgid"
    management_account_id: str = "111111111111"
    archive_account_id: str = "222222222222"
    workloads: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType(
            {"333333333333": "prod", "444444444444": "staging", "555555555555": "sandbox"}
        )
    )
    home_region: str = "eu-central-1"
    regions: tuple[str, ...] = ("eu-central-1", "us-east-1")
    trail_name: str = "org-trail"
    bucket: str = "org-trail-archive"

    @property
    def trail_arn(self) -> str:
        """The ARN of the organization trail, which lives in the management account."""
        return trail_arn(
            partition="aws",
            region=self.home_region,
            account_id=self.management_account_id,
            name=self.trail_name,
        )

    @property
    def purposes(self) -> dict[str, str]:
        """What each account is used for, management and archive first."""
        return {
            self.management_account_id: "management",
            self.archive_account_id: "archive",
            **self.workloads,
        }

    def workload(self, purpose: str) -> str:
        """Return the id of the account used for ``purpose``.

        Raises:
            UsageError: no workload account has that purpose.
        """
        for account_id, used_for in self.workloads.items():
            if used_for == purpose:
                return account_id
        raise UsageError(
            f"workloads of {self.organization_id}: expected an account for {purpose!r}, "
            f"got {sorted(self.workloads.values())}; add one to the shape"
        )
