"""AWS's refusals, in the three forms in which AWS writes them: S3's XML, the query protocol's XML, JSON.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from trailkeep.sandbox.calls import Call, Protocol

__all__ = ["Fault", "json_answer", "xml_answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One refusal: AWS's error code, its text, and the members that some JSON errors carry beside them."""

    code: str
    message: str
    status: int = 400
    members: Mapping[str, str] = field(default_factory=dict)

    def answer(self, call: Call) -> Response:
        """Return this refusal as the service that was called would write it."""
        match call.protocol:
            case Protocol.S3:
                body = "" if call.method == "HEAD" else self._s3_body(call)
                return xml_answer(body, status=self.status)
            case Protocol.QUERY:
                return xml_answer(self._query_body(), status=self.status)
            case Protocol.JSON:
                document = {"__type": self.code, "Message": self.message, **self.members}
                return json_answer(document, status=self.status)

    def _s3_body(self, call: Call) -> str:
        return (
            f"<Error><Code>{self.code}</Code><Message>{escape(self.message)}</Message>"
            f"<Resource>{escape(call.path)}</Resource><RequestId>{_request_id()}</RequestId></Error>"
        )

    def _query_body(self) -> str:
        return (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{self.code}</Code>"
            f"<Message>{escape(self.message)}</Message></Error>"
            f"<RequestId>{_request_id()}</RequestId></ErrorResponse>"
        )


def xml_answer(body: str, *, status: int = 200) -> Response:
    """Return an XML document as an HTTP response; an empty body stays empty."""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}' if body else ""
    return Response(text, status=status, content_type="application/xml", headers=_headers())


def json_answer(document: Mapping[str, object], *, status: int = 200) -> Response:
    """Return a JSON document as an HTTP response."""
    return Response(
        json.dumps(document), status=status, content_type="application/x-amz-json-1.1", headers=_headers()
    )


def _headers() -> dict[str, str]:
    return {"x-amzn-requestid": _request_id(), "server": "amazon.com"}


def _request_id() -> str:
    return str(uuid4())
