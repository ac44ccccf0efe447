"""The AWS CLI commands of the actions on lifecycle, tags and the account's public access block."""

from __future__ import annotations

import json
from typing import assert_never

from trailkeep.aws.act_storage import ALL_BLOCKED
from trailkeep.guard.changes import PutAccountPublicAccessBlock, PutLifecycle, PutTags

__all__ = ["storage_arguments"]


def storage_arguments(action: PutAccountPublicAccessBlock | PutLifecycle | PutTags) -> list[str]:
    """Return the words after ``aws``."""
    region = ["--region", action.region]
    match action:
        case PutAccountPublicAccessBlock(account=account):
            switches = ",".join(f"{switch}=true" for switch in ALL_BLOCKED)
            block = ["--public-access-block-configuration", switches]
            return ["s3control", "put-public-access-block", "--account-id", account, *block, *region]
        case PutLifecycle(bucket=bucket, account=account, document=document):
            named = ["--bucket", bucket, "--expected-bucket-owner", account]
            rules = ["--lifecycle-configuration", f'{{"Rules": {document}}}']
            return ["s3api", "put-bucket-lifecycle-configuration", *named, *rules, *region]
        case PutTags(bucket=bucket, account=account, tags=tags):
            named = ["--bucket", bucket, "--expected-bucket-owner", account]
            listed = json.dumps({"TagSet": [{"Key": tag.key, "Value": tag.value} for tag in tags]})
            return ["s3api", "put-bucket-tagging", *named, "--tagging", listed, *region]
        case _:
            assert_never(action)
