"""Harmless calls that an armed archive must refuse, made as the archive account's role.

Each names what does not exist, so that it changes nothing even where nothing refuses it: a log is written
into an upload that nobody began. S3 decides whether a caller may do something before it looks whether there
is anything to do it to. Bucket policy and guards refuse the same calls; AWS's message names the type of one
that did. Only their explicit deny is a PASS, because a role that may do nothing is refused as well.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts, aws_errors
from trailkeep.core.errors import AwsCallError
from trailkeep.core.verdict import Verdict, VerdictKind
from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.shown import BUCKET_SAID, RCP_SAID, SCP_SAID

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = [
    "EXPECTED",
    "KEY",
    "Probe",
    "answer",
    "probe_guards",
    "probe_line",
    "unknown",
    "until_refused",
    "verdict_of",
]

EXPECTED = "AccessDenied"
_REFUSALS = frozenset({EXPECTED, "AccessDeniedException"})
_EXPLICIT = re.compile(
    r"with an explicit deny in an? (service control policy|resource control policy|resource-based policy|"
    r"identity-based policy|session policy|permissions boundary|VPC endpoint policy)"
)
_GUARDS = frozenset({SCP_SAID, RCP_SAID, BUCKET_SAID})
_REMEDY = (
    "the answer names no explicit deny of a guard; let a role that may make the call do it, for example one "
    "with AdministratorAccess in the account, and run 'trailkeep apply --arm' again"
)
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
        "AccountNotFoundException",
        "AccountNotRegisteredException",
        "HandshakeNotFoundException",
        "NotOrganizationManagementAccountException",
    }
)


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One call and what AWS answered; ``got`` is the error code or ``success``, ``message`` comes with it.

    ``verdict`` is PASS where the call was refused as expected, FAIL where a guard let it through to the
    service, and UNKNOWN where nobody can tell. ``refused_by`` is the type of policy whose explicit deny AWS
    names, empty where it names none.
    """

    call: str
    target: str
    expected: str
    got: str
    message: str
    verdict: VerdictKind
    refused_by: str = ""


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
    return until_refused(
        lambda: _once(accounts, blueprint, until=now() + timedelta(days=1), only=only), patience
    )


def until_refused(make: Callable[[], list[Probe]], patience: Patience) -> tuple[Probe, ...]:
    """Make probes again while one of them is let through, for a minute."""
    last: list[Probe] = []

    def attempt() -> None:
        last[:] = make()
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
    remedy = f"; {_REMEDY}" if _is_unexplained(probe) else ""
    return Verdict(
        kind=probe.verdict,
        reason=f"{probe.call} of {probe.target}: expected {probe.expected}, got {probe.got}{remedy}",
    )


def probe_line(probe: Probe) -> str:
    """Return a probe as one line of text."""
    named = f" by {probe.refused_by}" if probe.refused_by else ""
    remedy = f"; {_REMEDY}" if _is_unexplained(probe) else ""
    return f"{probe.verdict}: probe {probe.call} of {probe.target}: {probe.got}{named}{remedy}"


def _is_unexplained(probe: Probe) -> bool:
    return probe.verdict is VerdictKind.UNKNOWN and probe.expected == probe.got


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


def answer(
    call: str,
    target: str,
    made: Callable[[], object],
    *,
    expected: str = EXPECTED,
    by: frozenset[str] = _GUARDS,
) -> Probe:
    """Make a call and return how it was answered; ``by`` are the types of policies that may refuse it."""
    probe = Probe(
        call=call, target=target, expected=expected, got="success", message="", verdict=VerdictKind.FAIL
    )
    try:
        with aws_errors(call):
            made()
    except AwsCallError as error:
        kind = VerdictKind.FAIL if error.code in _ANSWERS else VerdictKind.UNKNOWN
        named = _EXPLICIT.search(str(error)) if error.code in _REFUSALS else None
        refused_by = named[1] if named else ""
        if refused_by in by:
            kind = VerdictKind.PASS
        return replace(probe, got=error.code, message=str(error), verdict=kind, refused_by=refused_by)
    return probe


def unknown(error: AwsCallError, target: str, *, expected: str = EXPECTED) -> Probe:
    """Return what stands for probes that could not be made."""
    return Probe(
        call=error.call,
        target=target,
        expected=expected,
        got=error.code,
        message=str(error),
        verdict=VerdictKind.UNKNOWN,
    )
