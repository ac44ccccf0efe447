"""Logs that are broken, forged or odd, each with what has to become of it.

``cases()`` is used on the parser alone and on whole collections, so every event has an id of its own.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import md5
from typing import Any
from uuid import UUID

__all__ = ["Case", "cases", "event", "event_id", "log", "squeeze"]

DEPTH = 100_000
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The bytes of an object and its outcome: a ``fault`` (kind of finding), or rows restoring ``records``.

    ``notes`` are the kinds of notes in order, ``columns`` some values of the first row.
    """

    name: str
    data: bytes
    fault: str = ""
    records: tuple[bytes, ...] = ()
    notes: tuple[str, ...] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)


@cache
def cases() -> tuple[Case, ...]:
    """Return all cases, each under a name of its own."""
    return (*_gzip(), *_json(), *_shapes(), *_times(), *_texts(), *_schemas())


def squeeze(body: bytes) -> bytes:
    """Return one gzip member, the same for the same body."""
    return gzip.compress(body, mtime=0)


def log(*records: bytes | str) -> bytes:
    """Return the body of a log with these records, as CloudTrail writes it."""
    return b'{"Records":[' + b",".join(map(_bytes, records)) + b"]}"


def event_id(name: str) -> str:
    """Return the eventID that belongs to a name."""
    return str(UUID(bytes=md5(name.encode(), usedforsecurity=False).digest()))


def event(name: str, *, without: str = "", **fields: Any) -> dict[str, Any]:
    """Return an ordinary event with other or fewer fields."""
    ordinary = {
        "eventVersion": "1.08",
        "userIdentity": {"type": "IAMUser", "userName": "alice", "accountId": "333333333333"},
        "eventTime": "2026-03-01T12:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetBucketAcl",
        "awsRegion": "eu-central-1",
        "requestParameters": {"bucketName": "data"},
        "responseElements": None,
        "eventID": event_id(name),
        "readOnly": True,
        "recipientAccountId": "333333333333",
    }
    return {key: value for key, value in {**ordinary, **fields}.items() if key != without}


def _bytes(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _text(name: str, **fields: Any) -> str:
    return json.dumps(event(name, **fields), separators=(",", ":"))


def _with(name: str, members: str, *, without: str = "") -> str:
    """Return the text of an ordinary event with further members, written as they are."""
    return f"{_text(name, without=without)[:-1]},{members}}}"


def _kept(name: str, *records: bytes | str, notes: tuple[str, ...] = (), **columns: Any) -> Case:
    texts = tuple(map(_bytes, records))
    return Case(name=name, data=squeeze(log(*texts)), records=texts, notes=notes, columns=columns)


def _refused(name: str, data: bytes, fault: str) -> Case:
    return Case(name=name, data=data, fault=fault)


def _gzip() -> Iterator[Case]:
    whole = squeeze(log(_text("gzip")))
    forged = squeeze(log(_text("forged")))
    yield _refused("empty object", b"", "log.empty")
    yield _refused("not gzip", b"PK\x03\x04 a zip file", "log.not_gzip")
    yield _refused("one byte of gzip", whole[:1], "log.not_gzip")
    yield _refused("gzip cut in the header", whole[:7], "log.truncated")
    yield _refused("gzip cut in the data", whole[: len(whole) // 2], "log.truncated")
    yield _refused("gzip cut before the checksum", whole[:-8], "log.truncated")
    yield _refused("gzip cut in the length", whole[:-1], "log.truncated")
    yield _refused("wrong checksum", whole[:-8] + b"\0\0\0\0" + whole[-4:], "log.bad_gzip")
    yield _refused("wrong length", whole[:-4] + b"\xff\0\0\0", "log.bad_gzip")
    yield _refused("gzip of an unknown method", whole[:2] + b"\x07" + whole[3:], "log.bad_gzip")
    yield _refused("second member", whole + forged, "log.trailing_data")
    yield _refused("empty second member", whole + squeeze(b""), "log.trailing_data")
    yield _refused("second member far behind", whole + b"\0" * 40_000 + forged, "log.trailing_data")
    yield _refused("trailing garbage", whole + b"garbage", "log.trailing_data")
    yield _refused("trailing zero bytes", whole + b"\0" * 512, "log.trailing_data")
    yield _refused("bomb", _bomb(), "log.too_large")
    plain = _text("plain json").encode()
    yield Case(name="plain json", data=log(plain), records=(plain,))
    spaced = _text("plain json behind blanks").encode()
    yield Case(name="plain json behind blanks", data=b" \r\n\t" + log(spaced), records=(spaced,))


def _bomb() -> bytes:
    """Return 1 MB of gzip that begins to inflate to 1,088 MB: a compressed block of blanks, 68 times."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = deflater.compress(b"") + deflater.flush(zlib.Z_FULL_FLUSH)
    block = deflater.compress(b" " * 16 * MEGABYTE) + deflater.flush(zlib.Z_FULL_FLUSH)
    return head + block * 68 + deflater.flush()


def _json() -> Iterator[Case]:
    bodies = {
        "nothing in the gzip": (b"", "log.not_json"),
        "only blanks": (b" \n ", "log.not_json"),
        "not json": (b"<xml/>", "log.not_json"),
        "json cut off": (log(_text("cut"))[:-1], "log.not_json"),
        "second document": (log(_text("doc")) + log(_text("doc 2")), "log.not_json"),
        "several values": (b'{"Records":[]},{"Records":[]}', "log.not_json"),
        "byte order mark": (b"\xef\xbb\xbf" + log(_text("bom")), "log.not_json"),
        "utf-16": (log(_text("utf-16")).decode().encode("utf-16"), "log.not_json"),
        "invalid utf-8": (log(b'{"eventID":"\xff\xfe"}'), "log.not_json"),
        "utf-8 of a surrogate": (log(b'{"eventID":"\xed\xa0\x80"}'), "log.not_json"),
        "overlong utf-8": (log(b'{"eventID":"\xc0\x80"}'), "log.not_json"),
        "control character in a string": (log(b'{"eventID":"a\x01b"}'), "log.not_json"),
        "comma behind the last record": (b'{"Records":[{},]}', "log.not_json"),
        "NaN": (log('{"eventID":NaN}'), "log.not_json"),
        "leading zero": (log('{"eventID":01}'), "log.not_json"),
        "deep nesting that never closes": (b'{"Records":[' + b"[" * DEPTH, "log.not_json"),
        "list at the top": (b"[" + _text("top").encode() + b"]", "log.no_records"),
        "string at the top": (b'"Records"', "log.no_records"),
        "deep list at the top": (b"[" * DEPTH + b"]" * DEPTH, "log.no_records"),
        "Records missing": (b"{}", "log.no_records"),
        "records in lower case": (b'{"records":[{}]}', "log.no_records"),
        "Records null": (b'{"Records":null}', "log.no_records"),
        "Records an object": (b'{"Records":{}}', "log.no_records"),
        "Records a list, then null": (b'{"Records":[{}],"Records":null}', "log.no_records"),
    }
    for name, (body, fault) in bodies.items():
        yield _refused(name, squeeze(body), fault)
    yield _kept("Records empty")
    first, second = _text("two lists").encode(), _text("two lists, second").encode()
    yield Case(
        name="two lists of Records",
        data=squeeze(b'{"Records":[' + first + b'],"Records":[' + second + b"]}"),
        records=(first, second),
        notes=("log.repeated_records",),
    )
    yield Case(
        name="two lists of Records, one key escaped",
        data=squeeze(b'{"Records":[' + first + b'],"\\u0052ecords":[' + second + b"]}"),
        records=(first, second),
        notes=("log.repeated_records",),
    )
    beside = _text("another key").encode()
    yield Case(
        name="another key beside Records",
        data=squeeze(b'{"nextToken":1e999,"Records":[' + beside + b"]}"),
        records=(beside,),
        notes=("log.extra_field",),
    )
    pretty = json.dumps(event("pretty"), indent=4).encode()
    yield Case(
        name="much white space",
        data=squeeze(b'\r\n{\t"Records" :\n[\n' + pretty + b" \n, " + beside + b"\n]\t}\n"),
        records=(pretty, beside),
        columns={"event_name": "GetBucketAcl"},
    )


def _shapes() -> Iterator[Case]:
    for name, record in {"number": "1e999", "string": '"x"', "null": "null", "list": "[{}]"}.items():
        yield _kept(f"event is a {name}", record, notes=("record.not_object",), event_id=None, record=record)
    yield _kept(
        "event is an empty object", "{}", notes=("record.no_event_id", "record.no_event_time"), event_id=None
    )
    for name, value in {
        "string": '"omitted"',
        "list": "[1,2]",
        "number": "12345678901234567890.5",
        "null": "null",
        "object": "{ }",
    }.items():
        name = f"requestParameters is a {name}"  # noqa: PLW2901 - the full name of the case
        record = _with(name, f'"requestParameters": {value}', without="requestParameters")
        yield _kept(name, record, request_parameters=value)
    yield _kept(
        "requestParameters missing",
        _text("no parameters", without="requestParameters"),
        request_parameters=None,
    )
    yield _kept(
        "userIdentity null",
        _text("identity null", userIdentity=None),
        user_identity_type=None,
        user_name=None,
        null_fields=["userIdentity"],
    )
    yield _kept(
        "userIdentity missing",
        _text("no identity", without="userIdentity"),
        user_identity_type=None,
        null_fields=None,
    )
    yield _kept(
        "userIdentity is a string",
        _text("identity string", userIdentity="alice"),
        notes=("record.odd_type",),
        user_identity_type=None,
    )
    yield _kept(
        "event name null", _text("name null", eventName=None), event_name=None, null_fields=["eventName"]
    )
    yield _kept("event name empty", _text("name empty", eventName=""), event_name="", null_fields=None)
    yield _kept(
        "event without eventID",
        _text("no id", without="eventID"),
        notes=("record.no_event_id",),
        event_id=None,
    )
    yield _kept(
        "event with an empty eventID", _text("", eventID=""), notes=("record.no_event_id",), event_id=""
    )
    yield _kept(
        "same eventID, two bodies",
        _text("two bodies"),
        _text("two bodies", eventName="DeleteBucket"),
        event_id=event_id("two bodies"),
    )
    yield _kept("same event twice", _text("twice"), _text("twice"))
    yield from _resources()


def _resources() -> Iterator[Case]:
    bucket = {"ARN": "arn:aws:s3:::data", "accountId": "333333333333", "type": "AWS::S3::Bucket"}
    row = {"arn": bucket["ARN"], "arn_prefix": None, "account_id": "333333333333", "type": bucket["type"]}
    yield _kept("resources", _text("resources", resources=[bucket]), resources=[row])
    yield _kept("resources empty", _text("resources empty", resources=[]), resources=[])
    yield _kept(
        "resources null", _text("resources null", resources=None), resources=None, null_fields=["resources"]
    )
    yield _kept(
        "resources is a string",
        _text("resources string", resources="x"),
        notes=("record.odd_type",),
        resources=None,
    )
    yield _kept(
        "resources with null inside",
        _text("resources with null", resources=[None, {**bucket, "type": None}, 7]),
        notes=("record.odd_type",),
        resources=[None, {**row, "type": None}, None],
        null_fields=["resources[0]", "resources[1].type"],
    )


def _times() -> Iterator[Case]:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    good = {
        "2026-03-01T12:00:00.250Z": noon.replace(microsecond=250_000),
        "2026-03-01T12:00:00.123456789Z": noon.replace(microsecond=123_456),
        "2026-03-01T14:00:00+02:00": noon,
        "2026-03-01T12:00:00": noon,
        "20260301T120000Z": noon,
        "9999-12-31T23:59:59Z": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    }
    for text, moment in good.items():
        yield _kept(f"eventTime {text}", _text(text, eventTime=text), event_time=moment)
    for value in ("yesterday", "", "2026-02-30T00:00:00Z", "9999-12-31T23:59:59-01:00", 1_772_366_400, ["x"]):
        name = f"eventTime {value!r}"
        yield _kept(name, _text(name, eventTime=value), notes=("record.bad_event_time",), event_time=None)
    yield _kept(
        "eventTime missing",
        _text("no time", without="eventTime"),
        notes=("record.no_event_time",),
        event_time=None,
        null_fields=None,
    )
    yield _kept(
        "eventTime null",
        _text("time null", eventTime=None),
        notes=("record.no_event_time",),
        event_time=None,
        null_fields=["eventTime"],
    )
    session = {"type": "Root", "sessionContext": {"attributes": {"creationDate": "?"}}}
    yield _kept(
        "creationDate is no time",
        _text("creation", userIdentity=session),
        notes=("record.odd_type",),
        session_creation_date=None,
        user_name="root",
    )


def _texts() -> Iterator[Case]:
    yield _kept(
        "not ascii",
        '{"eventID":"é","eventTime":"2026-01-01T00:00:00Z","eventName":"日本語😀"}',
        event_name="日本語😀",
    )
    yield _kept("NUL escapes", _text("nul", userAgent="a\0b"), user_agent="a\0b")
    yield _kept("escaped key", _with("escaped", r'"error\u0043ode":"X"'), error_code="X", unknown_fields=None)
    yield _kept(
        "lone surrogate in a typed field",
        _with("surrogate", r'"userAgent":"cut \ud83d"'),
        notes=("record.odd_text",),
        user_agent="cut \ufffd",
    )
    parameters = r'{"name":"\udc00","\ud800":1}'
    yield _kept(
        "lone surrogate in the parameters",
        _with("parameters", f'"requestParameters":{parameters}', without="requestParameters"),
        _text("beside the surrogate"),
        request_parameters=parameters,
    )
    yield _kept("lone surrogate in a key", _with("key", r'"\ud800":1'), unknown_fields=r'{"[\"\\ud800\"]":1}')
    numbers = '{"a":9007199254740993,"b":1e999,"c":-0.0,"d":0.10}'
    yield _kept(
        "numbers", _with("numbers", f'"additionalEventData":{numbers}'), additional_event_data=numbers
    )
    digits = "1" * 10_000
    yield _kept("very long number", _with("digits", f'"x":{digits}'), unknown_fields=f'{{"x":{digits}}}')
    deep = "[" * DEPTH + "]" * DEPTH
    yield _kept(
        "deep nesting in the parameters",
        _with("deep", f'"requestParameters":{deep}', without="requestParameters"),
        _text("beside the depth"),
        request_parameters=deep,
        event_name="GetBucketAcl",
    )
    objects = '{"a":' * DEPTH + "1" + "}" * DEPTH
    yield _kept("deep nesting elsewhere", _with("deeper", f'"x":{objects}'), event_name="GetBucketAcl")
    yield _kept(
        "deep nesting in a typed field",
        _with("deepest", f'"eventName":{deep}', without="eventName"),
        notes=("record.odd_type",),
        event_name=None,
    )
    yield _kept("event is a deep list", deep, notes=("record.not_object",))
    large = _text("large", requestParameters={"policy": "x" * MEGABYTE})
    yield _kept("event of a megabyte", large, record=large)
    yield _kept("very long string", _text("agent", userAgent="é\n" * 100_000), user_agent="é\n" * 100_000)


def _schemas() -> Iterator[Case]:
    yield _kept(
        "unknown field at the top", _text("new", newField={"a": 1}), unknown_fields='{"newField":{"a":1}}'
    )
    yield _kept(
        "unknown fields inside",
        _with(
            "inside",
            '"userIdentity":{"type":"Root","a.b":[1],"sessionContext":{"new": 1.0}}',
            without="userIdentity",
        ),
        unknown_fields=r'{"userIdentity[\"a.b\"]":[1],"userIdentity.sessionContext.new":1.0}',
        user_identity_type="Root",
    )
    yield _kept(
        "keys in other capitals",
        _text("capitals", EventName="X", eventid="Y"),
        event_name="GetBucketAcl",
        unknown_fields='{"EventName":"X","eventid":"Y"}',
    )
    yield _kept("key repeated", _with("repeated", '"eventName":"Last"'), event_name="Last")
    yield _kept(
        "key repeated, first null",
        _with("first null", '"x":null,"eventName":null,"eventName":"Last"'),
        event_name="Last",
        null_fields=None,
    )
    yield _kept("readOnly is a string", _text("flag", readOnly="false"), read_only=False)
    yield _kept(
        "readOnly is a word",
        _text("word", readOnly="maybe"),
        notes=("record.odd_type",),
        read_only=None,
    )
    yield _kept("readOnly is a number", _text("one", readOnly=1), notes=("record.odd_type",), read_only=None)
    yield _kept(
        "console session as a boolean",
        _text("console", sessionCredentialFromConsole=True),
        session_credential_from_console=True,
    )
    yield _kept(
        "eventVersion is a number",
        _text("version", eventVersion=1.1),
        notes=("record.odd_type",),
        event_version=None,
    )
    window = {"windowStart": "2026-03-01T12:00:00Z", "windowEnd": "2026-03-01T12:05:00Z"}
    aggregated = {"eventVersion": "1.0", "eventCategory": "Aggregated", "eventId": "a", "timeWindow": window}
    yield _kept(
        "aggregated event",
        json.dumps(aggregated, separators=(",", ":")),
        notes=("record.no_event_id", "record.no_event_time"),
        event_category="Aggregated",
        unknown_fields=json.dumps({"eventId": "a", "timeWindow": window}, separators=(",", ":")),
    )
    insight = {"state": "Start", "insightType": "ApiCallRateInsight"}
    yield _kept(
        "insights event",
        _text("insight", eventCategory="Insight", insightDetails=insight, without="eventName"),
        event_name=None,
        insight_details=json.dumps(insight, separators=(",", ":")),
    )
