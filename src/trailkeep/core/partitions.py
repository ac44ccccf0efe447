"""The partitions of AWS, told by the names of their regions.

Source: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
"""

from __future__ import annotations

__all__ = ["partition_of"]

_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "eusc-": "aws-eusc",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
}


def partition_of(region: str) -> str:
    """Return the partition of a region.

    >>> partition_of("cn-north-1"), partition_of("eu-central-1")
    ('aws-cn', 'aws')
    """
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")
