"""A small fast object server on loopback: S3 for reading, and the few calls that validators make beside it.

moto serves some 280 GET/s whatever the client is, so a benchmark on moto measures moto. This server keeps
every object in memory, answers thousands of GET/s from one core, and can hold each answer back as long as a
network would. It checks no signature: give every tool ``AWS_ENDPOINT_URL`` and any credentials.

::

    object_server.py FOLDER [--answers FILE] [--delay-ms 20] [--port 0]
    FOLDER/BUCKET/KEY                    an object
    FOLDER/BUCKET/KEY.metadata.json      its user metadata, {"signature": ...}
    FILE                                 {"keys": {REGION: [PublicKey]}, "trails": [Trail],
                                         "statuses": {REGION: {}}, "organization": {}, "accounts": [Account],
                                         "regions": [REGION], "caller": "111111111111"}

It prints one JSON line with its ``url`` and serves until it is ended. What FILE says is in AWS's own words.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

import argparse
import asyncio
import json
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import md5
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, quote, unquote
from xml.sax.saxutils import escape

__all__ = ["Contents", "Item", "listening", "load", "serving"]

_SIDECAR = ".metadata.json"
_PAGE = 1000
_OK = "200 OK"
_BROKEN_OFF = "BrokenOff"
_CLOSE = b"\r\nConnection: close\r\n"
_XML = "application/xml"
_JSON = "application/x-amz-json-1.1"
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One stored object; its first ``refused_times`` GETs (-1: all) are answered with the error ``refusal``.

    ``refusal`` is S3's code, and a message behind a colon; empty to refuse none. With ``BrokenOff`` half of
    the body is sent. With ``refuses_versions`` only the GETs that name a version are refused.
    """

    body: bytes
    metadata: Mapping[str, str] = field(default_factory=dict)
    modified_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    refusal: str = ""
    refused_times: int = -1
    refuses_versions: bool = False

    @property
    def etag(self) -> str:
        """The MD5 of the body."""
        return md5(self.body, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is served: buckets of items, and the answers of the services that are not S3."""

    buckets: Mapping[str, Mapping[str, Item]]
    answers: Mapping[str, Any] = field(default_factory=dict)


def load(folder: Path, answers: Path | None = None) -> Contents:
    """Read what a folder holds, a bucket for each folder in it."""
    buckets = {bucket.name: dict(_items(bucket)) for bucket in sorted(folder.iterdir()) if bucket.is_dir()}
    return Contents(buckets=buckets, answers=json.loads(answers.read_text()) if answers else {})


def _items(bucket: Path) -> Iterator[tuple[str, Item]]:
    for path in bucket.rglob("*"):
        if path.is_file() and not path.name.endswith(_SIDECAR):
            beside = path.with_name(path.name + _SIDECAR)
            metadata = json.loads(beside.read_text()) if beside.exists() else {}
            modified = datetime.fromtimestamp(int(path.stat().st_mtime), tz=UTC)
            item = Item(body=path.read_bytes(), metadata=metadata, modified_at=modified)
            yield path.relative_to(bucket).as_posix(), item


@contextmanager
def serving(contents: Contents, *, delay_s: float = 0.0) -> Iterator[tuple[str, list[str]]]:
    """Serve in a thread; yields the URL and a list that every request line is added to."""
    loop = asyncio.new_event_loop()
    seen: list[str] = []
    server = loop.run_until_complete(_listen(loop, contents, delay_s, seen, 0))
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield _url(server), seen
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    for connection in _Connection.alive.pop(server, set()):
        connection.close()
    await asyncio.sleep(0)


async def _listen(
    loop: asyncio.AbstractEventLoop, contents: Contents, delay_s: float, seen: list[str] | None, port: int
) -> asyncio.Server:
    service = _Service(contents)
    alive: set[asyncio.Transport] = set()
    server = await loop.create_server(lambda: _Connection(service, delay_s, seen, alive), "127.0.0.1", port)
    _Connection.alive[server] = alive
    return server


def _url(server: asyncio.Server) -> str:
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class _Connection(asyncio.Protocol):
    """One connection: requests one after the other, each answered after the delay."""

    alive: dict[asyncio.Server, set[asyncio.Transport]] = {}  # noqa: RUF012 - shared on purpose, see _end

    def __init__(
        self, service: _Service, delay_s: float, seen: list[str] | None, alive: set[asyncio.Transport]
    ) -> None:
        self._service = service
        self._delay_s = delay_s
        self._seen = seen
        self._alive = alive
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._alive.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._alive.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (ends := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:ends].decode("latin-1")
            headers = _headers(head)
            size = int(headers.get("content-length", 0))
            if headers.pop("expect", ""):
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if len(self._buffer) < ends + 4 + size:
                return
            body, self._buffer = self._buffer[ends + 4 : ends + 4 + size], self._buffer[ends + 4 + size :]
            self._answer(head.split("\r\n", 1)[0], headers, body)

    def _answer(self, line: str, headers: dict[str, str], body: bytes) -> None:
        if self._seen is not None:
            self._seen.append(line)
        answer = self._service.answer(line, headers, body)
        if self._delay_s:
            asyncio.get_running_loop().call_later(self._delay_s, self._send, answer)
        else:
            self._send(answer)

    def _send(self, answer: bytes) -> None:
        self._transport.write(answer)
        if _CLOSE in answer[:500]:
            self._transport.close()


def _headers(head: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in head.split("\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in pairs}


def _packed(status: str, kind: str, body: bytes, *, headers: str = "", head: bool = False) -> bytes:
    start = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return start.encode() + (b"" if head else body)


_STATUS = {
    "AccessDenied": "403 Forbidden",
    "InvalidObjectState": "403 Forbidden",
    "NoSuchBucket": "404 Not Found",
    "NoSuchKey": "404 Not Found",
    "PreconditionFailed": "412 Precondition Failed",
    "SlowDown": "503 Slow Down",
    "InternalError": "500 Internal Server Error",
    "NotImplemented": "501 Not Implemented",
}


def _error(code: str, *, head: bool = False, message: str = "") -> bytes:
    text = f"<Error><Code>{code}</Code><Message>{escape(message or code)}</Message></Error>"
    return _packed(_STATUS.get(code, "400 Bad Request"), _XML, text.encode(), head=head)


class _Service:
    """Answers requests; what an answer needs is made once, when the server starts."""

    def __init__(self, contents: Contents) -> None:
        self._answers = contents.answers
        self._left: dict[tuple[str, str], int] = {}
        self._buckets = {name: dict(items) for name, items in contents.buckets.items()}
        self._keys = {name: sorted(items) for name, items in contents.buckets.items()}
        self._etags = {
            (bucket, key): item.etag for bucket, of in self._buckets.items() for key, item in of.items()
        }

    def answer(self, line: str, headers: Mapping[str, str], body: bytes) -> bytes:
        method, target, _ = line.split(" ", 2)
        path, _, query = target.partition("?")
        if method == "POST":
            return self._service_call(headers, body)
        head = method == "HEAD"
        if method not in {"GET", "HEAD"}:
            return _error("NotImplemented", head=head)
        bucket, _, key = path.lstrip("/").partition("/")
        if bucket not in self._buckets:
            return _error("NoSuchBucket", head=head)
        if key:
            return self._object(bucket, unquote(key), query, headers, head=head)
        return self._bucket(bucket, query, head=head)

    def _object(self, bucket: str, key: str, query: str, headers: Mapping[str, str], *, head: bool) -> bytes:
        item = self._buckets[bucket].get(key)
        if item is None:
            return _error("NoSuchKey", head=head)
        is_refused = item.refusal and (not item.refuses_versions or "versionId=" in query)
        if is_refused and self._refuses(bucket, key, item):
            code, _, message = item.refusal.partition(":")
            if code == _BROKEN_OFF:
                whole = _packed(_OK, _JSON, item.body, headers=_CLOSE.decode().lstrip())
                return whole[: -len(item.body) // 2]
            return _error(code, head=head, message=message)
        etag = self._etags[bucket, key]
        if headers.get("if-match", etag).strip('"') != etag:
            return _error("PreconditionFailed", head=head)
        extra = "".join(f"x-amz-meta-{name}: {value}\r\n" for name, value in item.metadata.items())
        modified = format_datetime(item.modified_at, usegmt=True)
        return _packed(
            _OK,
            "application/json",
            item.body,
            headers=f'ETag: "{etag}"\r\nLast-Modified: {modified}\r\nContent-Encoding: gzip\r\n{extra}',
            head=head,
        )

    def _refuses(self, bucket: str, key: str, item: Item) -> bool:
        left = self._left.get((bucket, key), item.refused_times)
        self._left[bucket, key] = left - 1
        return left != 0

    def _bucket(self, bucket: str, query: str, *, head: bool) -> bytes:
        asked = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        if head:
            return _packed(_OK, _XML, b"", headers="x-amz-bucket-region: us-east-1\r\n", head=True)
        if "location" in asked:
            return _packed(_OK, _XML, f'<LocationConstraint xmlns="{_NAMESPACE}"/>'.encode())
        if "versioning" in asked:
            return _packed(_OK, _XML, f'<VersioningConfiguration xmlns="{_NAMESPACE}"/>'.encode())
        return _packed(_OK, _XML, self._listing(bucket, asked).encode())

    def _listing(self, bucket: str, asked: Mapping[str, str]) -> str:
        second, versions = asked.get("list-type") == "2", "versions" in asked
        after = (
            asked.get("continuation-token")
            or asked.get("key-marker")
            or asked.get("marker")
            or asked.get("start-after")
            or ""
        )
        page = int(asked.get("max-keys") or _PAGE)
        keys, folders, last = self._page(
            bucket, asked.get("prefix", ""), asked.get("delimiter", ""), after, page
        )
        name: Callable[[str], str] = quote if asked.get("encoding-type") == "url" else escape
        root = "ListVersionsResult" if versions else "ListBucketResult"
        tag = "Version" if versions else "Contents"
        more = "<VersionId>null</VersionId><IsLatest>true</IsLatest>" if versions else ""
        body = "".join(self._entry(bucket, key, name(key), tag, more) for key in keys)
        body += "".join(f"<CommonPrefixes><Prefix>{name(one)}</Prefix></CommonPrefixes>" for one in folders)
        where = "NextContinuationToken" if second else "NextKeyMarker" if versions else "NextMarker"
        token = escape(last) if second else name(last)
        body += f"<{where}>{token}</{where}>" if last else ""
        body += "<EncodingType>url</EncodingType>" if name is quote else ""
        more = str(bool(last)).lower()
        return f'<{root} xmlns="{_NAMESPACE}"><IsTruncated>{more}</IsTruncated>{body}</{root}>'

    def _entry(self, bucket: str, key: str, name: str, tag: str, more: str) -> str:
        item = self._buckets[bucket][key]
        return (
            f"<{tag}><Key>{name}</Key><LastModified>{item.modified_at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>&quot;{self._etags[bucket, key]}&quot;</ETag><Size>{len(item.body)}</Size>"
            f"<StorageClass>STANDARD</StorageClass>{more}</{tag}>"
        )

    def _page(
        self, bucket: str, prefix: str, delimiter: str, after: str, most: int
    ) -> tuple[list[str], list[str], str]:
        """Return the keys and folders of a page, and after what the next one begins (empty at the end)."""
        listed = self._keys[bucket]
        at = max(bisect_left(listed, prefix), bisect_right(listed, after))
        keys: list[str] = []
        folders: list[str] = []
        last = ""
        while at < len(listed) and listed[at].startswith(prefix):
            if len(keys) + len(folders) == most:
                return keys, folders, last
            key = listed[at]
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            if cut < 0:
                keys.append(key)
                last = key
                at += 1
                continue
            folder = key[: cut + len(delimiter)]
            at = bisect_left(listed, folder[:-1] + chr(ord(folder[-1]) + 1))
            last = listed[at - 1]
            folders.append(folder)
        return keys, folders, ""

    def _service_call(self, headers: Mapping[str, str], body: bytes) -> bytes:
        target = headers.get("x-amz-target", "")
        if not target:
            return self._sts(body)
        region = headers.get("authorization", "///us-east-1").split("/")[2]
        answer = self._json(target.rpartition(".")[2], region, json.loads(body or b"{}"))
        if answer is None:
            said = {"__type": "UnknownOperationException", "message": target}
            return _packed("400 Bad Request", _JSON, json.dumps(said).encode())
        return _packed(_OK, _JSON, json.dumps(answer).encode())

    def _json(self, operation: str, region: str, asked: Mapping[str, Any]) -> Any:
        say = self._answers
        match operation:
            case "ListPublicKeys":
                return _keys_page(say.get("keys", {}).get(region, []), asked.get("NextToken"))
            case "DescribeTrails":
                return {"trailList": say.get("trails", [])}
            case "GetTrail":
                named = asked["Name"]
                return {
                    "Trail": next(one for one in say["trails"] if named in {one["Name"], one["TrailARN"]})
                }
            case "GetTrailStatus":
                return say.get("statuses", {}).get(region, {"IsLogging": True})
            case "DescribeOrganization":
                return {"Organization": say.get("organization", {})}
            case "ListAccounts":
                return {"Accounts": say.get("accounts", [])}
            case _:
                return None

    def _sts(self, body: bytes) -> bytes:
        action = parse_qs(body.decode()).get("Action", [""])[0]
        account = self._answers.get("caller", "111111111111")
        if action == "GetCallerIdentity":
            arn = f"arn:aws:iam::{account}:user/bench"
            said = f"<Arn>{arn}</Arn><UserId>bench</UserId><Account>{account}</Account>"
        elif action == "DescribeRegions":
            return self._regions()
        else:
            return _error("NotImplemented")
        text = f"<{action}Response><{action}Result>{said}</{action}Result></{action}Response>"
        return _packed(_OK, "text/xml", text.encode())

    def _regions(self) -> bytes:
        names = self._answers.get("regions", ["us-east-1"])
        items = "".join(
            f"<item><regionName>{name}</regionName><optInStatus>opt-in-not-required</optInStatus></item>"
            for name in names
        )
        text = f"<DescribeRegionsResponse><regionInfo>{items}</regionInfo></DescribeRegionsResponse>"
        return _packed(_OK, "text/xml", text.encode())


def _keys_page(keys: list[Any], token: str | None) -> dict[str, Any]:
    """Return the keys, a hundred for each call."""
    start = int(token or 0)
    rest = {"NextToken": str(start + 100)} if start + 100 < len(keys) else {}
    return {"PublicKeyList": keys[start : start + 100], **rest}


@asynccontextmanager
async def listening(contents: Contents, *, delay_s: float = 0.0, port: int = 0) -> AsyncIterator[str]:
    """Serve in the running event loop; yields the URL."""
    async with await _listen(asyncio.get_running_loop(), contents, delay_s, None, port) as server:
        yield _url(server)


async def _serve(contents: Contents, delay_s: float, port: int) -> None:
    async with listening(contents, delay_s=delay_s, port=port) as url:
        print(json.dumps({"url": url}), flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve what the command line names until ended."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--port", type=int, default=0)
    asked = parser.parse_args()
    asyncio.run(_serve(load(asked.folder, asked.answers), asked.delay_ms / 1000, asked.port))


if __name__ == "__main__":
    main()
