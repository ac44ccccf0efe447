"""One CloudTrail event as typed values: every field documented up to ``eventVersion`` 1.11.

An attribute is None when its field is missing. The decoder refuses an explicit null, an unknown field and a
field of another type, so what it accepts needs no second look; ``keep.careful`` reads the rest. Fields whose
shape differs from service to service stay JSON text (``msgspec.Raw``), where null is the text ``null``.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Raw, field

__all__ = [
    "Addendum",
    "Event",
    "Flag",
    "InScopeOf",
    "InvokedByDelegate",
    "OnBehalfOf",
    "Resource",
    "SessionAttributes",
    "SessionContext",
    "SessionIssuer",
    "TlsDetails",
    "UserIdentity",
    "decode",
    "flag",
    "moment",
]

Flag = bool | Literal["true", "false"]
"""CloudTrail writes some booleans as strings (``mfaAuthenticated``), and other tools write all of them so."""

if TYPE_CHECKING:
    from typing import Optional as Maybe
else:

    class Maybe:
        """``Maybe[T]`` is ``T | None`` to a type checker, but only ``T`` to the decoder: it refuses null."""

        def __class_getitem__(cls, kind: Any) -> Any:
            return kind


class _Part(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel", forbid_unknown_fields=True
): ...


class SessionIssuer(_Part, frozen=True):
    """Who issued the temporary credentials of a session."""

    type: Maybe[str] = None
    principal_id: Maybe[str] = None
    arn: Maybe[str] = None
    account_id: Maybe[str] = None
    user_name: Maybe[str] = None


class SessionAttributes(_Part, frozen=True):
    """When a session began, and whether with a second factor."""

    creation_date: Maybe[str] = None
    mfa_authenticated: Maybe[Flag] = None


class SessionContext(_Part, frozen=True):
    """The session that a request was made in."""

    session_issuer: Maybe[SessionIssuer] = None
    attributes: Maybe[SessionAttributes] = None
    web_id_federation_data: Maybe[Raw] = None
    source_identity: Maybe[str] = None
    ec2_role_delivery: Maybe[str] = field(default=None, name="ec2RoleDelivery")
    ec2_issued_in_vpc: Maybe[str] = field(default=None, name="ec2IssuedInVpc")
    assumed_root: Maybe[Flag] = None
    sign_in_session_arn: Maybe[str] = None


class OnBehalfOf(_Part, frozen=True):
    """The Identity Center user that a service acted for."""

    user_id: Maybe[str] = None
    identity_store_arn: Maybe[str] = None


class InScopeOf(_Part, frozen=True):
    """The AWS resource that credentials were handed to."""

    source_arn: Maybe[str] = None
    source_account: Maybe[str] = None
    issuer_type: Maybe[str] = None
    credentials_issued_to: Maybe[str] = None
    credentials_issued_to_version: Maybe[str] = None


class InvokedByDelegate(_Part, frozen=True):
    """The account that acted as a delegate."""

    account_id: Maybe[str] = None


class UserIdentity(_Part, frozen=True):
    """Who made the request.

    Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    """

    type: Maybe[str] = None
    principal_id: Maybe[str] = None
    arn: Maybe[str] = None
    account_id: Maybe[str] = None
    access_key_id: Maybe[str] = None
    user_name: Maybe[str] = None
    invoked_by: Maybe[str] = None
    identity_provider: Maybe[str] = None
    credential_id: Maybe[str] = None
    session_context: Maybe[SessionContext] = None
    on_behalf_of: Maybe[OnBehalfOf] = None
    in_scope_of: Maybe[InScopeOf] = None
    invoked_by_delegate: Maybe[InvokedByDelegate] = None


class Resource(_Part, frozen=True):
    """One resource that an event names."""

    arn: Maybe[str] = field(default=None, name="ARN")
    arn_prefix: Maybe[str] = field(default=None, name="ARNPrefix")
    account_id: Maybe[str] = None
    type: Maybe[str] = None


class Addendum(_Part, frozen=True):
    """Why an event came late, or which earlier event it corrects."""

    reason: Maybe[str] = None
    updated_fields: Maybe[str] = None
    original_request_id: Maybe[str] = field(default=None, name="originalRequestID")
    original_event_id: Maybe[str] = field(default=None, name="originalEventID")


class TlsDetails(_Part, frozen=True):
    """How the request was encrypted on its way."""

    tls_version: Maybe[str] = None
    cipher_suite: Maybe[str] = None
    client_provided_host_header: Maybe[str] = None
    key_exchange: Maybe[str] = None


class Event(_Part, frozen=True):
    """One record of a log."""

    event_time: Maybe[str] = None
    event_id: Maybe[str] = field(default=None, name="eventID")
    event_name: Maybe[str] = None
    event_source: Maybe[str] = None
    event_version: Maybe[str] = None
    event_type: Maybe[str] = None
    event_category: Maybe[str] = None
    aws_region: Maybe[str] = None
    recipient_account_id: Maybe[str] = None
    source_ip_address: Maybe[str] = field(default=None, name="sourceIPAddress")
    user_agent: Maybe[str] = None
    error_code: Maybe[str] = None
    error_message: Maybe[str] = None
    read_only: Maybe[Flag] = None
    management_event: Maybe[Flag] = None
    api_version: Maybe[str] = None
    request_id: Maybe[str] = field(default=None, name="requestID")
    shared_event_id: Maybe[str] = field(default=None, name="sharedEventID")
    vpc_endpoint_id: Maybe[str] = None
    vpc_endpoint_account_id: Maybe[str] = None
    session_credential_from_console: Maybe[Flag] = None
    user_identity: Maybe[UserIdentity] = None
    request_parameters: Maybe[Raw] = None
    response_elements: Maybe[Raw] = None
    additional_event_data: Maybe[Raw] = None
    service_event_details: Maybe[Raw] = None
    edge_device_details: Maybe[Raw] = None
    event_context: Maybe[Raw] = None
    insight_details: Maybe[Raw] = None
    resources: Maybe[list[Resource]] = None
    addendum: Maybe[Addendum] = None
    tls_details: Maybe[TlsDetails] = None


decode = msgspec.json.Decoder(Event).decode
"""Reads one record that has nothing odd in it.

Raises:
    msgspec.DecodeError, RecursionError: it has; read it with ``keep.careful``.
"""


def flag(value: Flag | None) -> bool | None:
    """Return the boolean that ``true`` or ``"true"`` stands for, and None for a missing one."""
    return None if value is None else value is True or value == "true"


def moment(text: str) -> datetime | None:
    """Return the aware UTC moment of an ISO 8601 text, to the microsecond; None when it is none.

    Without an offset it is read as UTC, which is what CloudTrail writes.

    >>> str(moment("2026-01-03T04:05:06.789+02:00"))
    '2026-01-03 02:05:06.789000+00:00'
    """
    try:
        value = datetime.fromisoformat(text)
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
