"""What AWS says of something that was just made is waited out, and explained where it stays."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.aws.calls import Calls
from trailkeep.aws.pace import Pace
from trailkeep.aws.patience import Patience
from trailkeep.core.errors import AwsCallError


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def patience(self) -> Patience:
        """Return patience on this clock."""
        return Patience(clock=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def _says(code: str, times: int) -> Callable[[], str]:
    left = [code] * times

    def call() -> str:
        if left:
            raise ClientError({"Error": {"Code": left.pop(), "Message": "not yet"}}, "Op")
        return "done"

    return call


_WAITED = [
    ("cloudtrail", "CloudTrailAccessNotEnabledException"),
    ("cloudtrail", "ConflictException"),
    ("cloudtrail", "InsufficientEncryptionPolicyException"),
    ("cloudtrail", "InsufficientS3BucketPolicyException"),
    ("cloudtrail", "InsufficientSnsTopicPolicyException"),
    ("cloudtrail", "InvalidCloudWatchLogsRoleArnException"),
    ("cloudtrail", "KmsException"),
    ("cloudtrail", "KmsKeyNotFoundException"),
    ("cloudtrail", "S3BucketDoesNotExistException"),
    ("cloudtrail", "ThrottlingException"),
    ("cloudtrail", "TrailNotFoundException"),
    ("kms", "KMSInvalidStateException"),
    ("kms", "MalformedPolicyDocumentException"),
    ("kms", "NotFoundException"),
    ("organizations", "ConcurrentModificationException"),
    ("organizations", "FinalizingOrganizationException"),
    ("organizations", "PolicyChangesInProgressException"),
    ("organizations", "PolicyTypeNotEnabledException"),
    ("organizations", "TooManyRequestsException"),
    ("s3", "NoSuchBucket"),
    ("s3", "OperationAborted"),
]


@pytest.mark.parametrize(("service", "code"), _WAITED)
def test_what_is_not_yet_is_tried_again(service: str, code: str) -> None:
    """Each error of eventual consistency is waited out, longer each time."""
    clock = Clock()
    assert getattr(Calls(clock.patience()), service)("Op", _says(code, 3)) == "done"
    assert clock.now == 1 + 2 + 4


_EXPLAINED = [
    ("cloudtrail", "InsufficientS3BucketPolicyException", "run 'trailkeep explain --live'"),
    ("cloudtrail", "InsufficientEncryptionPolicyException", "run 'trailkeep explain --live'"),
    ("cloudtrail", "InsufficientSnsTopicPolicyException", "run 'trailkeep explain --live'"),
    ("cloudtrail", "InvalidCloudWatchLogsRoleArnException", "trail.cloudwatch_role"),
    ("cloudtrail", "KmsKeyNotFoundException", "in the region of the bucket"),
    ("cloudtrail", "S3BucketDoesNotExistException", "the bucket exists"),
    ("cloudtrail", "CloudTrailAccessNotEnabledException", "enable trusted access"),
    ("kms", "MalformedPolicyDocumentException", "every role that the policy names exists"),
    ("organizations", "PolicyTypeNotEnabledException", "enable the policy type"),
    ("organizations", "PolicyChangesInProgressException", "changes the organization's policies"),
]


@pytest.mark.parametrize(("service", "code", "way_out"), _EXPLAINED)
def test_what_stays_is_explained(service: str, code: str, way_out: str) -> None:
    """After the deadline the error has AWS's code and words, how long was waited, and the way out."""
    clock = Clock()
    with pytest.raises(AwsCallError) as caught:
        getattr(Calls(clock.patience()), service)("Op", _says(code, 999))
    assert caught.value.code == code
    assert str(caught.value).startswith(f"{service}:Op: {code}: not yet (still so after 180 s; ")
    assert way_out in str(caught.value)
    assert 150 < clock.now <= 180


@pytest.mark.parametrize("service", ["s3", "kms"])
def test_a_refusal_is_final_unless_a_guard_was_lifted(service: str) -> None:
    """AccessDenied is raised at once, but waited out after what refused was taken off."""
    clock = Clock()
    calls = Calls(clock.patience())
    with pytest.raises(AwsCallError, match=f"^{service}:Op: AccessDenied: not yet$"):
        getattr(calls, service)("Op", _says("AccessDenied", 1))
    assert clock.now == 0
    calls.expect_refusals()
    assert getattr(calls, service)("Op", _says("AccessDenied", 2)) == "done"
    assert clock.now == 3
    with pytest.raises(AwsCallError, match=r"^organizations:Op: AccessDenied: not yet$"):
        calls.organizations("Op", _says("AccessDenied", 1))


@given(st.lists(st.floats(min_value=0, max_value=3), min_size=2, max_size=20))
def test_writing_calls_of_cloudtrail_are_a_second_apart(between: list[float]) -> None:
    """However fast they come, no two begin within a second, and none waits longer than it must."""
    clock = Clock()
    calls = Calls(clock.patience())
    made: list[float] = []
    for pause in between:
        clock.now += pause
        asked = clock.now
        calls.cloudtrail("Op", lambda: made.append(clock.now))
        assert made[-1] - asked <= 1 + 1e-9
    assert all(later - earlier > 1 - 1e-9 for earlier, later in pairwise(made))


def test_the_first_call_waits_for_nothing() -> None:
    """Nothing is waited for before the first call."""
    clock = Clock()
    Pace(clock.patience()).wait()
    assert clock.now == 0
