"""A real S3 server as the S3 of an embedded organization: SeaweedFS has the bucket, the embedded AWS the rest.

::

    request -> may the organization's caller? -> does the server have this? -> SeaweedFS, signed anew, over TLS
               SCPs and RCPs, as AWS asks        publicAccessBlock is the
               them before a bucket policy       embedded AWS's

SeaweedFS knows one account and no SCPs, so who calls is judged here; bucket policy, versioning, lock and
every refusal on an object are its own. What it accepts of a bucket's settings is told to the embedded AWS as
well, because CloudTrail there looks at the bucket before it makes a trail.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from real_s3 import RealS3, spelled_out
from refusals import listening
from trailkeep.guard.documents import canonical
from trailkeep.guard.evaluate import Decision
from trailkeep.sandbox.authority import call_context, judge, sentence
from trailkeep.sandbox.callers import find_caller
from trailkeep.sandbox.calls import Call, read_call
from trailkeep.sandbox.faults import Fault
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox
from trailkeep.sandbox.s3_actions import s3_needs

__all__ = ["RealBucket", "real_bucket"]

_LACKS = "publicAccessBlock"
_SIGNED_ANEW = frozenset({"x-amz-date", "x-amz-security-token", "x-amz-content-sha256"})
_NOT_FORWARDED = frozenset({"connection", "transfer-encoding", "date", "server", "content-length"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def is_success(self) -> bool:
        return self.status.startswith("2")


class RealBucket:
    """The WSGI application; see the module. ``real`` are the calls that SeaweedFS answered."""

    def __init__(self, server: RealS3, sandbox: Sandbox) -> None:
        self._server = server
        self._embedded = urlsplit(sandbox.endpoint_url).netloc
        self._tls = ssl.create_default_context(cafile=str(server.certificate))
        self._policies: dict[object, str] = {}
        self.real: list[str] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        call = read_call({**environ, "CONTENT_LENGTH": "0"})
        if fault := _refused(call):
            response = fault.answer(call)
            return response(environ, start)
        answer = self._answer(call, environ, body)
        start(answer.status, [*answer.headers, ("Content-Length", str(len(answer.body)))])
        return [answer.body]

    def _answer(self, call: Call, environ: dict[str, Any], body: bytes) -> _Answer:
        if _LACKS in call.query:
            return self._ask_embedded(environ, body)
        policy = body.decode() if "policy" in call.query and call.method == "PUT" else ""
        answer = self._ask_real(environ, self._spelled_out(policy).encode() if policy else body)
        self.real.append(f"{call.method} {'&'.join(call.query) or call.path}")
        if answer.is_success and call.method == "PUT" and not call.key:
            told = self._ask_embedded(environ, body)
            return answer if told.is_success else told
        if answer.is_success and call.method == "GET" and "policy" in call.query:
            return self._as_put(answer)
        return answer

    def _spelled_out(self, policy: str) -> str:
        spelled = spelled_out(policy)
        self._policies[canonical(spelled)] = policy
        return spelled

    def _as_put(self, answer: _Answer) -> _Answer:
        """Return the policy in the words it was put in, where the server has the same policy still."""
        put = self._policies.get(canonical(answer.body.decode()))
        return _Answer(status=answer.status, headers=answer.headers, body=put.encode()) if put else answer

    def _ask_real(self, environ: dict[str, Any], body: bytes) -> _Answer:
        target = urlsplit(self._server.tls_url).netloc
        headers = {
            name: value for name, value in _headers(environ).items() if name.lower() not in _SIGNED_ANEW
        }
        request = AWSRequest(
            method=environ["REQUEST_METHOD"],
            url=f"https://{target}{environ['REQUEST_URI']}",
            data=body,
            headers={**headers, "Host": target},
        )
        keys = self._server.environment()
        credentials = Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
        S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
        connection = http.client.HTTPSConnection(target, timeout=30, context=self._tls)
        return _exchange(connection, environ, body, dict(request.headers.items()))

    def _ask_embedded(self, environ: dict[str, Any], body: bytes) -> _Answer:
        headers = {**_headers(environ), "Authorization": environ.get("HTTP_AUTHORIZATION", "")}
        connection = http.client.HTTPConnection(self._embedded, timeout=30)
        return _exchange(connection, environ, body, headers)


@contextmanager
def real_bucket(server: RealS3, sandbox: Sandbox) -> Iterator[tuple[RealBucket, str]]:
    """Serve SeaweedFS as the S3 of the embedded organization, and give its address."""
    application = RealBucket(server, sandbox)
    with listening(application) as url:
        yield application, url


def _refused(call: Call) -> Fault | None:
    """Return the organization's refusal: of a key that nobody holds, another account, an SCP or an RCP."""
    caller = find_caller(call.access_key, root_keys={})
    if caller is None:
        return Fault(code="InvalidAccessKeyId", message="no such key", status=403)
    owner = LOG_ARCHIVE_ACCOUNT_ID if call.bucket else caller.principal.account_id
    for need in s3_needs(call):
        context = call_context(call, caller, owner=owner) | need.context
        judged = judge(caller, action=need.action, resource=need.resource, owner=owner, context=context)
        if judged.decision is not Decision.ALLOW:
            message = sentence(caller, judged, action=need.action, resource=need.resource)
            return Fault(code="AccessDenied", message=message, status=403)
    return None


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    """Return the headers of a request that its two servers are to see."""
    names = {key: key[5:].replace("_", "-") for key in environ if key.startswith("HTTP_")}
    dropped = {"HOST", "AUTHORIZATION", "CONNECTION", "ACCEPT-ENCODING", "EXPECT", "AMZ-SDK-INVOCATION-ID"}
    found = {name: str(environ[key]) for key, name in names.items() if name not in dropped}
    return {**found, "Content-Type": environ.get("CONTENT_TYPE", "")}


def _exchange(
    connection: http.client.HTTPConnection, environ: dict[str, Any], body: bytes, headers: dict[str, str]
) -> _Answer:
    try:
        connection.request(environ["REQUEST_METHOD"], environ["REQUEST_URI"], body, headers)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    return _Answer(
        status=f"{answer.status} {answer.reason}",
        headers=[(name, value) for name, value in answer.getheaders() if name.lower() not in _NOT_FORWARDED],
        body=content,
    )
