"""``trailkeep prove``: what it prints, writes and answers."""

from __future__ import annotations

import json
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from estates import in_force
from proofs import PARAMS, RECIPE, folder
from trailkeep.cli import prove
from trailkeep.core.errors import TrailkeepError, UsageError
from trailkeep.guard.estate import encode_estate


@pytest.fixture(name="recipe")
def _recipe(tmp_path: Path) -> Path:
    return _write(tmp_path, {**RECIPE, "params.json": PARAMS})


def _write(path: Path, documents: dict[str, Any]) -> Path:
    for name, content in folder(documents).items():
        assert isinstance(content, bytes)
        (path / name).write_bytes(content)
    return path


def _run(*arguments: str) -> tuple[int, str, str]:
    application = typer.Typer(pretty_exceptions_enable=False)
    application.command("prove")(prove.command)
    ran = CliRunner().invoke(application, list(arguments))
    if isinstance(ran.exception, TrailkeepError):
        raise ran.exception
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran.exit_code, ran.stdout, ran.stderr


def test_document_of_one_threat(recipe: Path) -> None:
    """The document names who, what, on what, with which context, why, what is missing and the fix."""
    code, out, _ = _run("--policies", str(recipe), "--threat", "delete-version", "--json")
    assert code == 1
    document = json.loads(out)
    assert document["trailkeep"]["schema"] == "prove/1"
    assert document["verdict"] == {"PROVED": 0, "COUNTEREXAMPLE": 1, "RESIDUAL": 0, "UNDECIDED": 0}
    (found,) = document["threats"]
    assert found["witness"] == {
        "principal": "arn:aws:iam::222222222222:root",
        "kind": "root",
        "account": "222222222222",
        "action": "s3:DeleteObjectVersion",
        "resource": found["witness"]["resource"],
        "resource_account": "222222222222",
        "context": {},
    }
    assert {"id", "verdict", "effect", "layers", "allowed_by", "missing", "fix", "depth"} <= found.keys()
    assert found["fix"][0]["document"] == "scp.json"
    assert [plan["calls"] for plan in document["plans"]] == [
        ["sts:AssumeRole into 222222222222", "s3:DeleteObjectVersion"],
        ["s3:DeleteObjectVersion"],
    ]
    assert document["assumptions"]


def test_text(recipe: Path) -> None:
    """The text has a line for every threat and the request and the fix of each that is open."""
    code, out, err = _run("--policies", str(recipe))
    assert code == 1
    assert "COUNTEREXAMPLE" in out
    assert "  request     s3:DeleteObjectVersion on arn:aws:s3:::recipe-trail-archive/AWSLogs/" in out
    assert "  by          arn:aws:iam::222222222222:root" in out
    assert "  fix         scp.json; proved to close it:" in out
    assert "Shortest plans" in out
    assert "Assumed" in out
    assert err.startswith("52 threats: ")


def test_estate(tmp_path: Path) -> None:
    """A saved estate needs neither AWS nor a configuration, and what is proved exits 0."""
    file = tmp_path / "estate.json"
    file.write_bytes(encode_estate(in_force()))
    code, out, err = _run("--estate", str(file), "--threat", "delete-version")
    assert code == 0
    assert "scp-archive, rcp" in out
    assert err.startswith("1 threat: 1 PROVED")


def test_wrong_file(recipe: Path) -> None:
    """A file that is no policy is named with its place, the others are proved, and the code is not 0."""
    (recipe / "scp.json").write_text('{"Statement": {"Effect": "Allow", "Action": "*", "Principle": "*"}}')
    code, out, _ = _run("--policies", str(recipe), "--threat", "expire-by-lifecycle")
    assert code == 3
    assert "policy 'scp.json': Statement[0].Principle: expected one of" in out
    assert "UNDECIDED" in out


def test_a_huge_file(recipe: Path) -> None:
    """A file that is no policy by its size alone is not read into memory."""
    (recipe / "scp.json").write_bytes(b" " * 2_000_000)
    code, out, _ = _run("--policies", str(recipe), "--threat", "expire-by-lifecycle")
    assert code == 3
    assert "more than 1,048,576 bytes" in out


def test_what_is_no_regular_file(recipe: Path) -> None:
    """A pipe or a folder with the name of a policy is named, and nobody waits for it."""
    (recipe / "scp.json").unlink()
    os.mkfifo(recipe / "scp.json")
    code, out, _ = _run("--policies", str(recipe), "--threat", "expire-by-lifecycle")
    assert code == 3
    assert "scp.json: expected a policy, got no regular file" in out


def test_terminal_is_not_driven(recipe: Path) -> None:
    """Control characters of a policy are shown, never sent to a terminal."""
    document = json.loads((recipe / "scp.json").read_text())
    document["Statement"][0]["Sid"] = "\x1b[31mred"
    (recipe / "scp.json").write_text(json.dumps(document))
    code, out, _ = _run("--policies", str(recipe), "--threat", "delete-version")
    assert code == 1
    assert "\x1b" not in out
    assert "\\x1b[31mred" in out


class _Page(HTMLParser):
    """Collects the elements of a page and whatever it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append(tag)
        self.loaded += [
            value or ""
            for name, value in attrs
            if name in {"src", "href"} and not (value or "").startswith("#")
        ]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.text += data


def test_page_is_self_contained(recipe: Path, tmp_path: Path) -> None:
    """The page loads nothing, runs nothing, and shows the text of a hostile policy as text."""
    document = json.loads((recipe / "scp.json").read_text())
    document["Statement"][0]["Sid"] = "<script>alert(1)</script>"
    (recipe / "scp.json").write_text(json.dumps(document))
    file = tmp_path / "proof.html"
    code, _, _ = _run("--policies", str(recipe), "--html", str(file), "--json")
    assert code == 1
    page = _Page()
    page.feed(file.read_text())
    assert "script" not in page.tags
    assert page.loaded == []
    assert "<script>alert(1)</script>" in page.text
    assert "Delete a version of a log for good" in page.text
    assert "organizations:LeaveOrganization" in page.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--policies", "nowhere"), "--policies: expected a folder, got No such file or directory"),
        (("--estate", "x", "--policies", "y"), "prove: expected --estate or --policies, got both"),
        (("--policies", ".", "--threat", "no-such"), "expected the id of a threat"),
        (("--policies", "."), "--policies: expected bucket-policy.json"),
    ],
)
def test_wrong_usage(
    arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is wrong about the command itself is said, and nothing is printed."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as error:
        _run(*arguments)
    assert said in str(error.value)
