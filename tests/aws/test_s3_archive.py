"""The archive in its bucket, on the embedded AWS and on a server that refuses what it is told to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.credentials import DeferredRefreshableCredentials
from botocore.exceptions import TokenRetrievalError

from object_servers import BUCKET as SERVED
from object_servers import Item, object_server
from sandbox_archives import BUCKET, make_bucket
from trailkeep.aws.archive import S3Archive, open_archive
from trailkeep.aws.bulk_read import bulk_read
from trailkeep.aws.stored import ArchiveFolder, Got, Reason, Stored
from trailkeep.core.errors import AwsCallError, StoppedError, UsageError
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Identity, Sandbox

ORG = "o-exampleorgid"
ACCOUNT = "333333333333"
LOGS = f"AWSLogs/{ORG}/{ACCOUNT}/CloudTrail/eu-central-1/"
DIGESTS = f"AWSLogs/{ORG}/{ACCOUNT}/CloudTrail-Digest/eu-central-1/"
MANY = 300


@pytest.fixture
def s3(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the archive's account, whose versioned bucket is empty."""
    client = make_bucket(sandbox)
    for name, value in sandbox.environment(LOG_ARCHIVE_ACCOUNT_ID).items():
        monkeypatch.setenv(name, value)
    return client


def archive(
    prefix: str = "", *, bucket: str = BUCKET, owner: str = "", in_flight: int = 128, retries: int = 10
) -> S3Archive:
    """Return the archive as the environment's credentials see it."""
    session = boto3.session.Session()
    return S3Archive(
        bucket=bucket, prefix=prefix, session=session, owner=owner, in_flight=in_flight, retries=retries
    )


def served() -> tuple[S3Archive, list[Stored]]:
    """Return the archive of the running object server and all that it lists."""
    found = archive(bucket=SERVED)
    return found, list(found.listed(""))


def body_and_signature(got: Got) -> tuple[bytes, str | None]:
    """Return what a test compares."""
    return got.body, got.metadata.get("signature")


@pytest.mark.sandbox
def test_every_version_is_listed_and_read(s3: Any) -> None:
    """An overwritten object and a deleted one show each version, newest first, and each is read as it was."""
    keys = [f"{LOGS}{name}" for name in ("a", "b c+ü", "d")]
    for body in (b"first", b"second"):
        s3.put_object(Bucket=BUCKET, Key=keys[1], Body=body, Metadata={"signature": body.decode()})
    for key in (keys[0], keys[2]):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"only")
    s3.delete_object(Bucket=BUCKET, Key=keys[2])
    place = archive()
    listed = list(place.listed(LOGS))
    assert [one.key for one in listed] == [keys[0], keys[1], keys[1], keys[2], keys[2]]
    assert [one.is_latest for one in listed if one.key == keys[1]] == [True, False]
    assert sorted(one.is_delete_marker for one in listed if one.key == keys[2]) == [False, True]
    read = {one.version: what for one, what in place.process(listed, body_and_signature)}
    assert [read[one.version] for one in listed if one.key == keys[1]] == [
        (b"second", "second"),
        (b"first", "first"),
    ]
    assert sorted(read[one.version][0] for one in listed if one.key == keys[2]) == [b"", b"only"]
    assert place.versions_refused == ""


@pytest.mark.sandbox
@pytest.mark.parametrize("name", ["x//y", "../up", "%2F + ü", "folder/", "a&b<c>"])
def test_a_key_that_nobody_expects_is_listed_and_read(s3: Any, name: str) -> None:
    """Whatever the key, its own object is read with its metadata, and it hides no other."""
    s3.put_object(Bucket=BUCKET, Key=f"{LOGS}{name}", Body=b"odd", Metadata={"signature": "s"})
    s3.put_object(Bucket=BUCKET, Key=f"{LOGS}folder", Body=b"another")
    place = archive()
    got = {one.key: what for one, what in place.process(place.listed(LOGS), body_and_signature)}
    assert got == {f"{LOGS}{name}": (b"odd", "s"), f"{LOGS}folder": (b"another", None)}


@pytest.mark.sandbox
@pytest.mark.parametrize("prefix", ["", "a/b/", "AWSLogs/", "a/b/AWSLogs/o-ex", DIGESTS])
def test_folders_are_found_below_any_prefix(s3: Any, prefix: str) -> None:
    """Accounts, families and regions are found with and without an organization, and a deleted one too."""
    for key in (
        f"{LOGS}2026/01/01/x.json.gz",
        f"{DIGESTS}2026/01/01/x.json.gz",
        f"a/b/AWSLogs/{ORG}/444444444444/CloudTrail/us-east-1/x",
        "AWSLogs/555555555555/CloudTrail-Insight/us-east-1/x",
        "AWSLogs/555555555555/elasticloadbalancing/us-east-1/x",
        "AWSLogs/not-an-account/CloudTrail/us-east-1/x",
        f"AWSLogs/{ORG}/{ACCOUNT}/CloudTrail/stray.json.gz",
        f"AWSLogs/{ORG}/{ACCOUNT}/",
    ):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    s3.delete_object(Bucket=BUCKET, Key=f"{LOGS}2026/01/01/x.json.gz")
    every = [
        folder("", "", "555555555555", "CloudTrail-Insight", "us-east-1"),
        folder("", ORG, ACCOUNT, "CloudTrail-Digest", "eu-central-1"),
        folder("", ORG, ACCOUNT, "CloudTrail", "eu-central-1"),
        folder("a/b/", ORG, "444444444444", "CloudTrail", "us-east-1"),
    ]
    found = archive(prefix).folders()
    assert list(found.folders) == [one for one in every if one.path.startswith(prefix)]
    stray = f"AWSLogs/{ORG}/{ACCOUNT}/CloudTrail/stray.json.gz"
    assert list(found.strays) == ([stray] if stray.startswith(prefix) else [])


def folder(prefix: str, organization: str, account: str, family: str, region: str) -> ArchiveFolder:
    """Return a folder of an archive."""
    return ArchiveFolder(
        prefix=prefix, organization_id=organization, account=account, family=family, region=region
    )


@pytest.mark.sandbox
def test_a_bucket_of_somebody_else_is_not_read(s3: Any) -> None:
    """A bucket that belongs to another account than the one named stops the listing."""
    s3.put_object(Bucket=BUCKET, Key=f"{LOGS}a", Body=b"")
    assert len(list(archive(owner=LOG_ARCHIVE_ACCOUNT_ID).listed(""))) == 1
    with pytest.raises(AwsCallError, match="AccessDenied"):
        list(archive(owner=ACCOUNT).listed(""))


@pytest.mark.sandbox
@pytest.mark.usefixtures("s3")
def test_a_refused_listing_stops(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may not list gets an error, never an empty archive."""
    for name, value in sandbox.environment(ACCOUNT, Identity.USER).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    with pytest.raises(AwsCallError, match="s3:ListBucket: AccessDenied"):
        list(archive().listed(""))
    with pytest.raises(AwsCallError, match="AccessDenied"):
        archive().folders()


@pytest.mark.sandbox
def test_without_the_permission_for_versions_current_objects_are_listed(s3: Any, sandbox: Sandbox) -> None:
    """Where versions may not be listed, current objects are, it is said, and they are read as listed."""
    for number in range(2):
        s3.put_object(Bucket=BUCKET, Key=f"{LOGS}a", Body=b"%d" % number)
    sandbox.inject("ListObjectVersions", error="AccessDenied", times=1)
    place = archive()
    listed = list(place.listed(LOGS))
    assert [(one.key, one.version, one.is_latest) for one in listed] == [(f"{LOGS}a", "", True)]
    assert "s3:ListBucketVersions: AccessDenied" in place.versions_refused
    assert [got.body for got in place.read(listed)] == [b"1"]
    s3.put_object(Bucket=BUCKET, Key=f"{LOGS}a", Body=b"later")
    [got] = place.read(listed)
    assert got.error is not None
    assert (got.error.reason, "replaced since" in got.error.message) == (Reason.ERROR, True)


def test_many_pages_and_prefixes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listings of several prefixes come in their order and whole, over pages, from any key on."""
    items = {f"{letter}/{number:05}": Item(body=b"") for letter in "abcdefghijkl" for number in range(1_100)}
    with object_server(monkeypatch, items):
        place = archive(bucket=SERVED)
        found = list(place.listings(f"{letter}/" for letter in "labcdefghijk"))
        assert [prefix for prefix, _ in found] == [f"{letter}/" for letter in "labcdefghijk"]
        assert sorted(one.key for _, listed in found for one in listed) == sorted(items)
        assert [one.key for one in place.listed("b/", after="b/01097")] == ["b/01098", "b/01099"]


def test_a_control_character_in_a_key_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that XML cannot hold is listed and read like any other."""
    items = {key: Item(body=key.encode()) for key in ("a", "a\x01b", "a\nb", "b")}
    with object_server(monkeypatch, items):
        place, listed = served()
        assert {got.stored.key: got.body.decode() for got in place.read(listed)} == {
            key: key for key in items
        }


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        ("AccessDenied", Reason.DENIED),
        ("AccessDenied:User is not authorized to perform: kms:Decrypt on the resource", Reason.KMS),
        ("KMS.DisabledException:the key is disabled", Reason.KMS),
        ("InvalidObjectState:not valid for the object's storage class", Reason.ARCHIVED),
        ("NoSuchKey", Reason.GONE),
        ("SomethingNew", Reason.ERROR),
    ],
)
def test_what_cannot_be_read_says_why(monkeypatch: pytest.MonkeyPatch, refusal: str, reason: Reason) -> None:
    """A refused object is told apart by its reason, and the others are read all the same."""
    items = {
        "a": Item(body=b"a"),
        "b": Item(body=b"b", refusal=refusal),
        "c//d": Item(body=b"", refusal=refusal),
    }
    with object_server(monkeypatch, items):
        place, listed = served()
        got = {one.stored.key: one for one in place.read(listed)}
    assert got["a"].body == b"a"
    for key in ("b", "c//d"):
        error = got[key].error
        assert error is not None
        assert (error.reason, error.message.partition(":")[0]) == (reason, refusal.partition(":")[0])


def test_a_busy_server_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """SlowDown is waited out, and no object is lost to it."""
    items = {str(number): Item(body=b"x", refusal="SlowDown", refused_times=2) for number in range(5)}
    with object_server(monkeypatch, items):
        place, listed = served()
        assert [got.error for got in place.read(listed)] == [None] * 5


@pytest.mark.timeout(10)
def test_whoever_stops_waits_for_no_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed early, reading ends at once even while a busy server is being asked again and again."""
    busy = {str(number): Item(body=b"", refusal="SlowDown") for number in range(50)}
    with object_server(monkeypatch, {**busy, "good": Item(body=b"x")}):
        place = archive(bucket=SERVED, retries=1_000)
        results = bulk_read(place.listed(""), place._fetch, lambda got: got.body)
        assert next(results)[1] == b"x"
        results.close()  # type: ignore[attr-defined] # it is a generator


@pytest.mark.parametrize(("times", "error"), [(2, None), (-1, Reason.ERROR)])
def test_a_body_that_breaks_off_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, times: int, error: Reason | None
) -> None:
    """Half a body is never taken for the whole: it is fetched again, and told when it never comes whole."""
    items = {"a": Item(body=b"x" * 50_000, refusal="BrokenOff", refused_times=times)}
    with object_server(monkeypatch, items):
        place = archive(bucket=SERVED, retries=2)
        [got] = place.read(place.listed(""))
    assert (got.error.reason if got.error else None) is error
    assert len(got.body) == (0 if error else 50_000)


@pytest.mark.parametrize("refusal", ["ExpiredToken", "InvalidAccessKeyId", "NoSuchBucket"])
def test_what_every_object_would_meet_stops(monkeypatch: pytest.MonkeyPatch, refusal: str) -> None:
    """Credentials that ended, or a bucket that is gone, stop the job instead of making every object a finding."""
    items = {str(number): Item(body=b"", refusal=refusal) for number in range(50)}
    with object_server(monkeypatch, items):
        place, listed = served()
        with pytest.raises(StoppedError):
            list(place.read(listed))


def test_a_server_that_is_gone_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that is down stops the job instead of making every object a finding."""
    with object_server(monkeypatch, {"a": Item(body=b"")}):
        place = archive(bucket=SERVED, retries=1)
        listed = list(place.listed(""))
        assert [got.error for got in place.read(listed)] == [None]
    with pytest.raises(AwsCallError, match="s3:GetObject: ConnectionError"):
        list(place.read(listed))


def test_credentials_that_cannot_be_renewed_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials whose renewal fails in the middle of the job stop it."""
    renewals: list[int] = []

    def renew() -> dict[str, str]:
        renewals.append(1)
        if len(renewals) > 1:
            raise TokenRetrievalError(provider="sso", error_msg="it ended")
        ends_at = datetime.now(UTC) + timedelta(seconds=30)
        return {"access_key": "a", "secret_key": "b", "token": "c", "expiry_time": ends_at.isoformat()}

    with object_server(monkeypatch, {"a": Item(body=b"")}):
        inner = botocore.session.get_session()
        renewed = DeferredRefreshableCredentials(method="sso", refresh_using=renew)
        setattr(inner, "_credentials", renewed)  # noqa: B010 - botocore has no public way
        place = S3Archive(bucket=SERVED, session=boto3.session.Session(botocore_session=inner))
        with pytest.raises(StoppedError, match="AWS credentials"):
            list(place.read([Stored(key="a", version="null", etag="e")]))


def test_a_version_that_may_not_be_named_is_read_by_its_etag(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where s3:GetObjectVersion is refused and s3:GetObject is not, the current version is read by its ETag."""
    items = {
        str(number): Item(body=b"x", refusal="AccessDenied", refuses_versions=True) for number in range(3)
    }
    with object_server(monkeypatch, items):
        place, listed = served()
        assert [got.body for got in place.read(listed)] == [b"x"] * 3


def test_an_object_far_beyond_what_cloudtrail_writes_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A huge object costs no request and no memory."""
    with object_server(monkeypatch, {"a": Item(body=b"x")}) as seen:
        place = archive(bucket=SERVED)
        [got] = place.read([Stored(key="a", version="null", etag="e", size_bytes=1 << 30)])
        assert got.error is not None
        assert "expected at most" in got.error.message
        assert not [line for line in seen if line.startswith("GET /served-bucket/a")]


@pytest.mark.parametrize("size_bytes", [10, 20_000])
def test_reading_goes_no_further_than_it_is_taken(monkeypatch: pytest.MonkeyPatch, size_bytes: int) -> None:
    """With 8 in flight, whoever stops after one result has had no more than 8 others read, small or large."""
    items = {f"{number:03}": Item(body=b"x" * size_bytes) for number in range(MANY)}
    with object_server(monkeypatch, items) as seen:
        place = archive(bucket=SERVED, in_flight=8)
        listed = list(place.listed(""))
        results = place.process(listed, lambda got: len(got.body))
        assert next(results)[1] == size_bytes
        results.close()  # type: ignore[attr-defined] # it is a generator
        asked = sum(line.startswith("GET /served-bucket/") for line in seen)
        assert 1 <= asked <= 2 * 8
        assert sorted(one.key for one, _ in place.process(listed, len_of_body())) == sorted(items)


def len_of_body() -> Callable[[Got], int]:
    """Return work that keeps nothing of a body."""
    return lambda got: len(got.body)


def test_an_error_of_the_work_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the work raises is raised where the results are taken."""

    def fail(_: Got) -> None:
        raise ZeroDivisionError

    with object_server(monkeypatch, {"a": Item(body=b"x"), "b": Item(body=b"x" * 20_000)}):
        place = archive(bucket=SERVED)
        for key in "ab":
            with pytest.raises(ZeroDivisionError):
                list(place.process(place.listed(key), fail))


def test_an_address_without_a_bucket_is_refused() -> None:
    """The message shows the form."""
    with pytest.raises(UsageError, match=r"expected s3://bucket/prefix"):
        open_archive("s3://")
    with pytest.raises(UsageError, match="nothing of that name"):
        open_archive("/no/such/folder")
    assert open_archive("s3://a/b", session=boto3.session.Session()).name == "s3://a/b"
