"""The bytes of a log become rows, and nothing is lost."""

from __future__ import annotations

import doctest
import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keep.torture import cases, event, log
from trailkeep.keep import event as event_module
from trailkeep.keep import identity, jsontext
from trailkeep.keep.careful import read_carefully
from trailkeep.keep.event import Event, UserIdentity, decode
from trailkeep.keep.identity import user_name
from trailkeep.keep.inflate import LogFileError, inflate
from trailkeep.keep.jsontext import NotJsonError, elements, members
from trailkeep.keep.records import Source, original, parse_log, read_log, table_of

SOURCE = Source(
    object="s3://logs/x.json.gz",
    version="v1",
    account_id="333333333333",
    region="eu-central-1",
    delivered_at=datetime(2026, 3, 1, 12, 5, tzinfo=UTC),
)
FULL: dict[str, Any] = {
    **event("full"),
    "eventVersion": "1.11",
    "apiVersion": "2006-03-01",
    "requestID": "R",
    "sharedEventID": "S",
    "vpcEndpointId": "vpce-1",
    "vpcEndpointAccountId": "444444444444",
    "sessionCredentialFromConsole": "true",
    "managementEvent": True,
    "addendum": {
        "reason": "UPDATED_DATA",
        "updatedFields": "a,b",
        "originalRequestID": "O",
        "originalEventID": "P",
    },
    "tlsDetails": {
        "tlsVersion": "TLSv1.3",
        "cipherSuite": "TLS_AES_128_GCM_SHA256",
        "clientProvidedHostHeader": "s3.amazonaws.com",
        "keyExchange": "X25519MLKEM768",
    },
    "resources": [
        {"ARN": "arn:aws:s3:::data", "accountId": "333333333333"},
        {"ARNPrefix": "arn:aws:s3:::data/"},
    ],
    "userIdentity": {
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLE:carol@example.com",
        "credentialId": "C",
        "onBehalfOf": {"userId": "U", "identityStoreArn": "I"},
        "inScopeOf": {"sourceArn": "A", "credentialsIssuedToVersion": "7"},
        "invokedByDelegate": {"accountId": "555555555555"},
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::333333333333:role/Admin"},
            "attributes": {"creationDate": "2026-03-01T11:00:00Z", "mfaAuthenticated": "false"},
            "webIdFederationData": {"federatedProvider": "F"},
            "sourceIdentity": "carol",
            "ec2RoleDelivery": "2.0",
            "assumedRoot": "true",
            "signInSessionArn": "Z",
        },
    },
}
FIELDS = [
    *(
        "eventTime",
        "eventID",
        "eventName",
        "readOnly",
        "requestParameters",
        "resources",
        "addendum",
        "tlsDetails",
    ),
    *(
        "userIdentity",
        "sessionContext",
        "attributes",
        "mfaAuthenticated",
        "creationDate",
        "userName",
        "type",
        "ARN",
    ),
]
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text() | st.sampled_from(["true", "2026-03-01"])
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=6)
    ),
    max_leaves=12,
)
RECORDS = st.lists(JSON.map(lambda value: json.dumps(value).encode()), max_size=4)


def _row(record: Mapping[str, Any] | str) -> dict[str, Any]:
    text = record if isinstance(record, str) else json.dumps(record)
    row: dict[str, Any] = parse_log(log(text), SOURCE).table.to_pylist()[0]
    return row


@pytest.mark.parametrize("module", [event_module, identity, jsontext], ids=lambda module: module.__name__)
def test_examples(module: ModuleType) -> None:
    """The examples in the docstrings do what they show."""
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


def test_every_documented_field() -> None:
    """Documented fields of version 1.11 come out typed, flags and times included, and none is unknown."""
    row = _row(FULL)
    expected = {
        "event_time": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "session_creation_date": datetime(2026, 3, 1, 11, tzinfo=UTC),
        "session_mfa_authenticated": False,
        "session_assumed_root": True,
        "session_credential_from_console": True,
        "session_source_identity": "carol",
        "session_ec2_role_delivery": "2.0",
        "session_sign_in_session_arn": "Z",
        "session_issuer_arn": "arn:aws:iam::333333333333:role/Admin",
        "session_web_id_federation_data": '{"federatedProvider": "F"}',
        "in_scope_of_source_arn": "A",
        "in_scope_of_credentials_issued_to_version": "7",
        "invoked_by_delegate_account_id": "555555555555",
        "on_behalf_of_user_id": "U",
        "user_identity_credential_id": "C",
        "user_name": "carol@example.com",
        "addendum_original_event_id": "P",
        "tls_key_exchange": "X25519MLKEM768",
        "read_only": True,
        "management_event": True,
        "vpc_endpoint_account_id": "444444444444",
        "unknown_fields": None,
        "null_fields": None,
        "response_elements": "null",
    }
    assert {name: row[name] for name in expected} == expected
    assert [item["arn_prefix"] for item in row["resources"]] == [None, "arn:aws:s3:::data/"]


def test_provenance() -> None:
    """Every row says which object, version and place it came from, and the hash of all the bytes parsed."""
    body = log("{}", '{"eventID":"2"}')
    parsed = parse_log(body, SOURCE)
    digest = hashlib.sha256(body).hexdigest()
    assert parsed.sha256 == digest
    for position, row in enumerate(parsed.table.to_pylist()):
        assert row["source_object"] == SOURCE.object
        assert row["source_version"] == SOURCE.version
        assert row["source_account_id"] == SOURCE.account_id
        assert row["source_region"] == SOURCE.region
        assert row["source_delivered_at"] == SOURCE.delivered_at
        assert row["source_sha256"] == digest
        assert row["source_position"] == position
        assert row["record_hash"] == hashlib.blake2b(row["record"].encode(), digest_size=16).digest()


def test_many_logs_at_once() -> None:
    """A table of many logs is the tables of the single logs one after the other."""
    logs = [inflate(case.data) for case in cases() if not case.fault and len(case.data) < 5_000][::4]
    together = table_of([read_log(body, SOURCE)[0] for body in logs])
    assert together.to_pylist() == [row for body in logs for row in parse_log(body, SOURCE).table.to_pylist()]


def test_notes_say_where() -> None:
    """A note names the record by its position and the field by its path."""
    parsed = parse_log(
        log('{"eventID":"1","eventTime":"2026-03-01T00:00:00Z"}', '{"eventID":7}', "[]"), SOURCE
    )
    assert [(note.position, note.message) for note in parsed.notes] == [
        (1, "record 1: expected an eventID, got none; copies of it cannot be told apart"),
        (1, "record 1: expected an eventTime, got none; no time range finds it"),
        (1, "record 1: eventID: expected string, got number; read it in the record"),
        (2, "record 2: expected an object, got array; it is kept as text only"),
    ]


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        (None, None),
        (UserIdentity(), None),
        (UserIdentity(type="Root", user_name="account-alias"), "root"),
        (UserIdentity(type="IAMUser", user_name="alice", principal_id="AIDAEXAMPLE"), "alice"),
        (
            UserIdentity(type="IAMUser", user_name="HIDDEN_DUE_TO_SECURITY_REASONS"),
            "HIDDEN_DUE_TO_SECURITY_REASONS",
        ),
        (UserIdentity(type="AssumedRole", principal_id="AROAEXAMPLE:i-0abc"), "i-0abc"),
        (UserIdentity(type="AssumedRole", principal_id="111111111111:aws:ec2:i-0"), "aws:ec2:i-0"),
        (UserIdentity(type="AssumedRole", principal_id="AROAEXAMPLE"), None),
        (UserIdentity(type="FederatedUser", principal_id="111111111111:Bob", user_name=""), "Bob"),
        (UserIdentity(type="AWSService", invoked_by="ec2.amazonaws.com"), "ec2.amazonaws.com"),
        (UserIdentity(type="AWSAccount", principal_id="AIDAEXAMPLE:x", invoked_by=""), None),
    ],
)
def test_user_name(identity: UserIdentity | None, name: str | None) -> None:
    """The user name is the one that the console shows."""
    assert user_name(identity) == name


@given(RECORDS)
def test_restores(records: list[bytes]) -> None:
    """Whatever JSON the records are, each comes back byte for byte, and the table is sound."""
    parsed = parse_log(log(*records), SOURCE)
    assert list(original(parsed.table)) == records
    parsed.table.validate(full=True)


@given(st.binary(max_size=80) | RECORDS.map(lambda records: log(*records)[:-1]))
def test_any_bytes(body: bytes) -> None:
    """Bytes that are no log raise ``LogFileError`` and nothing else."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        with pytest.raises(LogFileError):
            parse_log(body, SOURCE)


@given(st.dictionaries(st.sampled_from(sorted(FULL)) | st.text(), JSON, max_size=8))
def test_both_readers_agree(fields: dict[str, Any]) -> None:
    """What the quick decoder accepts, the careful reader reads the same way and finds nothing odd in."""
    text = json.dumps({**FULL, **fields})
    try:
        quick = decode(text)
    except ValueError:
        return
    reading = read_carefully(text)
    assert _plain(reading.event) == _plain(quick)
    assert (reading.null_fields, reading.unknown_fields, reading.oddities) == ((), None, ())


def _plain(value: Event) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def _paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if path:
        yield path
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield from _paths(inner, (*path, name))


def _changed(value: Mapping[str, Any], path: tuple[str, ...], *, missing: bool) -> dict[str, Any]:
    name, *inner = path
    if inner:
        return {**value, name: _changed(value[name], tuple(inner), missing=missing)}
    return {key: None if key == name else item for key, item in value.items() if key != name or not missing}


@pytest.mark.parametrize("path", list(_paths(FULL)), ids=".".join)
def test_null_is_not_missing(path: tuple[str, ...]) -> None:
    """For every field at every depth, the columns tell an explicit null from a missing field."""
    rows = [_row(_changed(FULL, path, missing=missing)) for missing in (False, True)]
    for row in rows:
        for column in ("record", "record_hash", "source_sha256"):
            del row[column]
    assert rows[0] != rows[1]


@given(JSON)
def test_parts_of_json(value: Any) -> None:
    """JSON text of any shape is cut into the parts that the standard library reads it as."""
    text = json.dumps({"a": value, "b": [value, 1]}, indent=1)
    (_, first), (_, second) = members(text)
    assert json.loads(first) == value
    assert [json.loads(item) for item in elements(second)] == [value, 1]


@given(st.text(alphabet='{}[]",:0123456789.eE+-truefalsn\\u \n', max_size=20))
def test_json_grammar(text: str) -> None:
    """The cutter takes exactly the text that the standard library takes as JSON."""
    try:
        json.loads(f"[{text}]", parse_constant=lambda _: 1 / 0)
        expected = True
    except (ValueError, ZeroDivisionError):
        expected = False
    try:
        elements(f"[{text}]")
        found = True
    except NotJsonError:
        found = False
    assert found is expected


def _logs(folder: Path, pattern: str) -> list[bytes]:
    return [inflate(path.read_bytes()) for path in sorted(folder.glob(pattern))]


@pytest.mark.parametrize(
    ("pattern", "files", "events"),
    [
        ("shapes/*.json.gz", 6, 135),
        ("stratus-red-team/records.json.gz", 1, 310),
        ("invictus-aws-dataset/AWSLogs/**/*.json.gz", 55, 2_900),
    ],
)
def test_real_logs(shared_data: Path, pattern: str, files: int, events: int) -> None:
    """Real logs are read whole: each record is a slice of its log and the same JSON value as there."""
    bodies = _logs(shared_data, pattern)
    tables = [parse_log(body, SOURCE).table for body in bodies]
    assert len(bodies) == files
    assert sum(table.num_rows for table in tables) == events
    for body, table in zip(bodies, tables, strict=True):
        records = list(original(table))
        assert [json.loads(record) for record in records] == json.loads(body)["Records"]
        assert all(record in body for record in records)
        assert set(table.column("unknown_fields").to_pylist()) == {None}
