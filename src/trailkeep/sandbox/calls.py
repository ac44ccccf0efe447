"""One HTTP request, read as the AWS call that it is; SigV4 is not verified, but the access key is read.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from moto.s3.responses import S3Response
from moto.s3.utils import bucket_name_from_url
from werkzeug.datastructures import EnvironHeaders
from werkzeug.wrappers import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["Call", "Protocol", "read_call"]

_CREDENTIAL = re.compile(
    r"Credential=(?P<key>[A-Za-z0-9]+)/\d{8}/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request"
)
_PRESIGNED = re.compile(r"(?P<key>[A-Za-z0-9]+)/\d{8}/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/")
_BODY_QUERIES = {"delete", "object-lock", "policy", "retention", "versioning"}


class Protocol(StrEnum):
    """How a service writes its requests and errors."""

    S3 = "s3"
    QUERY = "query"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An AWS call; ``operation`` is empty for S3, ``access_key`` if unsigned, ``body`` if not read."""

    protocol: Protocol
    service: str
    operation: str
    region: str
    access_key: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: EnvironHeaders
    body: bytes
    bucket: str
    key: str

    @property
    def parameters(self) -> dict[str, Any]:
        """The members of a JSON or query request; empty where the body is neither."""
        if self.protocol is Protocol.QUERY:
            return dict(self.query)
        try:
            members = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return members if isinstance(members, dict) else {}


def read_call(environ: WSGIEnvironment) -> Call:
    """Return the AWS call in a WSGI request; a body that is read is put back for the next reader."""
    headers = EnvironHeaders(environ)
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    access_key, region, service = _credential(headers, query)
    path = environ.get("PATH_INFO", "/").encode("latin-1").decode("utf-8", "replace")
    protocol = _protocol(service, headers)
    bucket, key = _bucket_and_key(environ, path) if protocol is Protocol.S3 else ("", "")
    body = _body(environ) if _is_body_wanted(protocol, query) else b""
    if protocol is Protocol.QUERY:
        query |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return Call(
        protocol=protocol,
        service=service or "s3",
        operation=query.get("Action", "") or headers.get("X-Amz-Target", "").rpartition(".")[2],
        region=region,
        access_key=access_key,
        method=environ["REQUEST_METHOD"],
        path=path,
        query=query,
        headers=headers,
        body=body,
        bucket=bucket,
        key=key,
    )


def _credential(headers: EnvironHeaders, query: Mapping[str, str]) -> tuple[str, str, str]:
    authorization = headers.get("Authorization", "")
    match = _CREDENTIAL.search(authorization) or _PRESIGNED.match(query.get("X-Amz-Credential", ""))
    if match:
        return match["key"], match["region"], match["service"]
    version_2 = re.match(r"AWS (\w+):", authorization)
    return (version_2[1] if version_2 else query.get("AWSAccessKeyId", "")), "us-east-1", ""


def _protocol(service: str, headers: EnvironHeaders) -> Protocol:
    if "X-Amz-Target" in headers:
        return Protocol.JSON
    return Protocol.S3 if service in {"", "s3", "s3express"} else Protocol.QUERY


def _is_body_wanted(protocol: Protocol, query: Mapping[str, str]) -> bool:
    return protocol is not Protocol.S3 or bool(_BODY_QUERIES & query.keys())


def _body(environ: WSGIEnvironment) -> bytes:
    """Read the body and put it back."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    stream = environ["wsgi.input"]
    is_chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "")
    body: bytes = stream.read() if is_chunked else stream.read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    if is_chunked:
        environ["CONTENT_LENGTH"] = str(len(body))
        del environ["HTTP_TRANSFER_ENCODING"]
    return body


def _bucket_and_key(environ: WSGIEnvironment, path: str) -> tuple[str, str]:
    """Split a path-style or a virtual-host-style S3 address where moto splits it."""
    request = Request(environ)
    if S3Response.subdomain_based_buckets(request):
        return bucket_name_from_url(f"http://{request.host}/") or "", path.removeprefix("/")
    bucket, _, key = path.removeprefix("/").partition("/")
    return bucket, key
