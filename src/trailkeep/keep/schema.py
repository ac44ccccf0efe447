"""The columns of table ``events``: their names, types, sources and meanings, in one place.

``source`` is a field of the record (``userIdentity.arn``), ``derived`` (computed from the record) or
``provenance`` (where the record was found). A missing field is null. A typed field that is explicitly null is
null too, and its path is in ``null_fields``; in a JSON text column an explicit null is the text ``null``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

__all__ = ["COLUMNS", "DERIVED", "EVENTS", "PROVENANCE", "Column"]

DERIVED: Final = "derived"
PROVENANCE: Final = "provenance"

_TEXT = pa.string()
_JSON = pa.large_string()  # a batch of logs may hold more than the 2 GB that the offsets of ``string`` reach
_FLAG = pa.bool_()
_TIME = pa.timestamp("us", tz="UTC")
_RESOURCE = pa.struct([(name, _TEXT) for name in ("arn", "arn_prefix", "account_id", "type")])
_RESOURCES = pa.list_(pa.field("element", _RESOURCE))
_PATHS = pa.list_(pa.field("element", _TEXT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column; ``type`` is an Arrow data type, ``meaning`` one sentence for the documentation."""

    name: str
    type: pa.DataType
    source: str
    meaning: str


def _column(name: str, kind: pa.DataType, source: str, meaning: str) -> Column:
    return Column(name=name, type=kind, source=source, meaning=meaning)


_IDENTITY = "userIdentity"
_SESSION = f"{_IDENTITY}.sessionContext"

_EVENT_COLUMNS = (
    _column("event_time", _TIME, "eventTime", "When the request was completed."),
    _column("event_id", _TEXT, "eventID", "The event's own id, as written; missing before version 1.01."),
    _column("event_name", _TEXT, "eventName", "The API action, such as StopLogging."),
    _column("event_source", _TEXT, "eventSource", "The service asked, such as cloudtrail.amazonaws.com."),
    _column("event_version", _TEXT, "eventVersion", "The version of the record's format; 1.10 follows 1.09."),
    _column("event_type", _TEXT, "eventType", "AwsApiCall, AwsServiceEvent, AwsConsoleSignIn and others."),
    _column(
        "event_category", _TEXT, "eventCategory", "Management, Data, NetworkActivity, Insight or Aggregated."
    ),
    _column("aws_region", _TEXT, "awsRegion", "The region that the request was made to."),
    _column("recipient_account_id", _TEXT, "recipientAccountId", "The account that got this event."),
    _column(
        "source_ip_address", _TEXT, "sourceIPAddress", "The caller's IP address, or the AWS service's name."
    ),
    _column("user_agent", _TEXT, "userAgent", "The caller's program, as it called itself."),
    _column("error_code", _TEXT, "errorCode", "The error, when the request failed."),
    _column("error_message", _TEXT, "errorMessage", "The error's description."),
    _column("read_only", _FLAG, "readOnly", "Whether the action only reads."),
    _column("management_event", _FLAG, "managementEvent", "Whether this is a management event."),
    _column("api_version", _TEXT, "apiVersion", "The version of the service's API."),
    _column("request_id", _TEXT, "requestID", "The service's id of the request."),
    _column(
        "shared_event_id",
        _TEXT,
        "sharedEventID",
        "Common to the copies that different accounts got of one action.",
    ),
    _column("vpc_endpoint_id", _TEXT, "vpcEndpointId", "The VPC endpoint that the request went through."),
    _column("vpc_endpoint_account_id", _TEXT, "vpcEndpointAccountId", "The account that owns that endpoint."),
    _column(
        "session_credential_from_console",
        _FLAG,
        "sessionCredentialFromConsole",
        "True when the request came from a console session.",
    ),
    _column("request_parameters", _JSON, "requestParameters", "What was asked for, as JSON text."),
    _column("response_elements", _JSON, "responseElements", "What a write answered, as JSON text."),
    _column("additional_event_data", _JSON, "additionalEventData", "Further data, as JSON text."),
    _column("service_event_details", _JSON, "serviceEventDetails", "What a service event was, as JSON text."),
    _column("edge_device_details", _JSON, "edgeDeviceDetails", "The Snow device targeted, as JSON text."),
    _column(
        "event_context", _JSON, "eventContext", "Tags and condition keys of enriched events, as JSON text."
    ),
    _column(
        "insight_details", _JSON, "insightDetails", "What was unusual, in an Insights event, as JSON text."
    ),
    _column("resources", _RESOURCES, "resources", "The resources that the event names."),
    _column(
        "addendum_reason",
        _TEXT,
        "addendum.reason",
        "DELIVERY_DELAY, UPDATED_DATA or SERVICE_OUTAGE, for an event delivered late or again.",
    ),
    _column(
        "addendum_updated_fields",
        _TEXT,
        "addendum.updatedFields",
        "The fields corrected, separated by commas.",
    ),
    _column(
        "addendum_original_request_id",
        _TEXT,
        "addendum.originalRequestID",
        "The request id before the correction.",
    ),
    _column(
        "addendum_original_event_id", _TEXT, "addendum.originalEventID", "The id of the event corrected."
    ),
    _column("tls_version", _TEXT, "tlsDetails.tlsVersion", "The TLS version of the request."),
    _column("tls_cipher_suite", _TEXT, "tlsDetails.cipherSuite", "The cipher suite of the request."),
    _column(
        "tls_client_provided_host_header",
        _TEXT,
        "tlsDetails.clientProvidedHostHeader",
        "The host name that the client used.",
    ),
    _column("tls_key_exchange", _TEXT, "tlsDetails.keyExchange", "The key exchange, such as X25519MLKEM768."),
)

_IDENTITY_COLUMNS = (
    _column(
        "user_identity_type", _TEXT, f"{_IDENTITY}.type", "IAMUser, AssumedRole, Root, AWSService and others."
    ),
    _column("user_identity_principal_id", _TEXT, f"{_IDENTITY}.principalId", "The caller's unique id."),
    _column("user_identity_arn", _TEXT, f"{_IDENTITY}.arn", "The caller's ARN."),
    _column("user_identity_account_id", _TEXT, f"{_IDENTITY}.accountId", "The caller's account."),
    _column(
        "user_identity_access_key_id", _TEXT, f"{_IDENTITY}.accessKeyId", "The access key used; may be empty."
    ),
    _column("user_identity_user_name", _TEXT, f"{_IDENTITY}.userName", "The caller's name, as written."),
    _column(
        "user_identity_invoked_by", _TEXT, f"{_IDENTITY}.invokedBy", "The AWS service that made the request."
    ),
    _column(
        "user_identity_identity_provider",
        _TEXT,
        f"{_IDENTITY}.identityProvider",
        "The external identity provider, for SAML and web identities.",
    ),
    _column(
        "user_identity_credential_id", _TEXT, f"{_IDENTITY}.credentialId", "The id of the bearer token used."
    ),
    _column(
        "on_behalf_of_user_id", _TEXT, f"{_IDENTITY}.onBehalfOf.userId", "The Identity Center user acted for."
    ),
    _column(
        "on_behalf_of_identity_store_arn",
        _TEXT,
        f"{_IDENTITY}.onBehalfOf.identityStoreArn",
        "The identity store of that user.",
    ),
    _column(
        "in_scope_of_source_arn",
        _TEXT,
        f"{_IDENTITY}.inScopeOf.sourceArn",
        "The resource that the credentials were used for.",
    ),
    _column(
        "in_scope_of_source_account",
        _TEXT,
        f"{_IDENTITY}.inScopeOf.sourceAccount",
        "The account of that resource.",
    ),
    _column(
        "in_scope_of_issuer_type", _TEXT, f"{_IDENTITY}.inScopeOf.issuerType", "What issued the credentials."
    ),
    _column(
        "in_scope_of_credentials_issued_to",
        _TEXT,
        f"{_IDENTITY}.inScopeOf.credentialsIssuedTo",
        "The resource that the credentials were issued to.",
    ),
    _column(
        "in_scope_of_credentials_issued_to_version",
        _TEXT,
        f"{_IDENTITY}.inScopeOf.credentialsIssuedToVersion",
        "The version of that resource.",
    ),
    _column(
        "invoked_by_delegate_account_id",
        _TEXT,
        f"{_IDENTITY}.invokedByDelegate.accountId",
        "The account that acted as a delegate.",
    ),
    _column(
        "session_issuer_type", _TEXT, f"{_SESSION}.sessionIssuer.type", "What issued the session: Role, Root."
    ),
    _column(
        "session_issuer_principal_id", _TEXT, f"{_SESSION}.sessionIssuer.principalId", "The issuer's id."
    ),
    _column(
        "session_issuer_arn", _TEXT, f"{_SESSION}.sessionIssuer.arn", "The issuer's ARN: the role assumed."
    ),
    _column(
        "session_issuer_account_id", _TEXT, f"{_SESSION}.sessionIssuer.accountId", "The issuer's account."
    ),
    _column(
        "session_issuer_user_name", _TEXT, f"{_SESSION}.sessionIssuer.userName", "The name of that role."
    ),
    _column("session_creation_date", _TIME, f"{_SESSION}.attributes.creationDate", "When the session began."),
    _column(
        "session_mfa_authenticated",
        _FLAG,
        f"{_SESSION}.attributes.mfaAuthenticated",
        "Whether the session began with MFA.",
    ),
    _column(
        "session_web_id_federation_data",
        _JSON,
        f"{_SESSION}.webIdFederationData",
        "The web identity behind the session, as JSON text.",
    ),
    _column(
        "session_source_identity",
        _TEXT,
        f"{_SESSION}.sourceIdentity",
        "The identity that was set when the first role of a chain was assumed.",
    ),
    _column(
        "session_ec2_role_delivery",
        _TEXT,
        f"{_SESSION}.ec2RoleDelivery",
        "The version of the instance metadata service that handed out the credentials.",
    ),
    _column(
        "session_ec2_issued_in_vpc",
        _TEXT,
        f"{_SESSION}.ec2IssuedInVpc",
        "The VPC in which an instance got the credentials.",
    ),
    _column(
        "session_assumed_root", _FLAG, f"{_SESSION}.assumedRoot", "True for a session that AssumeRoot began."
    ),
    _column(
        "session_sign_in_session_arn",
        _TEXT,
        f"{_SESSION}.signInSessionArn",
        "The console session that the credentials belong to.",
    ),
)

_OTHER_COLUMNS = (
    _column("user_name", _TEXT, DERIVED, "What the console calls User name: user, role session or service."),
    _column(
        "unknown_fields",
        _JSON,
        DERIVED,
        "The fields that no column has, as a JSON object from path to value; null without any.",
    ),
    _column("null_fields", _PATHS, DERIVED, "The paths of the typed fields that are explicitly null."),
    _column("record", _JSON, DERIVED, "The event exactly as it stands in the log, byte for byte."),
    _column("record_hash", pa.binary(16), DERIVED, "BLAKE2b (16 bytes) of the bytes of record."),
    _column("source_object", _TEXT, PROVENANCE, "The log that holds the event."),
    _column("source_version", _TEXT, PROVENANCE, "The version of that object; empty when there is none."),
    _column("source_account_id", _TEXT, PROVENANCE, "The account that the log's key names; empty if none."),
    _column("source_region", _TEXT, PROVENANCE, "The region that the log's key names; empty if none."),
    _column("source_delivered_at", _TIME, PROVENANCE, "The minute of delivery that the log's key names."),
    _column("source_sha256", _TEXT, PROVENANCE, "SHA-256 (hex) of the inflated log, all of it."),
    _column("source_position", pa.int32(), PROVENANCE, "The event's place in the log, from 0."),
)

COLUMNS: Final[tuple[Column, ...]] = (*_EVENT_COLUMNS, *_IDENTITY_COLUMNS, *_OTHER_COLUMNS)
EVENTS: Final = pa.schema([pa.field(column.name, column.type) for column in COLUMNS])
