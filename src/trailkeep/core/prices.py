"""What AWS asks, where an estimate has to assume it."""

from __future__ import annotations

__all__ = ["STANDARD_USD"]

STANDARD_USD = 0.023
"""An assumption: US dollars for a GB and month of S3 Standard in us-east-1, first 50 TB.

Source: https://aws.amazon.com/s3/pricing/
"""
