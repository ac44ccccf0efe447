"""S3's multi-object delete, authorized key by key: some go, some are refused, one answer tells of both.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

from trailkeep.sandbox.calls import Call
from trailkeep.sandbox.faults import Fault, xml_answer
from trailkeep.sandbox.s3_actions import Need, deleted_objects
from trailkeep.sandbox.xml_bodies import write_xml

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

__all__ = ["delete_objects"]

_Refuse = Callable[[Need], Fault | None]


def delete_objects(
    call: Call, refuse: _Refuse, aws: WSGIApplication, environ: WSGIEnvironment
) -> Response | None:
    """Delete what ``refuse`` lets pass and answer for all; ``None`` leaves a malformed request to moto."""
    refused, kept = _split(deleted_objects(call), refuse)
    if not refused:
        return None
    errors = "".join(_error(entry, fault) for entry, fault in refused)
    if not kept:
        return xml_answer(f"<DeleteResult>{errors}</DeleteResult>")
    answer = _forward(kept, aws, environ)
    body = answer.get_data(as_text=True)
    end = body.rfind("</")
    return Response(f"{body[:end]}{errors}{body[end:]}", status=answer.status, content_type="application/xml")


_Entries = list[dict[str, Any]]


def _split(
    entries: list[tuple[dict[str, Any], tuple[Need, ...]]], refuse: _Refuse
) -> tuple[list[tuple[dict[str, Any], Fault]], _Entries]:
    refused: list[tuple[dict[str, Any], Fault]] = []
    kept: _Entries = []
    for entry, needs in entries:
        fault = next((fault for need in needs if (fault := refuse(need))), None)
        if fault:
            refused.append((entry, fault))
        else:
            kept.append(entry)
    return refused, kept


def _error(entry: dict[str, Any], fault: Fault) -> str:
    version = entry.get("VersionId")
    told = f"<VersionId>{escape(version)}</VersionId>" if version else ""
    return (
        f"<Error><Key>{escape(entry['Key'])}</Key>{told}<Code>{fault.code}</Code>"
        f"<Message>{escape(fault.message)}</Message></Error>"
    )


def _forward(kept: _Entries, aws: WSGIApplication, environ: WSGIEnvironment) -> Response:
    body = write_xml({"Delete": {"Object": kept}})
    changed = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    chunks, status, headers = run_wsgi_app(aws, changed, buffered=True)
    return Response(chunks, status=status, headers=headers)
