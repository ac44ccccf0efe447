"""The partition of a region is the one that the AWS SDK knows it in."""

from __future__ import annotations

import botocore.session
import pytest

from trailkeep.core.partitions import partition_of

_SDK = botocore.session.get_session()
_REGIONS = [
    (region, partition)
    for partition in _SDK.get_available_partitions()
    for region in _SDK.get_available_regions("s3", partition)
]


@pytest.mark.parametrize(("region", "partition"), _REGIONS)
def test_partition_of_region(region: str, partition: str) -> None:
    """Every region that the SDK lists is in the partition that the SDK lists it in."""
    if partition == "aws" and "-" not in region:
        pytest.skip(f"{region} is no region")
    assert partition_of(region) == partition


def test_every_partition_is_listed() -> None:
    """The SDK lists regions of all partitions that Trailkeep is made for."""
    assert {"aws", "aws-cn", "aws-us-gov", "aws-eusc"} <= {partition for _, partition in _REGIONS}
