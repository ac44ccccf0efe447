"""``export``: other tools take what is written, and the script leads to where ``apply`` does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hcl2
import msgspec
import pytest
from msgspec.structs import replace

from account_estates import account_config
from estates import config
from guard_verbs import Verbs, settings
from trailkeep.aws.act import Actor
from trailkeep.aws.observe import observe
from trailkeep.aws.patience import Patience
from trailkeep.aws.session import Accounts
from trailkeep.core.config import Config, parse_config
from trailkeep.core.errors import ConfigError
from trailkeep.guard.blueprint import draw_blueprint
from trailkeep.guard.changes import PutAccountPublicAccessBlock
from trailkeep.guard.estate import Estate, Key, TrailStatus, Unreadable
from trailkeep.guard.iac import Export, blank_estate
from trailkeep.guard.key_policy import ALIAS, NEW_KEY
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
    {"archive.encryption": "sse-kms", "archive.readers": ("arn:aws:iam::333333333333:role/audit",)},
]
_KMS = {"bucket": '"acme-trail-archive"\nencryption = "sse-kms"'}


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


@pytest.mark.parametrize("make", [config, account_config])
def test_terraform_makes_the_key(make: Callable[[dict[str, Any]], Config], tmp_path: Path) -> None:
    """The module makes the key in the archive account; bucket and trail name it by its reference."""
    made = export_setup(make({"archive.encryption": "sse-kms"}), Target.TERRAFORM)
    module, *documents = _written(made, tmp_path)
    resources = _resources(module.read_text())
    key = resources["aws_kms_key"]
    assert key["provider"] == "${aws.archive}"
    assert key["enable_key_rotation"] is True
    alias = resources["aws_kms_alias"]
    assert (alias["name"], alias["provider"]) == ('"alias/trailkeep-archive"', "${aws.archive}")
    assert alias["target_key_id"] == "${aws_kms_key.archive.key_id}"
    [rule] = resources["aws_s3_bucket_server_side_encryption_configuration"]["rule"]
    assert rule["bucket_key_enabled"] is True
    [default] = rule["apply_server_side_encryption_by_default"]
    assert default["kms_master_key_id"] == "${aws_kms_key.archive.arn}"
    assert resources["aws_cloudtrail"]["kms_key_id"] == "${aws_kms_key.archive.arn}"
    [policy] = [one for one in documents if one.name == "key-policy.json"]
    assert json.loads(policy.read_text()) == _key_policy(make)
    assert not any(step.action.startswith("key.") for step in made.steps)


def test_no_guard_before_the_key() -> None:
    """Terraform attaches a guard after the key, its alias and the bucket's encryption, which it would refuse."""
    for asked, is_keyed in (({}, False), ({"archive.encryption": "sse-kms"}, True)):
        module = export_setup(config(asked), Target.TERRAFORM).files[0].text
        waits = [line for line in module.splitlines() if "depends_on = [aws_s3_account" in line]
        assert len(waits) == 3
        for needed in (
            "aws_kms_key.archive",
            "aws_kms_alias.archive",
            "aws_s3_bucket_server_side_encryption_configuration.archive",
        ):
            assert all((needed in line) is is_keyed for line in waits)
            kind, name = needed.split(".")
            assert (f'resource "{kind}" "{name}"' in module) is is_keyed


@pytest.mark.parametrize("make", [config, account_config])
def test_cloudformation_hands_the_key_over(make: Callable[[dict[str, Any]], Config]) -> None:
    """The archive's stack makes the key and gives its ARN out; the trail's stack asks for it by that name."""
    made = export_setup(make({"archive.encryption": "sse-kms"}), Target.CLOUDFORMATION)
    archive, trail = (json.loads(file.text) for file in made.files)
    arn = {"Fn::GetAtt": ["ArchiveKey", "Arn"]}
    key = archive["Resources"]["ArchiveKey"]
    assert (key["DeletionPolicy"], key["Properties"]["EnableKeyRotation"]) == ("Retain", True)
    assert key["Properties"]["KeyPolicy"] == _key_policy(make)
    assert archive["Resources"]["ArchiveKeyAlias"]["Properties"] == {
        "AliasName": "alias/trailkeep-archive",
        "TargetKeyId": {"Ref": "ArchiveKey"},
    }
    encryption = archive["Resources"]["ArchiveBucket"]["Properties"]["BucketEncryption"]
    assert encryption["ServerSideEncryptionConfiguration"] == [
        {
            "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn},
            "BucketKeyEnabled": True,
        }
    ]
    assert archive["Outputs"]["ArchiveKeyArn"]["Value"] == arn
    assert trail["Resources"]["Trail"]["Properties"]["KMSKeyId"] == {"Ref": "ArchiveKeyArn"}
    pattern = trail["Parameters"]["ArchiveKeyArn"]["AllowedPattern"]
    assert re.search(pattern, "arn:aws-us-gov:kms:us-gov-west-1:222222222222:key/mrk-0123abcd")
    assert not re.search(pattern, "arn:aws:kms:eu-central-1:222222222222:alias/trailkeep-archive")


@pytest.mark.parametrize("target", list(Target))
def test_nothing_stands_for_the_key(target: Target) -> None:
    """No export holds the plan's own words for a key that is yet to be created."""
    made = export_setup(config({"archive.encryption": "sse-kms"}), target)
    assert all(NEW_KEY not in file.text for file in made.files)
    assert all(NEW_KEY not in step.command for step in made.steps)


def _key_policy(make: Callable[[dict[str, Any]], Config]) -> Any:
    asked = make({"archive.encryption": "sse-kms"})
    drawn = draw_blueprint(asked, partition="aws", archive_account=asked.archive.account)
    return json.loads(drawn.key_policy)


def _resources(module: str) -> dict[str, dict[str, Any]]:
    """Return the last resource of each type."""
    return {
        kind.strip('"'): body
        for resource in hcl2.loads(module)["resource"]
        for kind, named in resource.items()
        for body in named.values()
    }


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
@pytest.mark.parametrize("changes", [{}, _KMS], ids=["sse-s3", "sse-kms"])
def test_the_script_does_what_apply_does(
    changes: dict[str, str], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The script, run by bash with the AWS CLI, ends in the estate in which ``apply`` ends."""
    asked = parse_config(settings(**changes))
    verbs = Verbs(sandbox, monkeypatch, tmp_path)
    verbs.write(**changes)
    verbs.armed()
    wanted = _observed(asked)
    sandbox.reset()
    _assume_environment(sandbox, monkeypatch)
    (script,) = _written(export_setup(asked, Target.CLI), tmp_path)
    _without_account_call(script, asked)
    ran = _run(script)
    assert ran.returncode == 0, ran.stderr
    assert _observed(asked) == wanted
    assert isinstance(wanted.key, Key) is (asked.archive.encryption == "sse-kms")
    assert verbs.run("plan", "--arm", "--json").ids == ["trail.update"]


@pytest.mark.sandbox
@pytest.mark.slow
@pytest.mark.skipif(not _BASH, reason="bash is not installed")
def test_no_second_key(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the alias is there already, the script stops before it makes a key, and says what to do."""
    _assume_environment(sandbox, monkeypatch)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    kms = sandbox.client("kms", LOG_ARCHIVE_ACCOUNT_ID)
    kms.create_alias(AliasName=ALIAS, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    before = {one["KeyId"] for one in kms.list_keys()["Keys"]}
    asked = parse_config(settings(**_KMS))
    (script,) = _written(export_setup(asked, Target.CLI), tmp_path)
    ran = _run(script)
    assert ran.returncode == 1
    assert f"{ALIAS} is there: use 'trailkeep apply'" in ran.stderr
    assert {one["KeyId"] for one in kms.list_keys()["Keys"]} == before


def _run(script: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_BASH, script],
        env={**os.environ, "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def _without_account_call(script: Path, asked: Config) -> None:
    """Leave to the product the one call that the AWS CLI sends to a host of the account's own name."""
    lines = script.read_text().splitlines(keepends=True)
    calls = [line for line in lines if " s3control " in line]
    assert len(calls) == 1
    script.write_text("".join(line for line in lines if line not in calls))
    blueprint = draw_blueprint(asked, partition="aws", archive_account=LOG_ARCHIVE_ACCOUNT_ID)
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


def _observed(asked: Config) -> Estate:
    """Return the estate without the ids that AWS draws and what older versions of the AWS CLI cannot say."""
    found = observe(Accounts(region="eu-central-1", role="OrganizationAccountAccessRole"), asked)
    found = _with_key_named(found)
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


def _with_key_named(found: Estate) -> Estate:
    """Return the estate with the alias in place of the ARN that KMS draws for the key."""
    if not isinstance(found.key, Key):
        return found
    text = msgspec.json.encode(found).decode().replace(found.key.arn, ALIAS)
    return msgspec.json.decode(text, type=Estate)


def _undelivered(status: TrailStatus | Unreadable) -> TrailStatus | Unreadable:
    return status if isinstance(status, Unreadable) else replace(status, latest_delivery_at=None)
