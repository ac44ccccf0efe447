"""Each action has an AWS CLI command that does the same."""

from __future__ import annotations

import json
import shlex
from typing import get_args

import pytest
from msgspec.structs import replace

from estates import config, created_archive, in_force, nothing, planned, with_facts
from trailkeep.aws.describe import Printer, command
from trailkeep.core.fields import Value
from trailkeep.guard.changes import Action, bind
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Absent
from trailkeep.guard.model import apply_all

_RECORDED: dict[str, Value] = {
    "trail.data_events": ("AWS::Lambda::Function",),
    "trail.insights": ("ApiErrorRateInsight",),
    "trail.delegated_administrator": "333333333333",
}


def _every_action() -> list[Action]:
    drifted = {
        "bucket.request_payer": "Requester",
        "trails.0.prefix": "p",
        "service_control_policies.1.content": "[]",
        "trails.0.recursive_logging": True,
    }
    new = planned(created_archive(), replace(nothing(), archive_account=Absent()))
    changed = planned(
        config(), with_facts(in_force(), drifted), Allowance.LIFT_GUARDS, Allowance.REPLACE_POLICY
    )
    keyed = config({"archive.encryption": "sse-kms"})
    with_key = planned(keyed, nothing())
    unlike: dict[str, object] = {"key.policy": "{}", "key.rotates": False}
    repaired = planned(
        keyed,
        with_facts(apply_all(nothing(), with_key.actions), unlike),
        Allowance.LIFT_GUARDS,
        Allowance.REPLACE_POLICY,
    )
    recorded = planned(config(_RECORDED), in_force())
    return [*new.actions, *changed.actions, *with_key.actions, *repaired.actions, *recorded.actions]


def test_every_kind_of_action_is_described() -> None:
    """No kind of action is left out, and each command is one line that a shell reads as arguments."""
    actions = _every_action()
    assert {type(action) for action in actions} == set(get_args(Action))
    for action in actions:
        line = Printer().perform(action)
        assert "\n" not in line
        assert shlex.split(line)[:2] in [
            ["aws", name] for name in ("s3api", "cloudtrail", "organizations", "kms", "s3control")
        ]


@pytest.mark.parametrize(
    ("action_id", "expected"),
    [
        (
            "account.create",
            (
                "aws organizations create-account --account-name log-archive --email logs@example.com "
                "--role-name OrganizationAccountAccessRole"
            ),
        ),
        (
            "trail.update",
            (
                "aws cloudtrail update-trail --name arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep "
                "--s3-bucket-name acme-trail-archive --is-organization-trail --is-multi-region-trail "
                "--include-global-service-events --enable-log-file-validation --s3-key-prefix '' "
                "--no-recursive-logging --region eu-central-1"
            ),
        ),
        (
            "trail.event_selectors",
            (
                "aws cloudtrail put-event-selectors "
                "--trail-name arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep "
                '--advanced-event-selectors \'[{"FieldSelectors":[{"Equals":["Management"],"Field":"eventCategory"}],'
                '"Name":"Management events"},{"FieldSelectors":[{"Equals":["Data"],"Field":"eventCategory"},'
                '{"Equals":["AWS::Lambda::Function"],"Field":"resources.type"}],'
                '"Name":"Data events of AWS::Lambda::Function"}]\' --region eu-central-1'
            ),
        ),
        (
            "trail.insights",
            (
                "aws cloudtrail put-insight-selectors "
                "--trail-name arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep "
                '--insight-selectors \'[{"EventCategories":["Management"],"InsightType":"ApiErrorRateInsight"}]\' '
                "--region eu-central-1"
            ),
        ),
        (
            "bucket.request_payment",
            (
                "aws s3api put-bucket-request-payment --bucket acme-trail-archive "
                "--expected-bucket-owner 222222222222 "
                "--request-payment-configuration Payer=BucketOwner --region eu-central-1"
            ),
        ),
        (
            "trail.encryption",
            (
                "aws cloudtrail update-trail --name arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep "
                "--kms-key-id '<archive key>' --region eu-central-1"
            ),
        ),
        (
            "bucket.encryption",
            (
                "aws s3api put-bucket-encryption --bucket acme-trail-archive "
                "--expected-bucket-owner 222222222222 --server-side-encryption-configuration "
                '\'{"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", '
                '"KMSMasterKeyID": "<archive key>"}, "BucketKeyEnabled": true}]}\' --region eu-central-1'
            ),
        ),
        ("scp.detach", "aws organizations detach-policy --policy-id p-created0 --target-id 222222222222"),
    ],
)
def test_command(action_id: str, expected: str) -> None:
    """The command names everything that the action would use."""
    assert next(command(action) for action in _every_action() if action.id == action_id) == expected


def test_document_is_the_one_that_is_put() -> None:
    """The printed bucket policy is the document of the action, to the byte."""
    action = next(action for action in _every_action() if action.id == "bucket.policy")
    arguments = shlex.split(command(bind(action, "222222222222")))
    assert json.loads(arguments[arguments.index("--policy") + 1])["Version"] == "2012-10-17"
    assert "<archive account>" not in command(bind(action, "222222222222"))
