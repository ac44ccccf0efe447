"""What one observation costs: every AWS call counted, on organizations made up in memory.

The clients are boto3's own, with their paginators and checks; their calls are answered before they reach a wire.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from threading import Event, Lock
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
PAGE_OF_DOCS = Path(__file__).parent.parent.parent / "docs" / "explanation" / "api-calls.md"


class Org:
    """An organization: accounts spread evenly over units below one root, policies, trails and a bucket."""

    def __init__(self, *, accounts: int, units: int, policies: int = 10, trails: int = 1) -> None:
        self.calls: Counter[str] = Counter()
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.takes_s = 0.0
        self._never = Event()
        self.trails = [_trail(number) for number in range(trails)]
        self.elsewhere: list[dict[str, Any]] = []
        self._lock = Lock()
        self.units = [f"ou-exam-{number:08d}" for number in range(units)]
        self.members: dict[str, list[str]] = {unit: [] for unit in self.units}
        for number in range(accounts):
            identity = "222222222222" if number == 0 else f"{100_000_000_000 + number}"
            self.members[self.units[number % units]].append(identity)
        self.policies = [FULL_ACCESS, *(f"p-{number:08d}" for number in range(policies))]

    def answer(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        """Answer one call, as botocore's event before-call lets a handler do."""
        service = model.service_model.service_name
        with self._lock:
            self.calls[model.name] += 1
            self.under_way[service] += 1
            self.most[service] = max(self.most[service], self.under_way[service])
        self._never.wait(self.takes_s)
        body = params["body"]
        asked = json.loads(body) if isinstance(body, bytes) and body.startswith(b"{") else {}
        return SimpleNamespace(status_code=200, raw=None, headers={}), self._members(model.name, asked)

    def answered(self, model: Any, **_: Any) -> None:
        """Hear that a call has ended, as botocore's event after-call tells."""
        with self._lock:
            self.under_way[model.service_model.service_name] -= 1

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
            case "DescribeTrails" if asked.get("trailNameList"):
                return {
                    "trailList": [one for one in self.elsewhere if one["TrailARN"] in asked["trailNameList"]]
                }
            case "DescribeTrails":
                return {"trailList": self.trails}
            case "ListTrails":
                start = int(asked.get("NextToken") or 0)
                more = {"NextToken": str(start + 1)} if start + 1 < len(self.elsewhere) else {}
                return {"Trails": [*self.trails, *self.elsewhere[start : start + 1]], **more}
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


def _trail(number: int, region: str = "eu-central-1") -> dict[str, Any]:
    arn = f"arn:aws:cloudtrail:{region}:111111111111:trail/trail-{number}"
    return {
        "HomeRegion": region,
        "Name": f"trail-{number}",
        "TrailARN": arn,
        "HasCustomEventSelectors": True,
        "HasInsightSelectors": True,
    }


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
    "ListDelegatedAdministrators": {"DelegatedAdministrators": []},
    "GetTrailStatus": {"IsLogging": True},
    "GetEventSelectors": {},
    "GetInsightSelectors": {"InsightSelectors": []},
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
        self.regions: defaultdict[str, set[str]] = defaultdict(set)

    def _client(self, session: Any, service: str, region: str, **more: Any) -> Any:
        client = super()._client(session, service, region, **more)
        client.meta.events.register_first("before-call", self._org.answer, unique_id="org")
        client.meta.events.register("after-call", self._org.answered, unique_id="org-answered")
        self.regions[service].add(client.meta.region_name)
        return client


def _observed(org: Org, patch: pytest.MonkeyPatch) -> Estate:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        patch.delenv(name, raising=False)
    return observe(Counted(org), CONFIG)


def test_thousand_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Observing 1,000 accounts in 50 units with 10 policies of their own takes 177 calls, as the docs say."""
    org = Org(accounts=1000, units=50)
    estate = _observed(org, monkeypatch)
    assert isinstance(estate.accounts, tuple)
    assert isinstance(estate.bucket, Bucket)
    assert (len(estate.accounts), estate.archive_account) == (1000, "222222222222")
    assert org.calls.total() == 177
    assert "takes 177 calls" in PAGE_OF_DOCS.read_text()
    assert org.calls == Counter(
        {
            "ListAccountsForParent": 51,
            "ListOrganizationalUnitsForParent": 53,
            "ListPolicies": 2,
            "ListPoliciesForTarget": 6,
            "DescribePolicy": 22,
            "ListTargetsForPolicy": 20,
            "DescribeTrails": 1,
            "ListTrails": 1,
            "GetTrailStatus": 1,
            "GetEventSelectors": 1,
            "GetInsightSelectors": 1,
            "GetPublicAccessBlock": 2,
            **dict.fromkeys(_ONCE, 1),
        }
    )


_ONCE = (
    "GetCallerIdentity",
    "DescribeOrganization",
    "ListRoots",
    "ListAWSServiceAccessForOrganization",
    "ListDelegatedAdministrators",
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
    ("accounts", "units", "policies", "trails"),
    [(1, 1, 0, 0), (20, 1, 1, 1), (21, 1, 1, 5), (400, 20, 5, 1), (1000, 10, 30, 5)],
)
def test_formula(
    monkeypatch: pytest.MonkeyPatch, accounts: int, units: int, policies: int, trails: int
) -> None:
    """The cost grows with units, pages of 20 accounts, policies and trails, and with nothing else."""
    org = Org(accounts=accounts, units=units, policies=policies, trails=trails)
    _observed(org, monkeypatch)
    pages = sum(-(-len(members) // PAGE) or 1 for members in org.members.values())
    tree = (1 + pages) + (-(-units // PAGE) + units)
    controls = 2 * (-(-(policies + 1) // PAGE) + 3 + (policies + 1) + policies)
    recording = 2 + 3 * trails
    public_access = 2
    assert org.calls.total() == tree + controls + recording + public_access + len(_ONCE)


def test_one_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """One Region is asked where no trail is of another alone, and no account but the caller's and the archive."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    accounts = Counted(Org(accounts=1000, units=50))
    observe(accounts, CONFIG)
    assert {*accounts.regions} == {"sts", "organizations", "cloudtrail", "s3", "s3control"}
    assert {name: found for name, found in accounts.regions.items() if found != {"eu-central-1"}} == {
        "organizations": {"aws-global"}
    }


def test_trails_of_other_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of other Regions only those are asked that are the home of a trail which records nothing else."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    org = Org(accounts=1, units=1, policies=0)
    org.elsewhere = [_trail(1, "eu-west-1"), _trail(2, "eu-west-1"), _trail(3, "us-east-1")]
    accounts = Counted(org)
    estate = observe(accounts, CONFIG)
    assert isinstance(estate.trails_elsewhere, tuple)
    assert [(trail.name, trail.home_region) for trail in estate.trails_elsewhere] == [
        ("trail-1", "eu-west-1"),
        ("trail-2", "eu-west-1"),
        ("trail-3", "us-east-1"),
    ]
    assert (org.calls["ListTrails"], org.calls["DescribeTrails"], org.calls["GetTrailStatus"]) == (3, 3, 4)
    assert accounts.regions["cloudtrail"] == {"eu-central-1", "eu-west-1", "us-east-1"}


def test_few_calls_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most four calls to Organizations are under way at once, and of CloudTrail, which takes ten a second, one."""
    org = Org(accounts=1000, units=50, trails=5)
    org.takes_s = 0.002
    _observed(org, monkeypatch)
    assert set(org.under_way.values()) == {0}
    assert 2 <= org.most["organizations"] <= 4
    assert org.most["cloudtrail"] == 1
    assert org.most["s3"] <= 4
