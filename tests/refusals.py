"""A loopback proxy before the embedded AWS that refuses calls by name, and remembers which were made.

``refused`` holds operations that are answered with AccessDenied; ``faults`` maps an operation to error codes,
one of which is answered for each call until none is left. ``unconfirmed`` maps it to codes that are answered
after upstream has done what was asked.
"""

from __future__ import annotations

import http.client
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from werkzeug.serving import WSGIRequestHandler, make_server

__all__ = ["Proxy", "listening", "proxied"]

_S3_SUBRESOURCES = {
    "policy": "BucketPolicy",
    "versioning": "BucketVersioning",
    "object-lock": "ObjectLockConfiguration",
    "publicAccessBlock": "PublicAccessBlock",
    "ownershipControls": "BucketOwnershipControls",
    "requestPayment": "BucketRequestPayment",
    "location": "BucketLocation",
    "lifecycle": "LifecycleConfiguration",
    "encryption": "BucketEncryption",
    "tagging": "BucketTagging",
    "retention": "ObjectRetention",
}


class Proxy:
    """The WSGI application; see the module."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream).netloc
        self.url = ""
        self.refused: set[str] = set()
        self.faults: dict[str, list[str]] = {}
        self.unconfirmed: dict[str, list[str]] = {}
        self.calls: list[str] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request, from here or from upstream."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        operation = _operation(environ, body)
        self.calls.append(operation)
        if operation in self.refused:
            return _error(environ, start, "AccessDenied")
        if self.faults.get(operation):
            return _error(environ, start, self.faults[operation].pop(0))
        if self.unconfirmed.get(operation):
            self._forward(environ, lambda *_: None, body)
            return _error(environ, start, self.unconfirmed[operation].pop(0))
        return self._forward(environ, start, body)

    def _forward(self, environ: dict[str, Any], start: Callable[..., Any], body: bytes) -> Iterable[bytes]:
        headers = {
            key[5:].replace("_", "-"): value for key, value in environ.items() if key.startswith("HTTP_")
        }
        headers["Content-Type"] = environ.get("CONTENT_TYPE", "")
        connection = http.client.HTTPConnection(self._upstream, timeout=30)
        try:
            connection.request(environ["REQUEST_METHOD"], environ["REQUEST_URI"], body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        dropped = {"connection", "transfer-encoding", "date", "server"}
        start(
            f"{answer.status} {answer.reason}",
            [(name, value) for name, value in answer.getheaders() if name.lower() not in dropped],
        )
        return [content]


class _Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log(self, *arguments: Any) -> None:
        """Log nothing."""


@contextmanager
def proxied(upstream: str) -> Iterator[Proxy]:
    """Run a proxy before ``upstream`` on a free loopback port."""
    proxy = Proxy(upstream)
    with listening(proxy) as url:
        proxy.url = url
        yield proxy


@contextmanager
def listening(application: Any) -> Iterator[str]:
    """Serve a WSGI application on a free loopback port, and give its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _operation(environ: dict[str, Any], body: bytes) -> str:
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return str(target.rsplit(".", 1)[1])
    if found := re.search(rb"(?:^|&)Action=(\w+)", body):
        return str(found[1], "ascii")
    method: str = environ["REQUEST_METHOD"]
    names = {part.split("=")[0] for part in environ["QUERY_STRING"].split("&")}
    for name in names & set(_S3_SUBRESOURCES):
        return method.capitalize() + _S3_SUBRESOURCES[name]
    if environ["PATH_INFO"].endswith("/configuration/publicAccessBlock"):
        return f"{method.capitalize()}AccountPublicAccessBlock"
    if environ["PATH_INFO"] == "/":
        return "ListBuckets"
    return {"HEAD": "HeadBucket", "PUT": "CreateBucket"}.get(method, method)


def _error(environ: dict[str, Any], start: Callable[..., Any], code: str) -> Iterable[bytes]:
    if environ.get("HTTP_X_AMZ_TARGET"):
        body, kind = f'{{"__type":"{code}","message":"not here"}}', "application/x-amz-json-1.1"
    elif environ["REQUEST_METHOD"] == "POST":
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>not here</Message></Error></ErrorResponse>"
        kind = "text/xml"
    else:
        body, kind = f"<Error><Code>{code}</Code><Message>not here</Message></Error>", "application/xml"
    body = "" if environ["REQUEST_METHOD"] == "HEAD" else body
    status = "403 Forbidden" if code.startswith("AccessDenied") else "400 Bad Request"
    start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body.encode()]
