"""What a test does to the stored objects of the embedded AWS that no caller of S3 can do."""

from __future__ import annotations

from datetime import timedelta

from moto.s3.models import s3_backends

from trailkeep.sandbox.state import find_bucket

__all__ = ["age_objects", "empty_bucket", "plant_object", "unlock_objects"]


def age_objects(bucket: str, *, days: int) -> None:
    """Make everything in a bucket look as if it had been written ``days`` earlier."""
    found = find_bucket(bucket)
    assert found is not None
    for key in found.keys.values():
        key.last_modified -= timedelta(days=days)


def empty_bucket(bucket: str) -> None:
    """Take every object out of a bucket, locked or not."""
    found = find_bucket(bucket)
    assert found is not None
    found.keys.clear()


def plant_object(bucket: str, key: str, account: str, *, body: bytes = b"planted") -> None:
    """Put an object into a bucket of an account, whatever refuses it."""
    s3_backends[account]["aws"].put_object(bucket, key, body)


def unlock_objects(bucket: str) -> None:
    """Take the retention off everything in a bucket."""
    found = find_bucket(bucket)
    assert found is not None
    for key in found.keys.values():
        key.lock_mode = key.lock_until = None
