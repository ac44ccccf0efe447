"""The blueprint is what the configuration means in the organization that was observed."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from estates import config, created_archive, nothing, with_facts
from trailkeep.guard.blueprint import NEW_ACCOUNT, blueprint_for
from trailkeep.guard.changes import AttachPolicy, CreatePolicy, bind
from trailkeep.guard.estate import Absent


def test_partition_comes_from_the_caller() -> None:
    """Every ARN is of the partition of the credentials, none is of another."""
    blueprint = blueprint_for(config(), with_facts(nothing(), {"caller.partition": "aws-us-gov"}))
    text = msgspec.json.encode(blueprint).decode()
    assert blueprint.trail_arn == "arn:aws-us-gov:cloudtrail:eu-central-1:111111111111:trail/trailkeep"
    assert "arn:aws:" not in text


def test_trail_region_of_its_own() -> None:
    """The trail's ARN carries its home region, which need not be the bucket's."""
    blueprint = blueprint_for(config({"trail.region": "us-east-1"}), nothing())
    assert blueprint.trail_arn == "arn:aws:cloudtrail:us-east-1:111111111111:trail/trailkeep"
    assert blueprint.bucket_region == "eu-central-1"
    assert "us-east-1" in blueprint.bucket_policy


def test_account_to_be_created() -> None:
    """An account that does not exist yet has a stand-in, which is replaced everywhere once its id is known."""
    blueprint = blueprint_for(created_archive(), replace(nothing(), archive_account=Absent()))
    assert blueprint.archive_account == NEW_ACCOUNT
    made = CreatePolicy(
        id="scp.create",
        target="x",
        account="111111111111",
        reason="",
        name="x",
        policy_type="SERVICE_CONTROL_POLICY",
        description="",
        document=blueprint.guards[0].document,
    )
    bound = bind(made, "222222222222")
    assert isinstance(bound, CreatePolicy)
    assert NEW_ACCOUNT not in bound.document
    assert "arn:aws:s3:*:222222222222:accesspoint/*" in bound.document
    attached = AttachPolicy(
        id="scp.attach",
        target=NEW_ACCOUNT,
        account="111111111111",
        reason="",
        policy_id="",
        name="x",
        target_id=NEW_ACCOUNT,
    )
    assert msgspec.structs.asdict(bind(attached, "222222222222"))["target_id"] == "222222222222"
