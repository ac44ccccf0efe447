"""How CloudTrail writes a record: the order of its fields, and what each kind of caller adds.

A call is composed once, at import, into one text per style with ``%(name)s`` where an event differs; saying
it later is one formatting operation. Fields stand in the order CloudTrail uses, absent where the service
leaves them out.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import IntEnum

__all__ = ["Call", "Style", "failing"]

_TLS = (
    ',"tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256",'
    '"clientProvidedHostHeader":"%(host)s"%(exchange)s}'
)
_S3_EXTRA = (
    '{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":%(bytes_in)s,'
    '"AuthenticationMethod":"AuthHeader","x-amz-id-2":"%(id2)s","bytesTransferredOut":%(bytes_out)s}'
)
_PLACE = re.compile(r"%\((\w+)\)s")
_ALWAYS = frozenset(
    {"account", "agent", "arn", "event", "exchange", "home", "identity", "ip", "key_id"}
    | {"region", "request", "shared", "time", "endpoint"}
)


class Style(IntEnum):
    """The way a request reached AWS, which decides the last fields of its record."""

    DIRECT = 0  # SDK or CLI over TLS
    CONSOLE = 1  # the console's own session
    ENDPOINT = 2  # from inside a VPC, through an interface endpoint
    SERVICE = 3  # an AWS service, for itself or for somebody


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One API call as its service records it.

    ``request``, ``response``, ``extra`` and ``resources`` are JSON texts with ``%(name)s`` places; ``region``
    is empty where the record lies in the caller's region. ``needs`` are the places that the account's
    resources fill.
    """

    service: str
    name: str
    read_only: bool = True
    region: str = ""
    request: str = "null"
    response: str = "null"
    extra: str = ""
    resources: str = ""
    details: str = ""
    version: str = "1.11"
    api_version: str = ""
    data: bool = False
    event_type: str = "AwsApiCall"
    host: str = ""
    invoked_by: str = ""
    error_code: str = ""
    error_message: str = ""
    texts: tuple[str, ...] = field(init=False, repr=False, compare=False)
    needs: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        texts = tuple(_compose(self, style) for style in Style)
        places = {place for text in texts for place in _PLACE.findall(text)}
        object.__setattr__(self, "texts", texts)
        object.__setattr__(self, "needs", tuple(sorted(places - _ALWAYS)))

    @property
    def is_s3(self) -> bool:
        """Whether S3 writes the record, with its own request ids and additional data."""
        return self.service == "s3"


def failing(call: Call, code: str, message: str, *, request: str | None = None) -> Call:
    """Return ``call`` as it is recorded when AWS refuses it; ``request`` replaces the parameters."""
    parameters = call.request if request is None else request
    return replace(call, response="null", error_code=code, error_message=message, request=parameters)


def _compose(call: Call, style: Style) -> str:
    return "".join(
        (
            f'{{"eventVersion":"{call.version}","userIdentity":%(identity)s,"eventTime":"%(time)s",',
            f'"eventSource":"{call.service}.amazonaws.com","eventName":"{call.name}","awsRegion":"%(region)s",',
            f'"sourceIPAddress":"%(ip)s","userAgent":{_agent(call, style)}{_error(call)},',
            f'"requestParameters":{call.request},"responseElements":{call.response}{_extra(call)}',
            _request_id(call),
            f',"eventID":"%(event)s","readOnly":{"true" if call.read_only else "false"}',
            f',"resources":{call.resources}' if call.resources else "",
            f',"eventType":"{call.event_type}"',
            f',"apiVersion":"{call.api_version}"' if call.api_version else "",
            f',"managementEvent":{"false" if call.data else "true"}',
            ',"recipientAccountId":"%(account)s"%(shared)s',
            _endpoint(call, style),
            f',"serviceEventDetails":{call.details}' if call.details else "",
            f',"eventCategory":"{"Data" if call.data else "Management"}"{_tail(call, style)}}}',
        )
    )


def _agent(call: Call, style: Style) -> str:
    return '"[%(agent)s]"' if call.is_s3 and style is not Style.SERVICE else '"%(agent)s"'


def _error(call: Call) -> str:
    code = f',"errorCode":"{call.error_code}"' if call.error_code else ""
    return code + (f',"errorMessage":"{call.error_message}"' if call.error_message else "")


def _extra(call: Call) -> str:
    extra = call.extra or (_S3_EXTRA if call.is_s3 else "")
    if call.read_only:
        extra = extra.replace("%(bytes_in)s", "0")
    return f',"additionalEventData":{extra}' if extra else ""


def _request_id(call: Call) -> str:
    """Sign-in and service events carry no request id."""
    return ',"requestID":"%(request)s"' if call.event_type == "AwsApiCall" else ""


def _endpoint(call: Call, style: Style) -> str:
    if style is not Style.ENDPOINT or call.invoked_by:
        return ""
    owner = "" if call.version == "1.08" else ',"vpcEndpointAccountId":"%(account)s"'
    return f',"vpcEndpointId":"%(endpoint)s"{owner}'


def _tail(call: Call, style: Style) -> str:
    """TLS details where the caller spoke TLS itself, a mark where the console spoke for a person."""
    if style is Style.SERVICE or call.invoked_by or call.event_type == "AwsServiceEvent":
        return ""
    host = call.host or f"{call.service}.{call.region or '%(region)s'}.amazonaws.com"
    exchange = "%(exchange)s" if call.version == "1.11" else ""
    tls = _TLS.replace("%(host)s", host).replace("%(exchange)s", exchange)
    if style is Style.CONSOLE and call.event_type == "AwsApiCall":
        return (tls if call.is_s3 else "") + ',"sessionCredentialFromConsole":"true"'
    return tls
