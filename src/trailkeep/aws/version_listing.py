"""Lists the versions of a bucket's objects, as fast as S3 sends them.

botocore signs, repeats and judges every call, but takes long to make Python of a page of 1,000 versions; the
page is taken from it before that. obstore lists no versions, and stops at keys that hold ``..``, ``//`` or a
control character: whoever may write one object must not be able to hide the others.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

from trailkeep.aws.session import aws_errors
from trailkeep.aws.stored import Stored
from trailkeep.core.errors import AwsCallError

__all__ = ["Page", "VersionListing"]

_CALL = "s3:ListBucketVersions"
_PLAIN_CALL = "s3:ListBucket"
_TAKEN = "TrailkeepPage"
_NO_VERSIONS = frozenset({"AccessDenied", "NotImplemented", "MethodNotAllowed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a listing: versions in the order of keys, the newest first, and folders."""

    stored: tuple[Stored, ...]
    folders: tuple[str, ...]


class VersionListing:
    """Lists one bucket; ``refusal`` says why only current objects are listed, and is empty otherwise.

    ``client`` is an S3 client that nobody else lists with; ``owner`` is the account that the bucket must
    belong to, empty where nobody knows.
    """

    def __init__(self, client: Any, bucket: str, owner: str = "") -> None:
        self._client = client
        self._named = {"Bucket": bucket} | ({"ExpectedBucketOwner": owner} if owner else {})
        self._address = f"s3://{bucket}"
        self.refusal = ""
        for operation in ("ListObjectVersions", "ListObjectsV2"):
            client.meta.events.register(f"before-parse.s3.{operation}", _take)

    def pages(self, prefix: str, *, delimiter: str = "", after: str = "") -> Iterator[Page]:
        """Yield the pages of what begins with ``prefix`` and sorts after ``after``.

        Raises:
            StoppedError: the listing is not complete.
        """
        asked = {"Prefix": prefix} | ({"Delimiter": delimiter} if delimiter else {})
        if not self.refusal:
            try:
                yield from self._versions({**asked, **({"KeyMarker": after} if after else {})})
            except _RefusedError as refused:
                self.refusal = str(refused)
            else:
                return
        yield from self._current({**asked, **({"StartAfter": after} if after else {})})

    def _versions(self, asked: dict[str, Any]) -> Iterator[Page]:
        more: dict[str, str] = {}
        while True:
            try:
                root = self._asked("list_object_versions", _CALL, asked | more)
            except AwsCallError as error:
                if not more and error.code in _NO_VERSIONS:
                    raise _RefusedError(str(error)) from error
                raise
            yield _page(root)
            if not root.is_truncated:
                return
            more = self._next(
                _CALL,
                more,
                KeyMarker=root.key("NextKeyMarker"),
                VersionIdMarker=root.text("NextVersionIdMarker"),
            )

    def _current(self, asked: dict[str, Any]) -> Iterator[Page]:
        more: dict[str, str] = {}
        while True:
            root = self._asked("list_objects_v2", _PLAIN_CALL, asked | more)
            yield _page(root)
            if not root.is_truncated:
                return
            more = self._next(_PLAIN_CALL, more, ContinuationToken=root.text("NextContinuationToken"))

    def _next(self, call: str, before: dict[str, str], **markers: str) -> dict[str, str]:
        """Return where the next page begins.

        Raises:
            AwsCallError: the answer does not say, so that the listing would never end or not be complete.
        """
        found = {name: value for name, value in markers.items() if value}
        if not found or found == before:
            reason = f"{self._address}: expected where the next page begins, got {found}; list it again"
            raise AwsCallError(call, "IncompleteListing", reason)
        return found

    def _asked(self, operation: str, call: str, asked: dict[str, Any]) -> _Root:
        with aws_errors(call):
            answer = getattr(self._client, operation)(**self._named, **asked)
        try:
            return _Root(ET.fromstring(answer[_TAKEN]))  # noqa: S314 - the answer of the S3 that we asked
        except (KeyError, ET.ParseError) as error:
            reason = f"{self._address}: expected a listing, got {error}; look at the endpoint"
            raise AwsCallError(call, "BadAnswer", reason) from error


class _RefusedError(Exception):
    """Versions may not be listed; current objects perhaps may."""


class _Root:
    """The root element of a listing's XML."""

    def __init__(self, element: ET.Element) -> None:
        self.element = element
        self.space = element.tag[: element.tag.rfind("}") + 1]
        self._is_encoded = self.text("EncodingType") == "url"

    @property
    def is_truncated(self) -> bool:
        return self.text("IsTruncated") == "true"

    def text(self, name: str) -> str:
        return self.element.findtext(self.space + name) or ""

    def key(self, name: str) -> str:
        return self.decoded(self.text(name))

    def decoded(self, text: str) -> str:
        return unquote_plus(text) if self._is_encoded else text


def _take(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """Take a page from botocore before it parses it; an error stays."""
    body = response_dict["body"]
    if response_dict["status_code"] < 300 and b"<Error>" not in body[:500]:
        customized_response_dict[_TAKEN] = body
        response_dict["body"] = b""


def _page(root: _Root) -> Page:
    tags = {root.space + tag: tag for tag in ("Version", "Contents", "DeleteMarker")}
    stored = [_stored(root, element, tags[element.tag]) for element in root.element if element.tag in tags]
    stored.sort(key=lambda one: one.key)  # AWS lists in this order, other servers put delete markers last
    folders = root.element.iterfind(f"{root.space}CommonPrefixes/{root.space}Prefix")
    return Page(stored=tuple(stored), folders=tuple(root.decoded(one.text or "") for one in folders))


def _stored(root: _Root, element: ET.Element, tag: str) -> Stored:
    space, text = root.space, element.findtext
    return Stored(
        key=root.decoded(text(f"{space}Key") or ""),
        version=text(f"{space}VersionId") or "",
        etag=(text(f"{space}ETag") or "").strip('"'),
        size_bytes=int(text(f"{space}Size") or 0),
        last_modified=datetime.fromisoformat(text(f"{space}LastModified") or ""),
        is_delete_marker=tag == "DeleteMarker",
        is_latest=tag == "Contents" or text(f"{space}IsLatest") == "true",
    )
