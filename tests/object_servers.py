"""The object server of the benchmarks, for tests: it refuses what it is told to, and says what was asked of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from object_server import Contents, Item, serving
else:
    _FILE = Path(__file__).parent.parent / "bench" / "object_server.py"
    _SPEC = spec_from_file_location("object_server", _FILE)
    _MODULE = module_from_spec(_SPEC)
    sys.modules["object_server"] = _MODULE
    _SPEC.loader.exec_module(_MODULE)
    Contents, Item, serving = _MODULE.Contents, _MODULE.Item, _MODULE.serving

__all__ = ["BUCKET", "Contents", "Item", "object_server", "serving"]

BUCKET = "served-bucket"


@contextmanager
def object_server(
    monkeypatch: pytest.MonkeyPatch,
    items: Mapping[str, Item],
    *,
    answers: Mapping[str, Any] | None = None,
    bucket: str = BUCKET,
) -> Iterator[list[str]]:
    """Serve some objects where every AWS program of this process looks; yields the requests so far."""
    with serving(Contents(buckets={bucket: items}, answers=answers or {})) as (url, seen):
        for name, value in {
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        yield seen
