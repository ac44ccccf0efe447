"""S3 requests are authorized under the IAM actions that AWS documents."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from werkzeug.test import EnvironBuilder

from trailkeep.sandbox.calls import read_call
from trailkeep.sandbox.s3_actions import s3_needs

VERSION = "versionId=v"


def _actions(
    method: str, target: str, headers: dict[str, str] | None = None, host: str = "127.0.0.1:9"
) -> list[tuple[str, str]]:
    path, _, query = target.partition("?")
    builder = EnvironBuilder(
        path,
        query_string=query,
        method=method,
        base_url=f"http://{host}/",
        headers=list((headers or {}).items()),
    )
    needs = s3_needs(read_call(builder.get_environ()))
    return [(need.action.removeprefix("s3:"), need.resource.removeprefix("arn:aws:s3:::")) for need in needs]


@pytest.mark.parametrize(
    ("method", "target", "headers", "needs"),
    [
        ("GET", "/", {}, [("ListAllMyBuckets", "*")]),
        ("PUT", "/b", {}, [("CreateBucket", "b")]),
        ("DELETE", "/b/", {}, [("DeleteBucket", "b")]),
        ("GET", "/b?list-type=2&prefix=x", {}, [("ListBucket", "b")]),
        ("HEAD", "/b", {}, [("ListBucket", "b")]),
        ("PUT", "/b?lifecycle", {}, [("PutLifecycleConfiguration", "b")]),
        ("DELETE", "/b?lifecycle", {}, [("PutLifecycleConfiguration", "b")]),
        ("DELETE", "/b?policy", {}, [("DeleteBucketPolicy", "b")]),
        ("PUT", "/b?object-lock", {}, [("PutBucketObjectLockConfiguration", "b")]),
        ("PUT", "/b?inventedIn2027", {}, [("PutBucketInventedin2027", "b")]),
        ("POST", "/b?metadataTable", {}, [("CreateBucketMetadataTableConfiguration", "b")]),
        ("GET", "/b/k/l", {}, [("GetObject", "b/k/l")]),
        ("HEAD", f"/b/k?{VERSION}", {}, [("GetObjectVersion", "b/k")]),
        ("GET", f"/b/k?acl&{VERSION}", {}, [("GetObjectVersionAcl", "b/k")]),
        ("DELETE", "/b/k", {}, [("DeleteObject", "b/k")]),
        ("DELETE", f"/b/k?{VERSION}", {}, [("DeleteObjectVersion", "b/k")]),
        ("DELETE", f"/b/k?tagging&{VERSION}", {}, [("DeleteObjectVersionTagging", "b/k")]),
        ("DELETE", "/b/k?uploadId=u", {}, [("AbortMultipartUpload", "b/k")]),
        ("DELETE", "/b/k?annotation=a", {}, [("DeleteObjectAnnotation", "b/k")]),
        ("PUT", "/b/k?partNumber=1&uploadId=u", {}, [("PutObject", "b/k")]),
        ("PUT", "/b/k?encryption", {}, [("UpdateObjectEncryption", "b/k")]),
        ("POST", "/b/k?restore", {}, [("RestoreObject", "b/k")]),
        (
            "DELETE",
            f"/b/k?{VERSION}",
            {"x-amz-bypass-governance-retention": "true"},
            [("DeleteObjectVersion", "b/k"), ("BypassGovernanceRetention", "b/k")],
        ),
        (
            "PUT",
            "/b/k?retention",
            {"x-amz-bypass-governance-retention": "true"},
            [("PutObjectRetention", "b/k"), ("BypassGovernanceRetention", "b/k")],
        ),
        (
            "PUT",
            "/b/k",
            {"x-amz-acl": "public-read", "x-amz-object-lock-mode": "COMPLIANCE", "x-amz-tagging": "a=b"},
            [
                ("PutObject", "b/k"),
                ("PutObjectAcl", "b/k"),
                ("PutObjectTagging", "b/k"),
                ("PutObjectRetention", "b/k"),
            ],
        ),
        (
            "PUT",
            "/b/k",
            {"x-amz-copy-source": "/other/some%20key?versionId=1"},
            [("PutObject", "b/k"), ("GetObjectVersion", "other/some key")],
        ),
    ],
)
def test_a_request_needs_its_actions(
    method: str, target: str, headers: dict[str, str], needs: list[tuple[str, str]]
) -> None:
    """Method, subresource and headers decide which actions are needed on which resource."""
    assert _actions(method, target, headers) == needs


@pytest.mark.parametrize("host", ["b.s3.eu-central-1.amazonaws.com", "b.s3.amazonaws.com", "b.example.com:9"])
def test_virtual_hosts_name_the_bucket(host: str) -> None:
    """A bucket in the host name is the same bucket as one in the path."""
    assert _actions("DELETE", f"/k/l?{VERSION}", host=host) == [("DeleteObjectVersion", "b/k/l")]
    assert _actions("DELETE", "/", host=host) == [("DeleteBucket", "b")]


def test_presigned_urls_name_their_key() -> None:
    """The access key of a presigned URL is read from its query."""
    query = "X-Amz-Credential=AKIAEXAMPLE/20260301/eu-central-1/s3/aws4_request&X-Amz-Signature=0"
    call = read_call(EnvironBuilder("/b/k", query_string=query).get_environ())
    assert (call.access_key, call.region, call.key) == ("AKIAEXAMPLE", "eu-central-1", "k")


def _target(operation: Any) -> str:
    target = str(operation.http["requestUri"]).replace("{Bucket}", "b").replace("{Key+}", "k")
    shape = operation.input_shape
    for name, member in shape.members.items() if shape else ():
        if member.serialization.get("location") == "querystring" and name in shape.required_members:
            target += ("&" if "?" in target else "?") + f"{member.serialization['name']}=1"
    return target


def test_every_s3_write_has_an_action_of_its_own() -> None:
    """No write that botocore knows passes for another one: only uploads are PutObject, only deletes DeleteObject."""
    model = botocore.session.get_session().get_service_model("s3")
    shared: dict[str, set[str]] = {}
    for name in model.operation_names:
        operation = model.operation_model(name)
        if operation.http["method"] not in {"GET", "HEAD"}:
            for action, _ in _actions(operation.http["method"], _target(operation)):
                shared.setdefault(action, set()).add(name)
    assert shared["PutObject"] == {
        "CompleteMultipartUpload",
        "CopyObject",
        "CreateMultipartUpload",
        "PutObject",
        "RenameObject",
        "UploadPart",
        "UploadPartCopy",
        "WriteGetObjectResponse",
    }
    for action in ("CreateBucket", "DeleteBucket", "DeleteObject", "AbortMultipartUpload", "PutBucketAbac"):
        assert shared[action] == {action}
