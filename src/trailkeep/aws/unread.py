"""Why S3 did not give an object; told apart, because only one of the reasons means that it is missing.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import re

from botocore.exceptions import ClientError, CredentialRetrievalError
from obstore.exceptions import PermissionDeniedError, PreconditionError, UnauthenticatedError

from trailkeep.aws.session import aws_errors
from trailkeep.aws.stored import Reason, Unread
from trailkeep.core.errors import AwsCallError, StoppedError

__all__ = ["judge_client_error", "judge_error", "passes"]

_CALL = "s3:GetObject"
_CODE = re.compile(r"<Code>([^<]{1,100})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{0,400})")
_STATUS = re.compile(r"status code: (\d{3})")
_LASTING = (PreconditionError, UnauthenticatedError, PermissionDeniedError, FileNotFoundError)
_UNREACHABLE = "error sending request"
_REPLACED = "it was replaced since it was listed; run again"
_REASONS = {
    "AccessDenied": Reason.DENIED,
    "AllAccessDisabled": Reason.DENIED,
    "AccountProblem": Reason.DENIED,
    "InvalidObjectState": Reason.ARCHIVED,
    "NoSuchKey": Reason.GONE,
    "NoSuchVersion": Reason.GONE,
}


def judge_error(error: Exception) -> Unread:
    """Return why obstore could not read an object.

    Raises:
        StoppedError: nothing can be read: the credentials are not valid, the bucket is not there, or S3 could
            not be reached however often it was tried.
    """
    text = _first_part(error)
    code, message = _CODE.search(text), _MESSAGE.search(text)
    if isinstance(error, PreconditionError):
        return Unread(reason=Reason.ERROR, message=_REPLACED)
    if code is None and isinstance(error, UnauthenticatedError):
        raise _no_credentials(text)
    if code is None and isinstance(error, PermissionDeniedError):
        return Unread(reason=Reason.DENIED, message=_brief(text))
    return _judged(code[1] if code else "", message[1] if message else "", text)


def passes(error: Exception) -> bool:
    """Return whether the same request may succeed later: S3 was busy, or the connection failed."""
    if isinstance(error, _LASTING):
        return False
    text = _first_part(error)
    status = _STATUS.search(text)
    return status is None or status[1] == "429" or status[1].startswith("5")


def judge_client_error(error: ClientError) -> Unread:
    """Return why boto3 could not read an object.

    Raises:
        StoppedError: as :func:`judge_error`.
    """
    said = error.response.get("Error", {})
    code = said.get("Code", "")
    if code in {"PreconditionFailed", "412"}:
        return Unread(reason=Reason.ERROR, message=_REPLACED)
    return _judged(code, said.get("Message", ""), str(error))


def _judged(code: str, message: str, text: str) -> Unread:
    if not code:
        status = _STATUS.search(text)
        if _UNREACHABLE in text:
            raise AwsCallError(_CALL, "ConnectionError", _brief(text))
        return Unread(reason=Reason.ERROR, message=f"HTTP {status[1]}" if status else _brief(text))
    if stopped := _stops(code, message):
        raise stopped
    said = f"{code}: {message}" if message else code
    if code.lower().startswith("kms") or "kms:" in message:
        return Unread(reason=Reason.KMS, message=said)
    return Unread(reason=_REASONS.get(code, Reason.ERROR), message=said)


def _stops(code: str, message: str) -> StoppedError | None:
    """Return the error of a refusal that every object would meet, None for that of this one."""
    stopped = _stopped(code, message)
    if code == "NoSuchBucket" or not isinstance(stopped, AwsCallError):
        return stopped
    return None


def _stopped(code: str, message: str) -> StoppedError:
    try:
        with aws_errors(_CALL):
            raise ClientError({"Error": {"Code": code, "Message": message}}, "GetObject")
    except StoppedError as error:
        return error


def _no_credentials(text: str) -> StoppedError:
    """Return the error of credentials that could not be renewed."""
    try:
        with aws_errors(_CALL):
            raise CredentialRetrievalError(provider="boto3", error_msg=_brief(text))
    except StoppedError as error:
        return error


def _first_part(error: Exception) -> str:
    """Return what obstore says before the debug form of an error."""
    return str(error).split("\n\nDebug source:", 1)[0]


def _brief(text: str) -> str:
    """Return an error's first line, without the time that the request took."""
    return re.sub(r" in [\d.]+(?:ns|µs|ms|s) - ", " - ", text.split("\n", 1)[0])[:500]
