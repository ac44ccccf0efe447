"""``explain``: what is wrong with the policies in some files, or with the one of the archive's bucket."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from trailkeep.core.config import Config
from trailkeep.core.errors import UncheckedError, UsageError
from trailkeep.guard.delivery import Kind, Values, configured
from trailkeep.guard.estate import Absent, Bucket, ForeignBucket, Unreadable
from trailkeep.guard.explain import Explained, explain, explain_absent

__all__ = ["explain_live"]

ObserveBucket = Callable[[], Bucket | ForeignBucket | Absent | Unreadable]


def explain_live(config: Config, observe: ObserveBucket, *, given: Values) -> Explained:
    """Explain the policy that the archive's bucket has now.

    Raises:
        UsageError: the archive account has no such bucket.
        UncheckedError: the bucket or its policy could not be read.
    """
    bucket, values = observe(), (given, configured(config))
    name = f"s3://{config.archive.bucket}"
    match bucket:
        case Unreadable():
            raise _unread(name, bucket)
        case Absent() | ForeignBucket():
            got = bucket.evidence if isinstance(bucket, ForeignBucket) else "none"
            raise UsageError(
                f"{name}: expected a bucket of the archive account {config.archive.account}, got {got}; "
                "run 'trailkeep plan'"
            )
        case Bucket():
            return _explained(name, bucket.policy, values, for_account=config.organization is None)
        case _:
            assert_never(bucket)


def _explained(
    name: str, policy: str | Absent | Unreadable, values: tuple[Values, ...], *, for_account: bool
) -> Explained:
    match policy:
        case Unreadable():
            raise _unread(name, policy)
        case Absent():
            return explain_absent(name, values=values, for_account=for_account)
        case str():
            return explain(name, policy, values=values, kind=Kind.BUCKET, for_account=for_account)
        case _:
            assert_never(policy)


def _unread(name: str, fact: Unreadable) -> UncheckedError:
    return UncheckedError(
        f"{name}: expected its policy, got {fact.call}: {fact.error}; allow the access role to read it"
    )
