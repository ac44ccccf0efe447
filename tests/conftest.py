"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("trailkeep", deadline=None)  # a busy machine is no finding
settings.register_profile("nightly", deadline=None, max_examples=100_000)
settings.load_profile(os.environ.get("TRAILKEEP_PROPERTIES", "trailkeep"))

pytest_plugins = ["plugins.sandbox_plugin"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real CloudTrail logs that others published; tests that need it are skipped without it."""
    root = Path(__file__).parent.parent
    folder = Path(os.environ.get("TRAILKEEP_SHARED", root.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"real CloudTrail logs are not at {folder} (set TRAILKEEP_SHARED)")
    return folder
