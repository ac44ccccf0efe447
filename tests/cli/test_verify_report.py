"""``trailkeep verify-report``."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

import evidence as made
from trailkeep.cli.main import build
from trailkeep.core.errors import UsageError
from trailkeep.workflows.report_key import file_signer, make_key


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Run the verb; return exit code, stdout and stderr."""
    done = CliRunner().invoke(build(), ["verify-report", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """Return a folder with a report, its key and a copy of the bucket."""
    make_key(tmp_path / "report.key")
    proof = made.archive(tmp_path / "copy")
    made.write(tmp_path / "evidence", proof, signer=file_signer(tmp_path / "report.key"))
    return tmp_path


def test_exit_codes_tell_genuine_from_changed_and_from_unproven(report: Path) -> None:
    """0 with the signer's key, 3 without one, 1 when a file was changed."""
    evidence, key = report / "evidence", report / "report.key.pub"
    code, out, err = run(evidence, "--key", key, "--archive", report / "copy")
    assert (code, out) == (0, "")
    assert "7 rows of objects" in err
    assert "in the copy 3 digests are proven, and 4 logs are as they list them" in err
    assert "outcome: PASS" in err
    assert run(evidence)[0] == 3
    (evidence / "report.html").write_text("all is well")
    code, _, err = run(evidence, "--key", key)
    assert code == 1
    assert "report.html: expected SHA-256" in err


def test_the_document_is_the_documented_one(report: Path) -> None:
    """--json prints verify-report/1 with the fields of the reference."""
    code, out, _ = run(report / "evidence", "--json")
    document = json.loads(out)
    assert code == 3
    assert document["trailkeep"]["schema"] == "verify-report/1"
    assert {
        "verdict",
        "reason",
        "problems",
        "signed_by",
        "is_trusted",
        "files",
        "rows",
        "digests",
        "logs",
    } <= set(document)
    assert (document["verdict"], document["is_trusted"], document["stated"]) == ("UNKNOWN", False, "PASS")


def test_a_new_key_is_private_and_never_written_over(tmp_path: Path) -> None:
    """--new-key writes a key that only its owner reads, and refuses a file that is there."""
    path = tmp_path / "report.key"
    assert run("--new-key", path)[0] == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(UsageError, match="expected no file, got one"):
        run("--new-key", path)
    assert path.read_bytes() == before


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    """A folder without a report, a key that is none and no folder at all are refused."""
    with pytest.raises(UsageError, match="expected the statement of a report, got none"):
        run(tmp_path)
    (tmp_path / "no.pem").write_text("x")
    with pytest.raises(UsageError, match=r"no\.pem: expected a public key in PEM"):
        run(tmp_path, "--key", tmp_path / "no.pem")
    with pytest.raises(UsageError, match="expected the folder of a report or --new-key"):
        run()
