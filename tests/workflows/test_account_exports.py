"""What other tools are given of one account's archive: linted, and run as a script on the embedded AWS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from account_estates import account_config
from account_verbs import ALONE, account_verbs, deliver_own_log
from trailkeep.sandbox.organization import Sandbox
from trailkeep.workflows.export import Target, export_setup

_BIN = Path(sys.executable).parent
_BASH = shutil.which("bash") or ""


@pytest.mark.parametrize(
    "changes", [{"archive.lifecycle_expire_days": 500}, {"archive.encryption": "sse-kms"}], ids=str
)
def test_cfn_lint_finds_nothing(changes: dict[str, Any], tmp_path: Path) -> None:
    """cfn-lint has nothing to say of the two templates."""
    made = export_setup(account_config(changes), Target.CLOUDFORMATION)
    for file in made.files:
        (tmp_path / file.name).write_text(file.text)
    names = [file.name for file in made.files]
    assert names == ["archive.template.json", "trail.template.json"]
    ran = subprocess.run(
        [_BIN / "cfn-lint", "--regions", "eu-central-1", "--", *names],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert (ran.returncode, ran.stdout) == (0, "")


@pytest.mark.sandbox
@pytest.mark.slow
@pytest.mark.skipif(not _BASH, reason="bash is not installed")
@pytest.mark.parametrize("encryption", ["sse-s3", "sse-kms"])
def test_the_script_leaves_nothing_to_do(
    encryption: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The script, run as the account with the AWS CLI, leaves at most what an older AWS CLI cannot say."""
    with account_verbs(sandbox, monkeypatch, tmp_path) as verbs:
        assert verbs.run("init", "--mode", "account", "--yes").exit_code == 0
        written = tmp_path / "trailkeep.toml"
        asked = written.read_text().replace('encryption = "sse-s3"', f'encryption = "{encryption}"')
        written.write_text(asked)
        assert verbs.run("export", "cli", "out").exit_code == 0
        ran = subprocess.run(
            [_BASH, tmp_path / "out" / "setup.sh"],
            env={**os.environ, "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert ran.returncode == 0, ran.stderr
        assert deliver_own_log(sandbox).objects == 1
        [trail] = sandbox.client("cloudtrail", ALONE).describe_trails()["trailList"]
        assert ("KmsKeyId" in trail) is (encryption == "sse-kms")
        left = verbs.run("plan", "--arm", "--json")
        assert set(left.ids) <= {"trail.update"}, left.document
        assert all(one["account"] == ALONE for one in left.document["actions"])
