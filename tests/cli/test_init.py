"""``trailkeep init`` writes a configuration from options, from the credentials at hand, or from answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from guard_verbs import Verbs
from trailkeep.core.config import parse_config, render
from trailkeep.core.errors import ConfigError
from trailkeep.core.fields import Field
from trailkeep.sandbox.organization import ORGANIZATION_ID, Sandbox
from trailkeep.workflows.init import Discoveries, draft, load_config

FLAGS = (
    "--organization-id=o-abcdef1234",
    "--management-account=111111111111",
    "--archive-account=222222222222",
    "--region=eu-west-1",
)


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verbs:
    """An empty folder and the management account's credentials."""
    return Verbs(sandbox, monkeypatch, tmp_path)


@pytest.fixture
def alone(verbs: Verbs, monkeypatch: pytest.MonkeyPatch) -> Verbs:
    """The same without any credentials or region."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    return verbs


def test_flags_need_no_credentials(alone: Verbs) -> None:
    """With the four ids as options the file is written without credentials, with a bucket name of both ids."""
    ran = alone.run("init", *FLAGS, "--yes")
    assert (ran.exit_code, ran.stderr) == (0, "wrote trailkeep.toml; read it, then run 'trailkeep plan'\n")
    config = load_config(alone.folder / "trailkeep.toml")
    assert config.archive.bucket == "trailkeep-abcdef1234-222222222222"
    assert config.retention.days == 400
    assert (alone.folder / "trailkeep.toml").read_text() == render(config)


def test_every_option(alone: Verbs) -> None:
    """Every option ends up in the file, which may be elsewhere; --json tells what was written."""
    ran = alone.run(
        "init", *FLAGS, "--bucket=my-logs", "--retention-days=2190", "--path=other.toml", "--json"
    )
    assert ran.exit_code == 0
    assert ran.document["path"] == "other.toml"
    assert ran.document["config"]["archive"]["bucket"] == "my-logs"
    assert load_config(alone.folder / "other.toml").retention.days == 2190


def test_ids_are_discovered(verbs: Verbs) -> None:
    """The credentials at hand tell the organization, its log archive and the region."""
    ran = verbs.run("init", "--yes")
    assert ran.exit_code == 0
    assert ran.stderr.startswith(f"found organization {ORGANIZATION_ID} of account 111111111111\n")
    config = load_config(verbs.folder / "trailkeep.toml")
    assert config.organization_id == ORGANIZATION_ID
    assert config.archive.account == "222222222222"
    assert config.archive.region == "eu-central-1"
    assert verbs.run("plan").exit_code == 1


def test_account_to_create(alone: Verbs) -> None:
    """Without an archive account, its e-mail address is enough to have one created by apply."""
    flags = [flag for flag in FLAGS if "archive" not in flag]
    ran = alone.run("init", *flags, "--archive-email=logs@example.com", "--yes")
    assert ran.exit_code == 0
    config = load_config(alone.folder / "trailkeep.toml")
    assert (config.archive.account, config.archive.account_name) == ("", "log-archive")
    assert config.archive.bucket == "trailkeep-abcdef1234-eu-west-1"


def test_nothing_known(alone: Verbs) -> None:
    """With neither options nor credentials, every value that is missing is named, and no file is written."""
    ran = alone.run("init", "--yes")
    assert ran.exit_code == 2
    assert "nothing discovered: AWS credentials: expected" in ran.stderr
    for key in ("organization.id", "organization.management_account", "archive.region"):
        assert f"{key}: expected " in ran.stderr
    assert not (alone.folder / "trailkeep.toml").exists()


def test_existing_file(alone: Verbs) -> None:
    """An existing file is not overwritten without --force."""
    (alone.folder / "trailkeep.toml").write_text("mine")
    ran = alone.run("init", *FLAGS, "--yes")
    assert ran.exit_code == 2
    assert ran.stderr == (
        "trailkeep.toml: expected no such file, got one; choose another --path or add --force"
    )
    assert (alone.folder / "trailkeep.toml").read_text() == "mine"
    assert alone.run("init", *FLAGS, "--yes", "--force").exit_code == 0
    assert load_config(alone.folder / "trailkeep.toml").archive.region == "eu-west-1"


def test_bad_option(alone: Verbs) -> None:
    """A bad option is refused as the configuration would be, and no file is written."""
    ran = alone.run("init", *FLAGS, "--bucket=Bad_Name", "--retention-days=0", "--yes")
    assert ran.exit_code == 2
    assert "archive.bucket: expected a bucket name" in ran.stderr
    assert "retention.days: expected a whole number of days" in ran.stderr
    assert not (alone.folder / "trailkeep.toml").exists()


def test_unwritable_folder(alone: Verbs) -> None:
    """A file that cannot be written is an error with exit code 4."""
    ran = alone.run("init", *FLAGS, "--yes", "--path=missing/trailkeep.toml")
    assert ran.exit_code == 4
    assert "expected to write the file, got No such file or directory" in ran.stderr


def test_answers() -> None:
    """Each value that was not given is asked for with a suggestion, and a given one is not."""
    asked: list[tuple[str, str]] = []

    def ask(field: Field, suggestion: str) -> str:
        asked.append((field.key, suggestion))
        return {"retention.days": "730"}.get(field.key, suggestion)

    found = Discoveries(organization_id="o-abcdef1234", management_account="111111111111", region="eu-west-1")
    config = draft({"archive.account": "222222222222"}, discover=lambda: found, ask=ask)
    assert asked == [
        ("mode", "organization"),
        ("organization.id", "o-abcdef1234"),
        ("organization.management_account", "111111111111"),
        ("archive.region", "eu-west-1"),
        ("archive.bucket", "trailkeep-abcdef1234-222222222222"),
        ("retention.days", "400"),
    ]
    assert config.retention.days == 730
    assert parse_config(render(config)) == config


def test_answer_that_is_no_number() -> None:
    """An answer that is no number is refused by name."""
    with pytest.raises(ConfigError, match=r"retention\.days: expected a whole number .*got 'a year'"):
        draft(
            {
                "organization.id": "o-abcdef1234",
                "organization.management_account": "111111111111",
                "archive.account": "222222222222",
                "archive.region": "eu-west-1",
            },
            discover=Discoveries,
            ask=lambda field, suggestion: "a year" if field.name == "days" else suggestion,
        )


def test_nothing_is_discovered_when_all_is_given() -> None:
    """Discovery is not tried when nothing is missing."""

    def discover() -> Discoveries:
        raise AssertionError

    given = {
        "organization.id": "o-abcdef1234",
        "organization.management_account": "111111111111",
        "archive.account": "222222222222",
        "archive.region": "eu-west-1",
    }
    assert draft(given, discover=discover).archive.region == "eu-west-1"


def test_one_account(alone: Verbs) -> None:
    """With --mode account the account and the region are enough, and no organization is in the file."""
    ran = alone.run("init", "--mode=account", *FLAGS[2:], "--yes", "--json")
    assert ran.exit_code == 0
    assert (ran.document["config"]["mode"], ran.document["config"]["organization"]) == ("account", None)
    config = load_config(alone.folder / "trailkeep.toml")
    assert config.organization is None
    assert config.archive.bucket == "trailkeep-222222222222-eu-west-1-an"


def test_one_account_has_no_organization(alone: Verbs) -> None:
    """An organization that is named beside --mode account is refused, and no file is written."""
    ran = alone.run("init", "--mode=account", *FLAGS, "--yes")
    assert ran.exit_code == 2
    assert "organization.id: expected nothing with mode = \"account\", got 'o-abcdef1234'" in ran.stderr
    assert not (alone.folder / "trailkeep.toml").exists()


def test_one_account_without_credentials(alone: Verbs) -> None:
    """Without credentials the account is missing by name."""
    ran = alone.run("init", "--mode=account", "--region=eu-west-1", "--yes")
    assert ran.exit_code == 2
    assert "nothing discovered: AWS credentials: expected" in ran.stderr
    assert 'archive.account: expected 12 digits in quotes with mode = "account"' in ran.stderr


def test_answering_for_one_account() -> None:
    """Whoever answers that it is one account is asked for nothing that an organization has."""
    asked: list[str] = []

    def ask(field: Field, suggestion: str) -> str:
        asked.append(field.key)
        return {"mode": "account", "archive.account": "333333333333"}.get(field.key, suggestion)

    def discover() -> Discoveries:
        raise AssertionError

    found = Discoveries(archive_account="444444444444", region="eu-west-1")
    config = draft({}, discover=discover, discover_account=lambda: found, ask=ask)
    assert asked == ["mode", "archive.account", "archive.region", "archive.bucket", "retention.days"]
    assert (config.organization, config.archive.account) == (None, "333333333333")
    assert parse_config(render(config)) == config


def test_the_mode_is_not_asked_for_where_an_organization_is_named() -> None:
    """An organization that is named already answers the question for the mode."""
    asked: list[str] = []

    def ask(field: Field, suggestion: str) -> str:
        asked.append(field.key)
        return suggestion

    found = Discoveries(management_account="111111111111", region="eu-west-1")
    given = {"organization.id": "o-abcdef1234", "archive.account": "222222222222"}
    assert draft(given, discover=lambda: found, ask=ask).organization is not None
    assert "mode" not in asked
