"""``trailkeep audit`` against the embedded AWS: before, after and without ``trailkeep.toml``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guard_verbs import BUCKET, Ran, Verbs
from trailkeep.guard.controls import CONTROLS
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox

pytestmark = pytest.mark.sandbox


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """An organization in which nothing was built, and a configuration."""
    made = Verbs(sandbox, monkeypatch, tmp_path)
    made.write()
    return made


def answers(ran: Ran) -> dict[str, str]:
    """Return the verdict of each control."""
    return {control["id"]: control["verdict"] for control in ran.document["controls"]}


def of(ran: Ran, verdict: str) -> set[str]:
    """Return the controls with a verdict."""
    return {control for control, found in answers(ran).items() if found == verdict}


def test_nothing_built(verbs: Verbs) -> None:
    """Where nothing was built the missing trail and the missing bucket fail, and the exit code is 1."""
    ran = verbs.run("audit", "--json")
    assert ran.exit_code == 1, ran.stderr
    assert of(ran, "FAIL") >= {"trail.exists", "trail.organization", "archive.bucket", "guards.membership"}
    assert list(answers(ran)) == [control.id for control in CONTROLS]
    assert of(ran, "UNKNOWN") == set()


def test_armed(verbs: Verbs) -> None:
    """Once the archive is armed, what is left failing is what nobody asked Trailkeep to set up."""
    assert verbs.armed().exit_code == 0
    ran = verbs.run("audit", "--json")
    print(ran.stderr)
    assert of(ran, "FAIL") == set()
