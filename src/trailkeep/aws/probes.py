"""Harmless calls that an armed archive must refuse, made as the archive account's role.

Each names what does not exist, so that it changes nothing even where nothing refuses it: a log is written
into an upload that nobody began. S3 decides whether a caller may do something before it looks whether there
is anything to do it to. Bucket policy and guards refuse the same calls; AWS's message says which did.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.core.errors import AwsCallError
from trailkeep.core.verdict import Verdict, VerdictKind
from trailkeep.guard.blueprint import Blueprint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["EXPECTED", "KEY", "Probe", "answer", "probe_guards", "unknown", "verdict_of"]

EXPECTED = "AccessDenied"
KEY = "AWSLogs/trailkeep-probe/does-not-exist"
"""The key of no object."""
_NO_VERSION = "null"
_NO_UPLOAD = "trailkeep-probe-does-not-exist"
_PATIENCE_S = 60.0
_NOT_DENIED = "NotDenied"
_ANSWERS = frozenset(
    {
        "InvalidArgument",
        "InvalidRequest",
        "MalformedXML",
        "MethodNotAllowed",
        "NoSuchKey",
        "NoSuchUpload",
        "NoSuchVersion",
        "404",
    }
)


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One call and what AWS answered; ``got`` is the error code or ``success``, ``message`` comes with it.

    ``verdict`` is PASS where the call was refused as expected, FAIL where a guard let it through to the
    service, and UNKNOWN where nobody can tell.
    """

    call: str
    target: str
    expected: str
    got: str
    message: str
    verdict: VerdictKind


def probe_guards(
    accounts: Accounts,
    blueprint: Blueprint,
    *,
    patience: Patience,
    now: Callable[[], datetime],
    only: frozenset[str] | None = None,
) -> tuple[Probe, ...]:
    """Return what AWS answers; while a call is not refused it is tried again, as guards need time to spread.

    With ``only`` just these calls are made.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html (eventual consistency)
    """
    last: list[Probe] = []

    def attempt() -> None:
        last[:] = _once(accounts, blueprint, until=now() + timedelta(days=1), only=only)
        if open_ := [probe for probe in last if probe.verdict is VerdictKind.FAIL]:
            raise AwsCallError(open_[0].call, _NOT_DENIED, open_[0].got)

    try:
        patience.retry(attempt, not_yet=(_NOT_DENIED,), deadline_s=_PATIENCE_S)
    except AwsCallError:
        return tuple(last)
    return tuple(last)


def verdict_of(probe: Probe) -> Verdict:
    """Return the outcome of a probe with its reason."""
    if probe.verdict is VerdictKind.PASS:
        return Verdict(kind=probe.verdict)
    return Verdict(
        kind=probe.verdict,
        reason=f"{probe.call} of {probe.target}: expected {probe.expected}, got {probe.got}",
    )


def _once(
    accounts: Accounts, blueprint: Blueprint, *, until: datetime, only: frozenset[str] | None
) -> list[Probe]:
    target = f"s3://{blueprint.bucket}/{KEY}"
    try:
        client = accounts.s3(blueprint.archive_account, blueprint.bucket_region)
    except AwsCallError as error:
        return [unknown(error, target)]
    named = {"Bucket": blueprint.bucket, "ExpectedBucketOwner": blueprint.archive_account, "Key": KEY}
    calls = [(call, made) for call, made in _calls(client, named, until) if only is None or call in only]
    return [answer(call, target, made) for call, made in calls]


def _calls(
    client: S3Client, named: dict[str, Any], until: datetime
) -> list[tuple[str, Callable[[], object]]]:
    retention: Any = {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    return [
        ("s3:DeleteObjectVersion", lambda: client.delete_object(**named, VersionId=_NO_VERSION)),
        (
            "s3:PutObjectRetention",
            lambda: client.put_object_retention(
                **named, VersionId=_NO_VERSION, Retention=retention, BypassGovernanceRetention=True
            ),
        ),
        (
            "s3:PutObjectLegalHold",
            lambda: client.put_object_legal_hold(**named, VersionId=_NO_VERSION, LegalHold={"Status": "OFF"}),
        ),
        (
            "s3:PutObject",
            lambda: client.upload_part(**named, UploadId=_NO_UPLOAD, PartNumber=1, Body=b""),
        ),
        ("s3:AbortMultipartUpload", lambda: client.abort_multipart_upload(**named, UploadId=_NO_UPLOAD)),
    ]


def answer(call: str, target: str, made: Callable[[], object]) -> Probe:
    """Make a call and return how it was answered."""
    try:
        with aws_errors(call):
            made()
    except AwsCallError as error:
        kind = VerdictKind.UNKNOWN
        if error.code == EXPECTED:
            kind = VerdictKind.PASS
        elif error.code in _ANSWERS:
            kind = VerdictKind.FAIL
        return _probe(call, target, error.code, str(error), kind)
    return _probe(call, target, "success", "", VerdictKind.FAIL)


def unknown(error: AwsCallError, target: str) -> Probe:
    """Return what stands for probes that could not be made."""
    return _probe(error.call, target, error.code, str(error), VerdictKind.UNKNOWN)


def _probe(call: str, target: str, got: str, message: str, verdict: VerdictKind) -> Probe:
    return Probe(call=call, target=target, expected=EXPECTED, got=got, message=message, verdict=verdict)
