"""The actions on the trail: what it records, where to, and who else may change it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, assert_never

from trailkeep.aws.calls import Calls
from trailkeep.aws.session import Accounts
from trailkeep.guard.changes import (
    CreateTrail,
    PutEventSelectors,
    PutInsightSelectors,
    RegisterDelegatedAdmin,
    SetTrailKey,
    StartLogging,
    UpdateTrail,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient

__all__ = ["TrailAction", "TrailActor"]

TrailAction = (
    CreateTrail
    | UpdateTrail
    | StartLogging
    | SetTrailKey
    | PutEventSelectors
    | PutInsightSelectors
    | RegisterDelegatedAdmin
)


class TrailActor:
    """Performs actions on the trail, remembering the ARN that AWS returned."""

    def __init__(self, accounts: Accounts, calls: Calls) -> None:
        self._accounts = accounts
        self._calls = calls
        self._arns: dict[str, str] = {}

    def perform(self, action: TrailAction) -> None:
        """Perform one action on the trail, by the ARN that AWS returned."""
        match action:
            case CreateTrail() | UpdateTrail() | StartLogging():
                self._create_or_change(action)
            case SetTrailKey():
                self._set_key(action)
            case PutEventSelectors() | PutInsightSelectors():
                self._selectors(action)
            case RegisterDelegatedAdmin(member=member, region=region):
                client = self._accounts.cloudtrail(region)
                self._calls.cloudtrail(
                    "RegisterOrganizationDelegatedAdmin",
                    lambda: client.register_organization_delegated_admin(MemberAccountId=member),
                    done=("AccountRegisteredException",),
                )
            case _:
                assert_never(action)

    def _create_or_change(self, action: CreateTrail | UpdateTrail | StartLogging) -> None:
        client = self._accounts.cloudtrail(action.region)
        recorded: dict[str, Any] = {
            "IsOrganizationTrail": not isinstance(action, StartLogging) and action.is_organization_trail,
            "IsMultiRegionTrail": True,
            "IncludeGlobalServiceEvents": True,
            "EnableLogFileValidation": True,
        }
        further = {} if isinstance(action, StartLogging) else _further(client, action)
        match action:
            case CreateTrail(name=name, bucket=bucket):
                made = self._calls.cloudtrail(
                    "CreateTrail",
                    lambda: client.create_trail(Name=name, S3BucketName=bucket, **recorded, **further),
                )
                self._arns[action.target] = made["TrailARN"] if made else action.target
            case UpdateTrail(arn=arn, bucket=bucket):
                prefix: dict[str, Any] = {"S3KeyPrefix": ""} if action.clear_prefix else {}
                self._calls.cloudtrail(
                    "UpdateTrail",
                    lambda: client.update_trail(
                        Name=arn, S3BucketName=bucket, **recorded, **prefix, **further
                    ),
                )
            case StartLogging(arn=arn):
                returned = self._arns.get(arn, arn)
                self._calls.cloudtrail("StartLogging", lambda: client.start_logging(Name=returned))
            case _:
                assert_never(action)

    def _set_key(self, action: SetTrailKey) -> None:
        client = self._accounts.cloudtrail(action.region)
        arn = self._arns.get(action.arn, action.arn)
        self._calls.cloudtrail(
            "UpdateTrail",
            lambda: client.update_trail(Name=arn, KmsKeyId=action.kms_key),
        )

    def _selectors(self, action: PutEventSelectors | PutInsightSelectors) -> None:
        client = self._accounts.cloudtrail(action.region)
        arn = self._arns.get(action.arn, action.arn)
        selectors: Any = json.loads(action.document)
        match action:
            case PutEventSelectors():
                self._calls.cloudtrail(
                    "PutEventSelectors",
                    lambda: client.put_event_selectors(TrailName=arn, AdvancedEventSelectors=selectors),
                )
            case PutInsightSelectors():
                self._calls.cloudtrail(
                    "PutInsightSelectors",
                    lambda: client.put_insight_selectors(TrailName=arn, InsightSelectors=selectors),
                )
            case _:
                assert_never(action)


def _further(client: CloudTrailClient, action: CreateTrail | UpdateTrail) -> dict[str, Any]:
    """Return the settings that are asked for, without recursive logging where this SDK does not know it."""
    takes = client.meta.service_model.operation_model(type(action).__name__).input_shape
    knows_recursive = takes is not None and "RecursiveLogging" in takes.members
    named: dict[str, Any] = {
        "SnsTopicName": action.sns_topic or None,
        "CloudWatchLogsLogGroupArn": action.log_group or None,
        "CloudWatchLogsRoleArn": action.log_role or None,
        "RecursiveLogging": action.recursive_logging if knows_recursive else None,
    }
    return {name: value for name, value in named.items() if value is not None}
