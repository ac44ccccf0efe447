"""Whether AWS may have done what it did not confirm.

A call that must not be made twice is not repeated after such an error: what it would have made is looked for.
"""

from __future__ import annotations

from botocore.exceptions import ClientError, HTTPClientError, SSLError

from trailkeep.core.errors import AwsCallError

__all__ = ["may_be_done"]

_SERVER_ERROR = 500
_CODES = frozenset(
    {
        "DependencyTimeoutException",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "KMSInternalException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)


def may_be_done(error: AwsCallError) -> bool:
    """Return whether the call may have had its effect: no answer came, or one that AWS itself had failed.

    Source: https://docs.aws.amazon.com/organizations/latest/APIReference/CommonErrors.html,
    https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html (HTTP 500)
    """
    cause = error.__cause__
    if isinstance(cause, ClientError):
        status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= _SERVER_ERROR or error.code in _CODES
    return isinstance(cause, HTTPClientError | SSLError)
