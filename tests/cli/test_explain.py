"""``trailkeep explain`` and ``trailkeep export`` as commands, against files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from guard_verbs import Ran, settings
from trailkeep.cli import explain, export
from trailkeep.core.errors import TrailkeepError
from trailkeep.guard.findings import FindingKind

_DENY = {"Sid": "Org", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "*"}


def _run(*arguments: str) -> Ran:
    application = typer.Typer(pretty_exceptions_enable=False)
    for verb in (explain, export):
        application.command(verb.__name__.rsplit(".", 1)[1])(verb.command)
    ran = CliRunner().invoke(application, list(arguments))
    if isinstance(ran.exception, TrailkeepError):
        code = ran.exception.exit_code
        return Ran(exit_code=code, stdout=ran.stdout, stderr=f"{ran.stderr}{ran.exception}")
    if ran.exception and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return Ran(exit_code=int(ran.exit_code), stdout=ran.stdout, stderr=ran.stderr)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with a trailkeep.toml, and no credentials."""
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "trailkeep.toml").write_text(settings())
    return tmp_path


def _exported(name: str = "bucket-policy.json") -> dict[str, Any]:
    _run("export", "policies", "out")
    found: dict[str, Any] = json.loads(Path("out", name).read_text())
    return found


@pytest.mark.parametrize("flags", [[], ["--minified"]])
def test_what_is_exported_explains_clean(alone: Path, flags: list[str]) -> None:
    """Every exported document is accepted without findings, with trailkeep.toml and without it."""
    ran = _run("export", "policies", "out", *flags)
    assert (ran.exit_code, ran.stdout) == (0, "")
    assert sorted(path.name for path in (alone / "out").iterdir()) == [
        "bucket-policy.json",
        "rcp-archive.json",
        "scp-archive.json",
        "scp-members.json",
    ]
    files = [f"out/{path.name}" for path in (alone / "out").iterdir()]
    explained = _run("explain", *files)
    assert (explained.exit_code, explained.stderr) == (
        0,
        "PASS: CloudTrail would accept it, and nothing was found\n",
    )
    (alone / "trailkeep.toml").unlink()
    assert _run("explain", *files).exit_code == 0


def test_exported_key_policy_explains_clean(alone: Path) -> None:
    """With a key its policy is exported as well, and CloudTrail would accept it and the grown SCP."""
    more = 'encryption = "sse-kms"\nreaders = ["arn:aws:iam::333333333333:role/audit"]\n[retention]'
    (alone / "trailkeep.toml").write_text(settings().replace("[retention]", more))
    _run("export", "policies", "out")
    files = ("out/bucket-policy.json", "out/key-policy.json", "out/scp-archive.json")
    explained = _run("explain", *files)
    assert (explained.exit_code, explained.stderr) == (
        0,
        "PASS: CloudTrail would accept it, and nothing was found\n",
    )


def test_export_to_stdout(alone: Path) -> None:
    """Without a folder the documents are printed, minified one a line; sizes against quotas go to stderr."""
    ran = _run("export", "policies", "--minified")
    documents = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [len(document["Statement"]) for document in documents] == [7, 3, 5, 3]
    sizes = [len(line) for line in ran.stdout.splitlines()]
    assert ran.stderr.splitlines() == [
        f"bucket-policy.json: bucket-policy, {sizes[0]} of 20480 bytes",
        f"scp-archive.json: scp, {sizes[1]} of 10240 bytes",
        f"scp-members.json: scp, {sizes[2]} of 10240 bytes",
        f"rcp-archive.json: rcp, {sizes[3]} of 5120 bytes",
    ]
    assert not (alone / "out").exists()


def test_export_as_json(alone: Path) -> None:
    """--json gives one document with every policy in it, as JSON and not as text."""
    found = _run("export", "policies", str(alone / "out"), "--json").document
    assert found["trailkeep"]["schema"] == "export/1"
    first = found["documents"][0]
    assert first["path"] == str(alone / "out" / "bucket-policy.json")
    assert first["document"] == json.loads(Path(first["path"]).read_text())


def test_export_in_china(alone: Path) -> None:
    """The partition of the documents is that of the archive's region."""
    (alone / "trailkeep.toml").write_text(settings(region='"cn-north-1"'))
    text = _run("export", "policies").stdout
    assert "arn:aws-cn:s3:::" in text
    assert "arn:aws:" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["terraform"],
            "export: expected a folder to write into, got none; add one: export terraform DIR",
        ),
        (
            ["nonsense"],
            "export: expected policies, terraform, cloudformation, cli, got 'nonsense'; see 'trailkeep export --help'",
        ),
    ],
)
def test_export_of_something_else(alone: Path, arguments: list[str], message: str) -> None:
    """A target that is not there is wrong usage, and nothing is written."""
    ran = _run("export", *arguments)
    assert (ran.exit_code, ran.stderr) == (2, message)
    assert not (alone / "out").exists()


def test_export_needs_the_account(alone: Path) -> None:
    """The SCP names the archive account, so an account that is yet to be created has none to export."""
    made = {"account": '""', "account_name": '"log-archive"', "account_email": '"logs@example.com"'}
    (alone / "trailkeep.toml").write_text(settings(**made))
    ran = _run("export", "policies")
    assert ran.exit_code == 2
    assert ran.stderr.startswith(
        "archive.account: expected 12 digits, because the SCP names the account, got ''"
    )
    (alone / "trailkeep.toml").write_text(settings(**made, scp="false\nrcp = false"))
    assert _run("export", "policies").exit_code == 0


def test_export_into_a_file(alone: Path) -> None:
    """A folder that cannot be made is an error with exit code 4."""
    ran = _run("export", "policies", "trailkeep.toml")
    assert (ran.exit_code, ran.stderr) == (
        4,
        "trailkeep.toml: expected to write the documents, got File exists; name another folder",
    )
    assert alone.joinpath("trailkeep.toml").is_file()


def test_a_missing_statement_is_printed_to_paste(alone: Path) -> None:
    """The text of a refusal holds the missing statement as JSON, which added makes the policy accepted."""
    document = _exported()
    lost = document["Statement"].pop(0)
    (alone / "p.json").write_text(json.dumps(document))
    ran = _run("explain", "p.json")
    assert (ran.exit_code, ran.stderr) == (1, "FAIL: 1 of 3 requests refused\n")
    start = ran.stdout.index("add this statement:") + len("add this statement:")
    assert json.JSONDecoder().raw_decode(ran.stdout[start:].lstrip())[0] == lost
    as_json = _run("explain", "p.json", "--json").document
    assert [asked["missing"] for asked in as_json["requests"]] == [lost, None, None]
    assert as_json["verdict"] == {"kind": "FAIL", "reason": "1 of 3 requests refused"}


def test_what_cannot_be_decided(alone: Path) -> None:
    """A policy that hangs on a key nobody knows ends with 3 and says which."""
    document = _exported()
    condition = {"StringNotEquals": {"aws:SourceOrgID": "o-exampleorgid"}}
    document["Statement"].append({**_DENY, "Condition": condition})
    (alone / "p.json").write_text(json.dumps(document))
    ran = _run("explain", "p.json")
    assert ran.exit_code == 3
    assert ran.stderr == (
        "UNKNOWN: s3:PutObject: statement 'Org' decides by aws:SourceOrgID, "
        "and what CloudTrail sends for it is not known here\n"
    )


def test_several_files(alone: Path) -> None:
    """Of several documents the worst decides, and each entry names its file."""
    document = _exported()
    document["Statement"][1]["Sid"] = document["Statement"][0]["Sid"]
    (alone / "p.json").write_text(json.dumps(document))
    ran = _run("explain", "out/scp-archive.json", "p.json", "--json")
    assert ran.exit_code == 1
    found = ran.document
    assert [(each["file"], each["verdict"]["kind"]) for each in found["documents"]] == [
        ("out/scp-archive.json", "PASS"),
        ("p.json", "FAIL"),
    ]
    assert [(each["file"], each["kind"]) for each in found["findings"]] == [("p.json", "sid.duplicate")]


@pytest.mark.usefixtures("alone")
def test_options_come_before_the_configuration() -> None:
    """A value that is given is taken, whatever trailkeep.toml says."""
    _exported()
    ran = _run("explain", "out/bucket-policy.json", "--management-account=333333333333")
    assert ran.exit_code == 1
    assert "- s3:PutObject on arn:aws:s3:::acme-trail-archive/AWSLogs/333333333333/CloudTrail/: refused" in (
        ran.stdout
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "explain: expected files or --live, got neither; "),
        (["--live", "p.json"], "explain: expected files or --live, got both; "),
        (
            ["--live", "--kind=scp"],
            "explain --live: expected no --kind, --account-trail or --no-bucket-key, got one",
        ),
        (["nothing.json"], "nothing.json: expected a JSON document, got No such file or directory; "),
        (
            ["p.json", "--kind=vpc"],
            "--kind: expected one of bucket-policy, key-policy, topic-policy, scp, rcp, got 'vpc'",
        ),
    ],
)
def test_wrong_usage(alone: Path, arguments: list[str], message: str) -> None:
    """Wrong arguments end with 2 and one line."""
    (alone / "p.json").write_text("{}")
    ran = _run("explain", *arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith(message)


def test_hostile_text_drives_no_terminal(alone: Path) -> None:
    """Control characters of a document are shown, not sent."""
    document = _exported()
    document["Statement"].append({**_DENY, "Sid": "a\x1b[31mb"})
    document["Statement"][0]["Resource"] = "arn:aws:s3:::c\x1b[31md"
    (alone / "p.json").write_text(json.dumps(document))
    ran = _run("explain", "p.json")
    assert "\x1b" not in ran.stdout + ran.stderr
    assert "statement 'a\\x1b[31mb' denies it" in ran.stdout
    assert "its Resource is arn:aws:s3:::c\\x1b[31md" in ran.stdout


def test_every_kind_of_finding_is_in_the_reference() -> None:
    """docs/reference/policy-findings.md lists every kind, in the order of the code, and no other."""
    page = Path(__file__).parents[2] / "docs" / "reference" / "policy-findings.md"
    assert re.findall(r"^\| `(\w+\.\w+)` \|", page.read_text(), re.MULTILINE) == [*FindingKind]
