"""One AWS call of an action: what is so already counts as done, what is not there yet is tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from trailkeep.aws.act_key import KEY_NOT_YET
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import aws_errors
from trailkeep.core.errors import AwsCallError

__all__ = ["Calls"]

T = TypeVar("T")
_NOT_YET = {
    "bucket": ("OperationAborted", "NoSuchBucket", "NotSignedUp", "OptInRequired", "ServiceUnavailable"),
    "trail": (
        "InsufficientS3BucketPolicyException",
        "CloudTrailAccessNotEnabledException",
        "S3BucketDoesNotExistException",
        "NoManagementAccountSLRExistsException",
        "ConflictException",
        "ThrottlingException",
        "TrailNotFoundException",
        "InvalidCloudWatchLogsRoleArnException",
    ),
    "organization": (
        "ConcurrentModificationException",
        "FinalizingOrganizationException",
        "PolicyChangesInProgressException",
        "PolicyNotFoundException",
        "PolicyTypeNotEnabledException",
        "TargetNotFoundException",
        "TooManyRequestsException",
    ),
}


class Calls:
    """Makes the calls of each service with the patience that it needs; None is what was so already."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience

    def s3(self, operation: str, call: Callable[[], T], *, done: tuple[str, ...] = ()) -> T | None:
        """Call S3."""
        return self._call(f"s3:{operation}", call, not_yet=_NOT_YET["bucket"], done=done)

    def kms(self, operation: str, call: Callable[[], T], *, done: tuple[str, ...] = ()) -> T | None:
        """Call KMS."""
        return self._call(f"kms:{operation}", call, not_yet=KEY_NOT_YET, done=done)

    def cloudtrail(
        self,
        operation: str,
        call: Callable[[], T],
        *,
        done: tuple[str, ...] = (),
        not_yet: tuple[str, ...] = (),
    ) -> T | None:
        """Call CloudTrail; ``not_yet`` are further codes to be patient with."""
        return self._call(f"cloudtrail:{operation}", call, not_yet=(*_NOT_YET["trail"], *not_yet), done=done)

    def organizations(self, operation: str, call: Callable[[], T], *, done: tuple[str, ...] = ()) -> T | None:
        """Call AWS Organizations."""
        return self._call(f"organizations:{operation}", call, not_yet=_NOT_YET["organization"], done=done)

    def _call(
        self, name: str, call: Callable[[], T], *, not_yet: tuple[str, ...], done: tuple[str, ...] = ()
    ) -> T | None:
        """Return the answer, None where it was already so; try again while AWS is not there yet."""

        def attempt() -> T | None:
            try:
                with aws_errors(name):
                    return call()
            except AwsCallError as error:
                if error.code in done:
                    return None
                raise

        return self._patience.retry(attempt, not_yet=not_yet)
