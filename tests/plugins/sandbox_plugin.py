"""The embedded AWS for tests: one server per test process, a fresh organization for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trailkeep.sandbox.organization import Sandbox


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[Sandbox]:
    """The server; tests ask for ``sandbox`` instead."""
    with Sandbox() as server:
        yield server


@pytest.fixture
def sandbox(sandbox_server: Sandbox) -> Sandbox:
    """An embedded AWS organization in which nothing has happened yet."""
    sandbox_server.reset(has_log_archive=True)
    return sandbox_server


@pytest.fixture
def sandbox_without_archive(sandbox_server: Sandbox) -> Sandbox:
    """The same organization before its log archive account is created; it will be 222222222222."""
    sandbox_server.reset(has_log_archive=False)
    return sandbox_server
