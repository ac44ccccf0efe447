"""Errors that the embedded AWS gives on demand, as AWS gives them: for a while, and then no more.

::

    sandbox.inject("CreateTrail", error="InsufficientS3BucketPolicyException", times=2)
    sandbox.inject("GetBucketPolicy", error="AccessDenied")          # until reset()

An injected error comes before everything else; the call does nothing. Operations have the names of the API,
but for a whole account's public access block, whose calls are named as the bucket's:
``GetAccountPublicAccessBlock``, as the permission is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from threading import Lock

from trailkeep.core.errors import UsageError
from trailkeep.sandbox.calls import Call, Protocol
from trailkeep.sandbox.faults import Fault
from trailkeep.sandbox.s3_actions import ACCOUNT_BLOCK

__all__ = ["Injected", "operation_of"]

_SUBRESOURCES = {
    "accelerate": "BucketAccelerateConfiguration",
    "acl": "BucketAcl",
    "encryption": "BucketEncryption",
    "lifecycle": "BucketLifecycleConfiguration",
    "location": "BucketLocation",
    "logging": "BucketLogging",
    "notification": "BucketNotificationConfiguration",
    "object-lock": "ObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "PublicAccessBlock",
    "replication": "BucketReplication",
    "requestPayment": "BucketRequestPayment",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
}
_BUCKET = {"GET": "ListObjects", "HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}
_OBJECT = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
_REFUSED = ("AccessDenied", "AccessDeniedException")
_SLOW_DOWN = 503


@dataclass(slots=True, kw_only=True)
class _Error:
    """One error code and how often it still comes; ``None`` means every time."""

    code: str
    left: int | None


class Injected:
    """The errors that wait for their calls; safe to use from several threads.

    ``calls`` counts every call that came by, per operation, whether or not an error waited for it.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._lock = Lock()
        self._waiting: dict[str, list[_Error]] = {}

    def add(self, operation: str, *, error: str, times: int | None = None) -> None:
        """Answer the next ``times`` calls of an operation (``*``: of any) with an error code.

        Raises:
            UsageError: ``times`` is below 1.
        """
        if times is not None and times < 1:
            raise UsageError(
                f"{operation}: expected an error at least once, got {times} times; give 1 or more, "
                "or leave it out for every time"
            )
        with self._lock:
            self._waiting.setdefault(operation, []).append(_Error(code=error, left=times))

    def clear(self) -> None:
        """Forget every error and every call."""
        with self._lock:
            self._waiting.clear()
            self.calls.clear()

    @property
    def left(self) -> dict[str, int]:
        """How many errors still wait, per operation; without those that come every time."""
        with self._lock:
            counts = {
                name: sum(error.left for error in errors if error.left is not None)
                for name, errors in self._waiting.items()
            }
        return {name: count for name, count in counts.items() if count}

    def take(self, call: Call) -> Fault | None:
        """Return the error for a call, ``None`` where none waits."""
        operation = operation_of(call)
        with self._lock:
            self.calls[operation] += 1
            for name in (operation, "*"):
                if errors := self._waiting.get(name):
                    return self._next(name, errors)
        return None

    def _next(self, name: str, errors: list[_Error]) -> Fault:
        error = errors[0]
        if error.left is not None:
            error.left -= 1
            if not error.left:
                errors.pop(0)
        status = 403 if error.code in _REFUSED else _SLOW_DOWN if error.code == "SlowDown" else 400
        return Fault(code=error.code, message=f"injected into {name}", status=status)


def operation_of(call: Call) -> str:
    """Return the name that the API gives to a call, as boto3 and ``aws`` write it in capitals.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
    """
    if call.protocol is not Protocol.S3:
        return call.operation
    if call.path == ACCOUNT_BLOCK:
        return call.method.capitalize() + "AccountPublicAccessBlock"
    if not call.bucket:
        return "ListBuckets"
    if call.key:
        return _OBJECT.get(call.method, "")
    for name in call.query:
        if name in _SUBRESOURCES:
            return call.method.capitalize() + _SUBRESOURCES[name]
    if "versions" in call.query:
        return "ListObjectVersions"
    if call.query.get("list-type") == "2":
        return "ListObjectsV2"
    return _BUCKET.get(call.method, "")
