"""What the caller of one account's archive asks of its bucket, as a request to decide.

In an organization the archive is changed as the access role of its account; one account is its own caller.
"""

from __future__ import annotations

from trailkeep.guard.blueprint import Blueprint
from trailkeep.guard.estate import Caller
from trailkeep.guard.evaluate import Principal, PrincipalKind, Request

__all__ = ["as_caller"]


def as_caller(blueprint: Blueprint, caller: Caller, permission: str, *, key: str = "") -> Request:
    """Return the request of ``caller`` for the bucket, or for the object ``key`` in it, over TLS.

    The path of a role is not in the ARN of its sessions, so a policy that names one is not matched.
    """
    is_root = caller.arn.endswith(":root")
    bucket = f"arn:{blueprint.partition}:s3:::{blueprint.bucket}"
    return Request(
        principal=Principal(kind=PrincipalKind.ROOT if is_root else PrincipalKind.IAM, arn=caller.arn),
        action=permission,
        resource=f"{bucket}/{key}" if key else bucket,
        resource_account_id=blueprint.archive_account,
        context={
            "aws:RequestedRegion": (blueprint.bucket_region,),
            "aws:SecureTransport": ("true",),
        },
    )
