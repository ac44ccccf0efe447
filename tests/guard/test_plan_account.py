"""The plan for one account's own archive: what holds for every account, and what is said beside the plan."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_estates import ALONE, account_config, account_in_force, account_nothing
from estates import config, in_force, planned, with_facts
from trailkeep.core.config import Config
from trailkeep.core.errors import UsageError
from trailkeep.core.verdict import ExitCode
from trailkeep.guard.account_limits import PROBED, not_probed
from trailkeep.guard.arrival import Arrival, awaited_accounts, describe, refusal
from trailkeep.guard.blueprint import blueprint_for, draw_blueprint
from trailkeep.guard.changes import (
    Action,
    AttachPolicy,
    CreateAccount,
    CreatePolicy,
    CreateTrail,
    EnablePolicyType,
    EnableTrustedAccess,
    PutAccountPublicAccessBlock,
    RegisterDelegatedAdmin,
    UpdateTrail,
)
from trailkeep.guard.decisions import Allowance
from trailkeep.guard.estate import Bucket, Estate, ObjectLock, Unasked
from trailkeep.guard.irreversible import irreversibility_sheet, sheet_lines
from trailkeep.guard.model import apply_all
from trailkeep.guard.retire import retirement

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_OF_AN_ORGANIZATION = (
    AttachPolicy
    | CreateAccount
    | CreatePolicy
    | EnablePolicyType
    | EnableTrustedAccess
    | PutAccountPublicAccessBlock
    | RegisterDelegatedAdmin
)
_ABSENT = {"fact": "Absent"}
_UNREADABLE = {"fact": "Unreadable", "call": "service:Operation", "error": "AccessDenied: no"}
_FOREIGN = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Deny", "Effect": "Deny", "Principal": "*", "Action": "s3:Put*", "Resource": "*"},
            {
                "Sid": "Vendor",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::prod-trail-archive/*",
            },
        ],
    }
)
_KEY = f"arn:aws:kms:eu-central-1:{ALONE}:key/1"
_FACTS = {
    "caller.arn": st.sampled_from([f"arn:aws:iam::{ALONE}:root", f"arn:aws:iam::{ALONE}:user/eve"]),
    "trails": st.sampled_from([_UNREADABLE, []]),
    "trails.0.bucket": st.sampled_from(["prod-trail-archive", "another"]),
    "trails.0.prefix": st.sampled_from(["", "logs"]),
    "trails.0.is_multi_region": st.booleans(),
    "trails.0.validates_logs": st.booleans(),
    "trails.0.kms_key": st.sampled_from(["", _KEY]),
    "trails.0.sns_topic": st.sampled_from(["", f"arn:aws:sns:eu-central-1:{ALONE}:of-others"]),
    "trails.0.insight_selectors": st.sampled_from([_ABSENT, _UNREADABLE]),
    "trails.0.recursive_logging": st.sampled_from([True, False, None]),
    "trails.0.status": st.just(_UNREADABLE),
    "bucket": st.sampled_from([_ABSENT, _UNREADABLE]),
    "bucket.versioning": st.sampled_from(["", "Suspended", "Enabled", _UNREADABLE]),
    "bucket.public_access_block": st.sampled_from([_ABSENT, _UNREADABLE]),
    "bucket.ownership": st.sampled_from(["ObjectWriter", _ABSENT, _UNREADABLE]),
    "bucket.object_lock": st.one_of(
        st.sampled_from([_ABSENT, _UNREADABLE]),
        st.builds(
            lambda mode, days: {"fact": "ObjectLock", "mode": mode, "days": days if mode else 0},
            st.sampled_from(["", "GOVERNANCE", "COMPLIANCE"]),
            st.integers(1, 4000),
        ),
    ),
    "bucket.policy": st.sampled_from([_ABSENT, _UNREADABLE, "{", _FOREIGN]),
    "bucket.lifecycle": st.sampled_from([_ABSENT, _UNREADABLE, "[]"]),
    "bucket.tags": st.sampled_from([_ABSENT, _UNREADABLE]),
    "bucket.request_payer": st.sampled_from(["Requester", _UNREADABLE]),
    "account_public_access_block": st.sampled_from([_ABSENT, _UNREADABLE]),
}
_ALLOW = st.sets(st.sampled_from(list(Allowance))).map(sorted)


@st.composite
def _estates(draw: st.DrawFn) -> Estate:
    """Return the finished account with some facts changed, or one where nothing was done."""
    if draw(st.integers(0, 9)) == 0:
        return account_nothing()
    keys = draw(st.sets(st.sampled_from(sorted(_FACTS)), max_size=6))
    whole = {key.split(".")[0] for key in keys if "." not in key}
    return with_facts(
        account_in_force(),
        {key: draw(_FACTS[key]) for key in sorted(keys) if "." not in key or key.split(".")[0] not in whole},
    )


_CONFIGS = st.builds(
    lambda days, mode, encryption, later, data, insights, readers: account_config(
        {
            "retention.days": days,
            "retention.lock_mode": mode,
            "archive.encryption": encryption,
            "archive.lifecycle_expire_days": days + later if later else 0,
            "archive.readers": readers,
            "trail.data_events": data,
            "trail.insights": insights,
        }
    ),
    st.integers(1, 4000),
    st.sampled_from(["GOVERNANCE", "COMPLIANCE"]),
    st.sampled_from(["sse-s3", "sse-kms"]),
    st.sampled_from([0, 0, 1, 500]),
    st.sampled_from([(), ("AWS::S3::Object",)]),
    st.sampled_from([(), ("ApiCallRateInsight",)]),
    st.sampled_from([(), ("arn:aws:iam::444444444444:role/audit",)]),
)


@given(_estates(), _CONFIGS, _ALLOW)
def test_nothing_is_left_to_do_after_a_plan(estate: Estate, settings: Config, allow: list[Allowance]) -> None:
    """Planning again after a plan was performed finds no action, whatever the account looked like."""
    first = planned(settings, estate, *allow)
    assert planned(settings, apply_all(estate, first.actions), *allow).actions == ()


@given(_estates(), _CONFIGS, _ALLOW)
def test_no_organization_is_touched(estate: Estate, settings: Config, allow: list[Allowance]) -> None:
    """Whatever is done or blocked is done in the account, and is nothing that an organization decides."""
    plan = planned(settings, estate, *allow)
    asked = [*plan.actions, *(blocked.action for blocked in plan.blocked)]
    assert {action.account for action in asked} <= {ALONE}
    assert not any(isinstance(action, _OF_AN_ORGANIZATION) for action in asked)
    assert not any(_is_organizations(action) for action in asked)


def _is_organizations(action: Action) -> bool:
    return isinstance(action, CreateTrail | UpdateTrail) and action.is_organization_trail


@given(_estates(), _CONFIGS)
def test_nothing_is_weakened_without_being_allowed_to(estate: Estate, settings: Config) -> None:
    """Without an allowance nothing is destructive, and no lock gets weaker."""
    plan = planned(settings, estate)
    assert not any(action.destructive for action in plan.actions)
    assert _lock(apply_all(estate, plan.actions)) >= _lock(estate)


def _lock(estate: Estate) -> tuple[int, int]:
    lock = estate.bucket.object_lock if isinstance(estate.bucket, Bucket) else None
    if not isinstance(lock, ObjectLock):
        return (0, 0)
    return (["", "GOVERNANCE", "COMPLIANCE"].index(lock.mode), lock.days)


def test_estates_of_the_other_mode() -> None:
    """What was observed of an organization is not planned on for one account, nor the other way round."""
    alone = with_facts(in_force(), {"caller.account": ALONE})
    with pytest.raises(
        UsageError, match=r"^estate: expected what was observed of one account, got it of an organization"
    ):
        planned(account_config(), alone)
    lonely = with_facts(account_nothing(), {"caller.account": "111111111111"})
    with pytest.raises(
        UsageError, match=r"^estate: expected what was observed of an organization, got it of one account"
    ):
        planned(config(), lonely)


def test_lock_and_denies_wait_for_arming() -> None:
    """Without --arm one account gets all but lock and denies, which wait for a log of the account."""
    plan = planned(account_config(), account_nothing(), arm=False)
    assert [(one.action.id, one.reason) for one in plan.waiting] == [
        ("bucket.object_lock", "add --arm once a log of the account has arrived"),
        ("bucket.policy.arm", "add --arm once a log of the account has arrived"),
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "only COMPLIANCE holds against them"),
        (
            {"retention.lock_mode": "COMPLIANCE"},
            "they cannot delete or change a log that was delivered under",
        ),
        ({"archive.encryption": "sse-kms"}, "they can disable the key or schedule its deletion"),
    ],
)
def test_what_stays_possible_is_said(changes: dict[str, Any], said: str) -> None:
    """The plan and the sheet say what the account's own administrators can still do, at exit code 0."""
    settings = account_config(changes)
    estate = apply_all(account_nothing(), planned(settings, account_nothing()).actions)
    plan = planned(settings, estate)
    assert plan.exit_code is ExitCode.OK
    assert "can stop, change or delete the trail" in plan.unguarded[0]
    assert any(said in limit for limit in plan.unguarded)
    sheet = irreversibility_sheet(blueprint_for(settings, estate), estate, (), now=NOW)
    assert sheet.unguarded == plan.unguarded
    assert f"  - {plan.unguarded[0]}" in list(sheet_lines(sheet))


def test_an_organization_has_no_such_limits() -> None:
    """An archive that organization policies guard has nothing to say of its own administrators."""
    assert planned(config(), in_force()).unguarded == ()


def test_retiring_names_no_organization() -> None:
    """Giving the archive of one account up touches neither policies nor trusted access."""
    blueprint = draw_blueprint(account_config(), partition="aws", archive_account=ALONE)
    found = retirement(blueprint, account_in_force(), now=NOW)
    assert found.locked_until == "2027-02-06T03:04:05Z"
    assert f"leave account {ALONE} open at least until 2027-02-06T03:04:05Z" in found.by_hand
    assert not any("guard" in line or "trusted access" in line for line in (*found.by_hand, *found.outlives))


def test_the_accounts_own_log_is_awaited() -> None:
    """One account awaits a log of itself, and says so."""
    blueprint = draw_blueprint(account_config(), partition="aws", archive_account=ALONE)
    assert awaited_accounts(blueprint, account_nothing()) == (ALONE,)
    none = Arrival(awaited=(ALONE,), of_member=False)
    assert describe(none) == "no log of the account has arrived yet"
    assert "expected the account's log before the archive is armed, got none" in refusal(blueprint, none)
    arrived = Arrival(awaited=(ALONE,), account=ALONE, key="a-log", of_member=False)
    assert describe(arrived) == f"a log of account {ALONE} has arrived: a-log"
    assert refusal(blueprint, arrived) == ""


def test_what_is_not_probed() -> None:
    """Each call that nothing refuses is named, and so is a lock that no log is under yet."""
    blueprint = draw_blueprint(account_config(), partition="aws", archive_account=ALONE)
    assert not_probed(blueprint, [*PROBED, "s3:HeadObject"]) == ()
    left = not_probed(blueprint, ["s3:DeleteObjectVersion"])
    assert [line.split(":")[1] for line in left[:-1]] == [
        "PutObjectRetention",
        "PutObjectLegalHold",
        "PutObject",
        "AbortMultipartUpload",
    ]
    assert not_probed(blueprint, ["s3:GetBucketPolicy", "s3:HeadObject"]) == ()
    assert left[-1].startswith("the lock: no log was seen under it yet")
    assert not_probed(blueprint, PROBED) == left[-1:]
    of_organization = draw_blueprint(config(), partition="aws", archive_account="222222222222")
    assert not_probed(of_organization, PROBED) == left[-1:]
    assert not_probed(of_organization, [*PROBED, "s3:HeadObject"]) == ()


def test_blueprint_of_one_account() -> None:
    """One account is the owner of trail and bucket, its policy has no organization, and there are no guards."""
    blueprint = draw_blueprint(account_config(), partition="aws", archive_account=ALONE)
    assert not blueprint.is_of_organization
    assert (blueprint.management_account, blueprint.archive_account) == (ALONE, ALONE)
    assert blueprint.guards == ()
    assert "AWSCloudTrailOrganizationWrite20150319" not in blueprint.bucket_policy
    assert blueprint.trail_arn == f"arn:aws:cloudtrail:eu-central-1:{ALONE}:trail/trailkeep"
    assert isinstance(account_nothing().organization, Unasked)
