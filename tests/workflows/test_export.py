"""``export``: other tools take what is written, and the script leads to where ``apply`` does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import hcl2
import pytest
from msgspec.structs import replace

from estates import config
from guard_verbs import Verbs, settings
from trailkeep.aws.act import Actor
from trailkeep.aws.observe import observe
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts
from trailkeep.core.config import parse_config
from trailkeep.core.errors import ConfigError
from trailkeep.guard.blueprint import draw_blueprint
from trailkeep.guard.changes import PutAccountPublicAccessBlock
from trailkeep.guard.estate import Estate, TrailStatus, Unreadable
from trailkeep.guard.iac import Export, blank_estate
from trailkeep.guard.plan import plan
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, Sandbox
from trailkeep.workflows.export import Target, export_policies, export_setup

_BIN = Path(sys.executable).parent
_BASH = shutil.which("bash") or ""
_KINDS: list[dict[str, Any]] = [
    {},
    {"retention.lock_mode": "COMPLIANCE", "archive.lifecycle_expire_days": 500},
    {
        "guards.scp": False,
        "trail.recursive_logging": True,
        "archive.readers": ("arn:aws:iam::333333333333:role/audit",),
    },
]


def _written(made: Export, folder: Path) -> list[Path]:
    for file in made.files:
        (folder / file.name).write_text(file.text)
    return [folder / file.name for file in made.files]


@pytest.mark.parametrize("changes", _KINDS, ids=str)
def test_cfn_lint_finds_nothing(changes: dict[str, Any], tmp_path: Path) -> None:
    """cfn-lint has nothing to say of the templates."""
    templates = _written(export_setup(config(changes), Target.CLOUDFORMATION), tmp_path)
    ran = subprocess.run(
        [_BIN / "cfn-lint", "--regions", "eu-central-1", "--", *templates],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, "")


@pytest.mark.parametrize("changes", _KINDS, ids=str)
def test_hcl_parses(changes: dict[str, Any], tmp_path: Path) -> None:
    """The module is HCL, and every document that it reads is a file beside it."""
    files = _written(export_setup(config(changes), Target.TERRAFORM), tmp_path)
    text = files[0].read_text()
    parsed = hcl2.loads(text)
    kinds = {kind.strip('"') for resource in parsed["resource"] for kind in resource}
    assert {"aws_s3_bucket", "aws_cloudtrail", "aws_s3_bucket_object_lock_configuration"} <= kinds
    for document in files[1:]:
        assert f'file("${{path.module}}/{document.name}")' in text
        assert json.loads(document.read_text())["Version"] == "2012-10-17"


@pytest.mark.parametrize("changes", _KINDS, ids=str)
def test_the_bucket_has_one_policy_and_it_is_armed(changes: dict[str, Any], tmp_path: Path) -> None:
    """Every target is given the armed bucket policy; Terraform and CloudFormation are given no other."""
    asked = config(changes)
    armed = json.loads(
        draw_blueprint(asked, partition="aws", archive_account="222222222222").armed_bucket_policy
    )
    module, *documents = _written(export_setup(asked, Target.TERRAFORM), tmp_path)
    assert module.read_text().count('resource "aws_s3_bucket_policy"') == 1
    named = [document for document in documents if document.name == "bucket-policy.json"]
    assert [json.loads(document.read_text()) for document in named] == [armed]
    archive = json.loads(export_setup(asked, Target.CLOUDFORMATION).files[0].text)["Resources"]
    policies = [one for one in archive.values() if one["Type"] == "AWS::S3::BucketPolicy"]
    assert [one["Properties"]["PolicyDocument"] for one in policies] == [armed]
    assert export_policies(asked, minified=True)[0].text == json.dumps(armed, separators=(",", ":"))
    script = export_setup(asked, Target.CLI).files[0].text
    built, started, denied = (
        script.index(f"# {one} in ") for one in ("bucket.policy", "trail.start", "bucket.policy.arm")
    )
    assert built < started < denied < script.index("# scp.enable in ")


@pytest.mark.parametrize("target", [Target.TERRAFORM, Target.CLOUDFORMATION])
def test_what_a_target_cannot_say_is_a_step(target: Target) -> None:
    """Trusted access and policy types have no resource of their own, so each is a command to run first."""
    steps = export_setup(config(), target).steps
    assert {step.action for step in steps if step.first} >= {"trust.enable", "scp.enable"}
    assert all(step.command.startswith("aws ") and "<" not in step.command for step in steps)
    assert [step.action for step in steps if not step.first] == ["trail.recursive_logging"]


@pytest.mark.parametrize("target", list(Target))
def test_no_export_with_a_key(target: Target) -> None:
    """A key that only ``apply`` can make and name is refused, not left out."""
    with pytest.raises(ConfigError, match=r"archive\.encryption: expected sse-s3"):
        export_setup(config({"archive.encryption": "sse-kms"}), target)


def test_no_account_no_export() -> None:
    """The archive account must exist before another tool can be told about it."""
    created = {
        "archive.account": "",
        "archive.account_name": "logs",
        "archive.account_email": "a@example.com",
    }
    with pytest.raises(ConfigError, match=r"archive\.account: expected 12 digits"):
        export_setup(config(created), Target.CLI)


@pytest.mark.sandbox
@pytest.mark.slow
@pytest.mark.skipif(not _BASH, reason="bash is not installed")
def test_the_script_does_what_apply_does(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The script, run by bash with the AWS CLI, ends in the estate in which ``apply`` ends."""
    verbs = Verbs(sandbox, monkeypatch, tmp_path)
    verbs.write()
    verbs.armed()
    wanted = _observed()
    sandbox.reset()
    _assume_environment(sandbox, monkeypatch)
    made = export_setup(parse_config(settings()), Target.CLI)
    (script,) = _written(made, tmp_path)
    _without_account_call(script)
    ran = subprocess.run(
        [_BASH, script],
        env={**os.environ, "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    assert _observed() == wanted
    assert verbs.run("plan", "--arm", "--json").ids == ["trail.update"]


def _without_account_call(script: Path) -> None:
    """Leave to the product the one call that the AWS CLI sends to a host of the account's own name."""
    lines = script.read_text().splitlines(keepends=True)
    calls = [line for line in lines if " s3control " in line]
    assert len(calls) == 1
    script.write_text("".join(line for line in lines if line not in calls))
    blueprint = draw_blueprint(
        parse_config(settings()), partition="aws", archive_account=LOG_ARCHIVE_ACCOUNT_ID
    )
    (action,) = (
        one
        for one in plan(blueprint, blank_estate(blueprint), arm=True).actions
        if isinstance(one, PutAccountPublicAccessBlock)
    )
    accounts = Accounts(region="eu-central-1", role="OrganizationAccountAccessRole")
    Actor(accounts, Patience(clock=lambda: 0.0, sleep=lambda _: None)).perform(action)


def _assume_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)


def _observed() -> Estate:
    """Return the estate without the ids that AWS draws and what older versions of the AWS CLI cannot say."""
    found = observe(
        Accounts(region="eu-central-1", role="OrganizationAccountAccessRole"), parse_config(settings())
    )
    assert isinstance(found.trails, tuple)
    found = replace(
        found,
        trails=tuple(
            replace(one, recursive_logging=None, status=_undelivered(one.status)) for one in found.trails
        ),
    )
    kinds = ("service_control_policies", "resource_control_policies")
    named = {kind: tuple(replace(one, id=one.name) for one in getattr(found, kind)) for kind in kinds}
    return replace(
        found, **{kind: tuple(sorted(many, key=lambda one: one.id)) for kind, many in named.items()}
    )


def _undelivered(status: TrailStatus | Unreadable) -> TrailStatus | Unreadable:
    return status if isinstance(status, Unreadable) else replace(status, latest_delivery_at=None)
