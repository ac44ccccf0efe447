"""What one observation costs: every AWS call counted, on organizations made up in memory.

The clients are boto3's own, with their paginators and checks; their calls are answered before they reach a wire.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from itertools import chain
from threading import Lock
from types import SimpleNamespace
from typing import Any

import pytest

from guard_verbs import BUCKET, settings
from trailkeep.aws.observe import observe
from trailkeep.aws.session import Accounts
from trailkeep.core.config import parse_config
from trailkeep.guard.estate import Bucket, Estate

CONFIG = parse_config(settings())
PAGE = 20  # the most that Organizations returns at once
ROOT = "r-exam"
FULL_ACCESS = "p-FullAWSAccess"


class Org:
    """An organization: accounts spread evenly over units below one root, policies, a trail and its bucket."""

    def __init__(self, *, accounts: int, units: int, policies: int = 10) -> None:
        self.calls: Counter[str] = Counter()
        self._lock = Lock()
        self.units = [f"ou-exam-{number:08d}" for number in range(units)]
        self.members: dict[str, list[str]] = {unit: [] for unit in self.units}
        for number in range(accounts):
            identity = "222222222222" if number == 0 else f"{100_000_000_000 + number}"
            self.members[self.units[number % units]].append(identity)
        self.policies = [FULL_ACCESS, *(f"p-{number:08d}" for number in range(policies))]

    def answer(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        """Answer one call, as botocore's event before-call lets a handler do."""
        with self._lock:
            self.calls[model.name] += 1
        body = params["body"]
        asked = json.loads(body) if isinstance(body, bytes) and body.startswith(b"{") else {}
        return SimpleNamespace(status_code=200, raw=None, headers={}), self._members(model.name, asked)

    def _members(self, name: str, asked: dict[str, Any]) -> dict[str, Any]:
        match name:
            case "ListAccountsForParent":
                found = [_account(one) for one in self.members.get(asked["ParentId"], [])]
                return _page("Accounts", found, asked)
            case "ListOrganizationalUnitsForParent":
                units = self.units if asked["ParentId"] == ROOT else []
                return _page("OrganizationalUnits", [{"Id": unit, "Name": unit} for unit in units], asked)
            case "ListPolicies":
                return _page("Policies", [self._policy(one) for one in self.policies], asked)
            case "ListPoliciesForTarget":
                return _page("Policies", [self._policy(FULL_ACCESS)], asked)
            case "ListTargetsForPolicy":
                targets = [ROOT, *self.units, *chain.from_iterable(self.members.values())]
                own = targets if asked["PolicyId"] == FULL_ACCESS else [ROOT]
                return _page("Targets", [{"TargetId": one} for one in own], asked)
            case _:
                return _SIMPLE[name]

    @staticmethod
    def _policy(identity: str) -> dict[str, Any]:
        return {"Id": identity, "Name": identity, "AwsManaged": identity == FULL_ACCESS}


def _account(identity: str) -> dict[str, str]:
    return {"Id": identity, "Name": identity, "Email": f"{identity}@example.com", "Status": "ACTIVE"}


def _page(key: str, found: list[dict[str, Any]], asked: dict[str, Any]) -> dict[str, Any]:
    start = int(asked.get("NextToken") or 0)
    more = {"NextToken": str(start + PAGE)} if len(found) > start + PAGE else {}
    return {key: found[start : start + PAGE], **more}


_ARN = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/trailkeep"
_TRAIL = {"Name": "trailkeep", "TrailARN": _ARN, "HasCustomEventSelectors": True}
_ORGANIZATION = {"Id": "o-exampleorgid", "MasterAccountId": "111111111111", "FeatureSet": "ALL"}
_CREDENTIALS = {
    "AccessKeyId": "A",
    "SecretAccessKey": "S",
    "SessionToken": "T",
    "Expiration": datetime(2099, 1, 1, tzinfo=UTC),
}
_SIMPLE: dict[str, dict[str, Any]] = {
    "GetCallerIdentity": {"Arn": "arn:aws:iam::111111111111:user/admin"},
    "DescribeOrganization": {"Organization": _ORGANIZATION},
    "ListRoots": {"Roots": [{"Id": ROOT, "PolicyTypes": []}]},
    "ListAWSServiceAccessForOrganization": {"EnabledServicePrincipals": []},
    "DescribePolicy": {"Policy": {"Content": "{}"}},
    "DescribeTrails": {"trailList": [_TRAIL]},
    "GetTrailStatus": {"IsLogging": True},
    "GetEventSelectors": {},
    "AssumeRole": {"Credentials": _CREDENTIALS},
    "ListBuckets": {"Buckets": [{"Name": BUCKET}]},
    "GetBucketLocation": {"LocationConstraint": "eu-central-1"},
    "GetBucketVersioning": {"Status": "Enabled"},
    "GetPublicAccessBlock": {"PublicAccessBlockConfiguration": {}},
    "GetBucketOwnershipControls": {"OwnershipControls": {"Rules": []}},
    "GetObjectLockConfiguration": {},
    "GetBucketPolicy": {"Policy": "{}"},
    "GetBucketTagging": {"TagSet": []},
    "GetBucketEncryption": {"ServerSideEncryptionConfiguration": {"Rules": [{}]}},
    "GetBucketLifecycleConfiguration": {"Rules": []},
    "GetBucketRequestPayment": {"Payer": "BucketOwner"},
}


class Counted(Accounts):
    """Accounts whose clients are answered by an organization in memory."""

    def __init__(self, org: Org) -> None:
        super().__init__(region="eu-central-1", role="Role")
        self._org = org

    def _client(self, session: Any, service: str, region: str, **more: Any) -> Any:
        client = super()._client(session, service, region, **more)
        client.meta.events.register_first("before-call", self._org.answer, unique_id="org")
        return client


def _observed(org: Org, patch: pytest.MonkeyPatch) -> Estate:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        patch.delenv(name, raising=False)
    return observe(Counted(org), CONFIG)


def test_thousand_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Observing 1,000 accounts in 50 units with 10 policies of their own takes 174 calls, in however many Regions."""
    org = Org(accounts=1000, units=50)
    estate = _observed(org, monkeypatch)
    assert isinstance(estate.accounts, tuple)
    assert isinstance(estate.bucket, Bucket)
    assert (len(estate.accounts), estate.archive_account) == (1000, "222222222222")
    assert org.calls.total() == 174
    assert org.calls == Counter(
        {
            "ListAccountsForParent": 51,
            "ListOrganizationalUnitsForParent": 53,
            "ListPolicies": 2,
            "ListPoliciesForTarget": 6,
            "DescribePolicy": 22,
            "ListTargetsForPolicy": 20,
            "DescribeTrails": 1,
            "GetTrailStatus": 1,
            "GetEventSelectors": 1,
            "GetPublicAccessBlock": 2,
            **dict.fromkeys(_ONCE, 1),
        }
    )


_ONCE = (
    "GetCallerIdentity",
    "DescribeOrganization",
    "ListRoots",
    "ListAWSServiceAccessForOrganization",
    "AssumeRole",
    "ListBuckets",
    "GetBucketLocation",
    "GetBucketVersioning",
    "GetBucketTagging",
    "GetBucketOwnershipControls",
    "GetObjectLockConfiguration",
    "GetBucketPolicy",
    "GetBucketEncryption",
    "GetBucketLifecycleConfiguration",
    "GetBucketRequestPayment",
)


@pytest.mark.parametrize(
    ("accounts", "units", "policies"), [(1, 1, 0), (20, 1, 1), (21, 1, 1), (400, 20, 5), (1000, 10, 30)]
)
def test_formula(monkeypatch: pytest.MonkeyPatch, accounts: int, units: int, policies: int) -> None:
    """The cost grows with units, pages of 20 accounts and policies, and with nothing else."""
    org = Org(accounts=accounts, units=units, policies=policies)
    _observed(org, monkeypatch)
    pages = sum(-(-len(members) // PAGE) or 1 for members in org.members.values())
    tree = (1 + pages) + (-(-units // PAGE) + units)
    controls = 2 * (-(-(policies + 1) // PAGE) + 3 + (policies + 1) + policies)
    assert org.calls.total() == tree + controls + 5 + len(_ONCE)
