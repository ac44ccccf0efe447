"""S3's XML bodies as dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.parsers.expat import ExpatError

import xmltodict  # type: ignore[import-untyped]  # its stubs are a package of their own

__all__ = ["read_xml", "write_xml"]


def read_xml(body: bytes, root: str) -> dict[str, Any] | None:
    """Return what is inside the root element, ``None`` where the body is not such a document."""
    try:
        found = xmltodict.parse(body, strip_whitespace=False).get(root, "")
    except (ExpatError, ValueError):
        return None
    return found if isinstance(found, dict) else {} if found is None else None


def write_xml(document: Mapping[str, Any]) -> bytes:
    """Return a document as XML."""
    return str(xmltodict.unparse(document)).encode()
