"""The synthetic activity: a seed decides it, CloudTrail could have written it, and the story in it holds together."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from base64 import b32decode
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trailkeep.core.errors import UsageError
from trailkeep.sandbox.events import Activity, Beat, OrganizationShape, Story, activity, story

MONDAY = datetime(2026, 5, 4, tzinfo=UTC)
SHAPE = OrganizationShape()
SEED = 7
DAYS = 7
ORDER = (
    *(
        "eventVersion",
        "userIdentity",
        "eventTime",
        "eventSource",
        "eventName",
        "awsRegion",
        "sourceIPAddress",
    ),
    *(
        "userAgent",
        "errorCode",
        "errorMessage",
        "requestParameters",
        "responseElements",
        "additionalEventData",
    ),
    *("requestID", "eventID", "readOnly", "resources", "eventType", "apiVersion", "managementEvent"),
    *("recipientAccountId", "sharedEventID", "vpcEndpointId", "vpcEndpointAccountId", "serviceEventDetails"),
    *("eventCategory", "tlsDetails", "sessionCredentialFromConsole"),
)
ALWAYS = {
    *(
        "eventVersion",
        "userIdentity",
        "eventTime",
        "eventSource",
        "eventName",
        "awsRegion",
        "sourceIPAddress",
    ),
    *("userAgent", "requestParameters", "responseElements", "eventID", "readOnly", "eventType"),
    *("managementEvent", "recipientAccountId", "eventCategory"),
}
Record = dict[str, Any]


@pytest.fixture(scope="module")
def week() -> list[Activity]:
    """One week of a small organization, with the story."""
    return list(activity(SHAPE, seed=SEED, starts_at=MONDAY, days=DAYS, events_per_day=2000))


@pytest.fixture(scope="module")
def records(week: list[Activity]) -> list[Record]:
    """The same week, parsed."""
    return [json.loads(event.record) for event in week]


@pytest.fixture(scope="module")
def plot() -> Story:
    """The story of that week."""
    return story(SHAPE, SEED, MONDAY, DAYS)


def _hash(events: Iterator[Activity]) -> str:
    return sha256(b"\n".join(event.record for event in events)).hexdigest()


def _start(seed: int) -> Iterator[Activity]:
    return islice(activity(SHAPE, seed=seed, starts_at=MONDAY, days=200, events_per_day=2000), 2000)


def test_a_seed_decides_every_byte() -> None:
    """The same seed gives the same bytes, also in another process with another hash seed; another seed does not."""
    script = (
        "import sys; from datetime import UTC, datetime; from hashlib import sha256; from itertools import islice\n"
        "from trailkeep.sandbox.events import OrganizationShape, activity\n"
        f"events = activity(OrganizationShape(), seed={SEED}, starts_at=datetime(2026, 5, 4, tzinfo=UTC), "
        "days=200, events_per_day=2000)\n"
        "print(sha256(b'\\n'.join(e.record for e in islice(events, 2000))).hexdigest())"
    )
    environment = {"PYTHONHASHSEED": "4711", "PYTHONPATH": ":".join(sys.path)}
    elsewhere = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, check=True, text=True
    )
    assert elsewhere.stdout.strip() == _hash(_start(SEED))
    assert _hash(_start(SEED)) != _hash(_start(SEED + 1))


def test_events_come_in_order_and_within_the_days_asked_for(week: list[Activity]) -> None:
    """Events are ordered by whole seconds, from the start to before the end."""
    times = [event.occurred_at for event in week]
    assert times == sorted(times)
    assert times[0] >= MONDAY
    assert times[-1] < MONDAY + timedelta(days=DAYS)
    assert all(time.microsecond == 0 and time.tzinfo is UTC for time in times)


@pytest.mark.parametrize(("days", "events_per_day"), [(1, 3000), (3, 900), (30, 60)])
@pytest.mark.parametrize("told", [True, False])
def test_as_many_events_as_asked(days: int, events_per_day: int, told: bool) -> None:  # noqa: FBT001 - a parameter
    """The number of events is the number asked for, to within two percent, story or not."""
    events = activity(SHAPE, seed=1, starts_at=MONDAY, days=days, events_per_day=events_per_day, story=told)
    assert sum(1 for _ in events) == pytest.approx(days * events_per_day, rel=0.02)


@given(
    seed=st.integers(0, 2**32),
    starts_at=st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    days=st.integers(1, 4),
    events_per_day=st.integers(1, 150),
)
@settings(max_examples=15, deadline=None)
def test_any_run_is_ordered_and_complete(
    seed: int, starts_at: datetime, days: int, events_per_day: int
) -> None:
    """Whatever the arguments, events are in order, in range, unique, and hold the whole story."""
    events = list(activity(SHAPE, seed=seed, starts_at=starts_at, days=days, events_per_day=events_per_day))
    times = [event.occurred_at for event in events]
    assert times == sorted(times)
    assert starts_at.replace(microsecond=0) <= times[0] <= times[-1] < starts_at + timedelta(days=days)
    assert len({json.loads(event.record)["eventID"] for event in events}) == len(events)
    assert set(story(SHAPE, seed, starts_at, days).events) <= set(events)


def test_every_record_is_one_that_cloudtrail_could_have_written(week: list[Activity]) -> None:
    """Records are compact JSON with CloudTrail's fields in CloudTrail's order, filed where they say they belong."""
    for event in week:
        record = json.loads(event.record)
        assert event.record == json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()
        assert list(record) == [field for field in ORDER if field in record]
        assert set(record) >= ALWAYS
        assert record["recipientAccountId"] == event.account_id
        assert record["awsRegion"] == event.region
        assert record["eventTime"] == f"{event.occurred_at:%Y-%m-%dT%H:%M:%SZ}"
        assert ("requestID" in record) is (record["eventType"] == "AwsApiCall")
        assert record["managementEvent"] is (record["eventCategory"] == "Management")


def test_fields_appear_only_in_versions_that_know_them(records: list[Record]) -> None:
    """The owner of a VPC endpoint needs event version 1.09, the key exchange 1.11; all of 1.08 to 1.11 occur."""
    versions = Counter(record["eventVersion"] for record in records)
    assert set(versions) == {"1.08", "1.09", "1.10", "1.11"}
    assert all("vpcEndpointAccountId" not in record for record in records if record["eventVersion"] == "1.08")
    exchanges = [record for record in records if "keyExchange" in record.get("tlsDetails", {})]
    assert exchanges
    assert all(record["eventVersion"] == "1.11" for record in exchanges)


def test_event_ids_are_unique(records: list[Record]) -> None:
    """No two records share an eventID."""
    assert len({record["eventID"] for record in records}) == len(records)


def test_global_services_are_recorded_in_us_east_1(records: list[Record]) -> None:
    """IAM, Organizations and console sign-in are recorded in us-east-1, wherever the caller is."""
    is_global = {"iam.amazonaws.com", "organizations.amazonaws.com", "ce.amazonaws.com"}
    seen = [r for r in records if r["eventSource"] in is_global or r["eventName"] == "ConsoleLogin"]
    assert {record["awsRegion"] for record in seen} == {"us-east-1"}


def test_console_and_services_leave_their_marks(records: list[Record]) -> None:
    """A service that calls for somebody is its source address and has no TLS; the console marks its own, a key each."""
    for record in records:
        through = record["userIdentity"].get("invokedBy")
        if through:
            assert record["sourceIPAddress"] == record["userAgent"] == through
            assert "tlsDetails" not in record
    console = [record for record in records if "sessionCredentialFromConsole" in record]
    assert console
    assert all(record["sessionCredentialFromConsole"] == "true" for record in console)
    assert len({record["userIdentity"]["accessKeyId"] for record in console}) == len(console)


@pytest.mark.parametrize(
    "mark",
    [
        *(
            "onBehalfOf",
            "inScopeOf",
            "sourceIdentity",
            "webIdFederationData",
            "ec2RoleDelivery",
            "credentialId",
        ),
        *("vpcEndpointId", "serviceEventDetails", "HIDDEN_DUE_TO_SECURITY_REASONS", "externalId", "Zürich"),
        *("ThrottlingException", "Client.UnauthorizedOperation", "NoSuchEntityException", "2001:db8:"),
        *("AWSReservedSSO_", "AssumeRoleWithWebIdentity", "GetRoleCredentials", '"type":"Root"'),
    ],
)
def test_a_week_holds_the_variety_of_a_real_organization(week: list[Activity], mark: str) -> None:
    """Every kind of identity, error and address that investigators meet occurs within a week."""
    assert any(mark.encode() in event.record for event in week)


def test_access_keys_name_their_account(records: list[Record]) -> None:
    """The account of an access key can be read from the key, as with AWS's own."""
    identities = [record["userIdentity"] for record in records]
    keyed = [(who["accessKeyId"], who["accountId"]) for who in identities if who.get("accessKeyId")]
    assert keyed
    for key, account_id in keyed:
        assert int.from_bytes(b32decode(key[4:])[:6]) >> 7 & (1 << 40) - 1 == int(account_id)


def test_a_role_has_one_unique_id(records: list[Record]) -> None:
    """Whoever holds a session of a role, the role's unique id is the same, and no two roles share one."""
    ids = defaultdict(set)
    for record in records:
        issuer = record["userIdentity"].get("sessionContext", {}).get("sessionIssuer")
        if issuer:
            ids[issuer["arn"]].add(issuer["principalId"])
    assert all(len(found) == 1 for found in ids.values())
    assert len(set.union(*ids.values())) == len(ids)


def _issued(records: list[Record]) -> dict[str, tuple[datetime, datetime]]:
    """Return when each session key was issued and when it expires."""
    spans = {}
    for record in records:
        credentials = (record["responseElements"] or {}).get("credentials")
        if credentials:
            begin = datetime.fromisoformat(record["eventTime"])
            lasts = timedelta(seconds=record["requestParameters"]["durationSeconds"])
            spans[credentials["accessKeyId"]] = (begin, begin + lasts)
    return spans


@pytest.mark.parametrize("events_per_day", [2_000, 400_000])
def test_session_keys_are_used_after_they_are_issued_and_before_they_expire(events_per_day: int) -> None:
    """A recorded assumption issued every session key that Identity Center did not vend nor the console mint."""
    events = activity(SHAPE, seed=SEED, starts_at=MONDAY, days=DAYS, events_per_day=events_per_day)
    records = [json.loads(event.record) for event in islice(events, 5_000)]
    issued = _issued(records)
    followed = 0
    for record in records:
        who = record["userIdentity"]
        key = who.get("accessKeyId", "")
        if not key.startswith("ASIA") or "AWSReservedSSO_" in who["arn"]:
            continue
        begin, end = issued[key]
        assert begin <= datetime.fromisoformat(record["eventTime"]) < end
        assert who["sessionContext"]["attributes"]["creationDate"] == f"{begin:%Y-%m-%dT%H:%M:%SZ}"
        followed += 1
    assert followed > len(records) / 3


def test_an_assumption_across_accounts_is_recorded_in_both(records: list[Record]) -> None:
    """Caller and owner of the role each hold a copy with its own eventID, joined by sharedEventID."""
    copies = defaultdict(list)
    for record in records:
        if record["eventName"] == "AssumeRole" and "sharedEventID" in record:
            copies[record["sharedEventID"]].append(record)
    pairs = [pair for pair in copies.values() if len(pair) == 2]
    vendors = [only for [only] in (copy for copy in copies.values() if len(copy) == 1)]
    assert len(pairs) > 20
    for mine, theirs in pairs:
        assert mine["recipientAccountId"] != theirs["recipientAccountId"]
        assert mine["responseElements"] == theirs["responseElements"]
        assert mine["requestID"] == theirs["requestID"]
        assert theirs["userIdentity"]["type"] == "AWSAccount"
        assert theirs["userIdentity"]["accountId"] == mine["recipientAccountId"]
    assert {record["userIdentity"]["accountId"] for record in vendors} == {"808080808080"}


def test_people_work_by_day_and_machines_always(week: list[Activity], records: list[Record]) -> None:
    """People are busy in office hours on weekdays; machines are as busy at night."""
    people: Counter[str] = Counter()
    machines: Counter[str] = Counter()
    for event, record in zip(week, records, strict=True):
        weekend = event.occurred_at.weekday() >= 5
        when = "weekend" if weekend else "day" if 8 <= event.occurred_at.hour < 16 else "night"
        is_person = "AWSReservedSSO_" in record["userIdentity"].get("arn", "")
        (people if is_person else machines)[when] += 1
    assert people["day"] / 5 > 3 * people["weekend"] / 2
    assert people["day"] > 2 * people["night"]
    assert machines["night"] > machines["day"]


def test_memory_does_not_grow_with_the_number_of_events() -> None:
    """After twenty-five thousand events no more memory is in use than after five thousand."""
    events = activity(SHAPE, seed=1, starts_at=MONDAY, days=200, events_per_day=2500)
    used = []
    for count in (5_000, 20_000):
        for _ in islice(events, count):
            pass
        gc.collect()
        used.append(sys.getallocatedblocks())
    assert used[1] - used[0] < 2_000


def test_the_story_lies_half_a_year_back() -> None:
    """In a run of 200 days that ends today, the intrusion lies more than 180 days back, at night."""
    today = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
    plot = story(SHAPE, SEED, today - timedelta(days=200), 200)
    assert plot.events[-1].occurred_at < today - timedelta(days=180)
    assert plot.events[0].occurred_at.hour == 2


def test_the_story_is_in_the_stream_exactly_once(week: list[Activity], plot: Story) -> None:
    """Every record of the story is told once, byte for byte."""
    told = Counter(week)
    assert len(plot.events) > 80
    assert all(told[event] == 1 for event in plot.events)


def test_without_a_story_nothing_happens(plot: Story) -> None:
    """Ordinary days hold neither the intruder's address nor anybody who stops logging."""
    events = activity(SHAPE, seed=SEED, starts_at=MONDAY, days=DAYS, events_per_day=500, story=False)
    assert not any(
        plot.attacker_ip.encode() in event.record or b'"StopLogging"' in event.record for event in events
    )


def test_the_chain_of_keys_leads_from_the_stolen_key_to_the_archive(
    records: list[Record], plot: Story
) -> None:
    """Each hop is made with the key that the one before issued, and both accounts hold a copy of it."""
    used = plot.stolen_key
    accounts = []
    for hop in plot.hops:
        assert hop.by_key == used
        copies = [record for record in records if record.get("sharedEventID") == hop.shared_event_id]
        mine, theirs = copies
        assert mine["eventID"] == hop.event_id
        assert mine["userIdentity"]["accessKeyId"] == used
        assert mine["responseElements"]["credentials"]["accessKeyId"] == hop.issued_key
        assert theirs["recipientAccountId"] == hop.account_id
        accounts.append(hop.account_id)
        used = hop.issued_key
    assert accounts == ["444444444444", "333333333333", "222222222222"]


def test_every_turning_point_is_told_and_found(records: list[Record], plot: Story) -> None:
    """The story has one moment for each beat, and its event id finds the record."""
    by_id = {record["eventID"]: record for record in records}
    assert Counter(moment.beat for moment in plot.moments) == dict.fromkeys(Beat, 1)
    for moment in plot.moments:
        record = by_id[moment.event_id]
        assert record["eventName"] == moment.event_name
        assert record.get("errorCode", "") == moment.error_code
        assert record["recipientAccountId"] == moment.account_id
    times = [moment.occurred_at for moment in plot.moments]
    assert plot.moment(Beat.KEY_ABUSED).occurred_at == min(times)


def test_the_organization_trail_withstands_and_the_old_trail_does_not(
    records: list[Record], plot: Story
) -> None:
    """Members cannot stop the organization trail; the old trail of staging is stopped, and restarted hours later."""
    tries = [record for record in records if record["eventName"] in {"StopLogging", "DeleteTrail"}]
    for record in tries:
        target = record["requestParameters"]["name"]
        refused = record.get("errorCode") == "AccessDenied"
        assert refused is (target == SHAPE.trail_arn)
        assert refused is record.get("errorMessage", "").endswith(
            "with an explicit deny in a service control policy"
        )
    stopped, started = plot.moment(Beat.LEGACY_TRAIL_STOPPED), plot.moment(Beat.LEGACY_TRAIL_STARTED)
    assert started.occurred_at - stopped.occurred_at > timedelta(hours=6)
    restart = next(record for record in records if record["eventID"] == started.event_id)
    assert restart["userIdentity"]["arn"].endswith(f"/{plot.responder}")
    assert restart["requestParameters"]["name"] == plot.legacy_trail_arn


def test_nothing_in_the_archive_is_harmed(records: list[Record], plot: Story) -> None:
    """Every write of the intruder in the archive account is refused, data events included."""
    archive = SHAPE.archive_account_id
    theirs = [
        record
        for record in records
        if record["sourceIPAddress"] == plot.attacker_ip and record["recipientAccountId"] == archive
    ]
    writes = [record for record in theirs if not record["readOnly"]]
    assert {record["errorCode"] for record in writes} == {"AccessDenied"}
    assert {record["eventName"] for record in writes} >= {"DeleteObject", "PutBucketLifecycle"}
    assert {record["eventCategory"] for record in writes} == {"Data", "Management"}


def test_the_stolen_key_is_refused_a_lot(records: list[Record], plot: Story) -> None:
    """Looking around leaves a burst of refusals within a quarter of an hour."""
    theirs = [
        datetime.fromisoformat(record["eventTime"])
        for record in records
        if record["userIdentity"].get("accessKeyId") == plot.stolen_key
        and record["sourceIPAddress"] == plot.attacker_ip
        and "errorCode" in record
    ]
    first = plot.moment(Beat.KEY_ABUSED).occurred_at
    assert sum(1 for time in theirs if time < first + timedelta(minutes=15)) >= 10


def test_a_withdrawn_key_is_not_used_again_and_its_successor_not_before(
    records: list[Record], plot: Story
) -> None:
    """After the stolen key is deactivated the developer goes on with a key that was created before its first use."""
    withdrawn = plot.moment(Beat.KEY_DEACTIVATED).occurred_at
    uses = defaultdict(list)
    created = {}
    for record in records:
        time = datetime.fromisoformat(record["eventTime"])
        uses[record["userIdentity"].get("accessKeyId", "")].append(time)
        if record["eventName"] == "CreateAccessKey":
            created[record["responseElements"]["accessKey"]["accessKeyId"]] = time
    assert max(uses[plot.stolen_key]) < withdrawn
    assert len(created) == 3
    successors = [key for key in created if uses[key] and key != plot.backdoor_key]
    assert len(successors) == 1
    assert min(uses[successors[0]]) > created[successors[0]]
    assert min(uses[plot.backdoor_key]) > created[plot.backdoor_key]


@pytest.mark.parametrize(
    ("starts_at", "days", "events_per_day"),
    [(MONDAY.replace(tzinfo=None), 1, 1), (MONDAY, 0, 1), (MONDAY, 1, 0)],
)
def test_impossible_arguments_are_refused_at_once(
    starts_at: datetime, days: int, events_per_day: int
) -> None:
    """A naive start or less than one day or event is a usage error, before the first event is asked for."""
    with pytest.raises(UsageError, match="expected an aware starts_at and at least 1 day and 1 event a day"):
        activity(SHAPE, seed=1, starts_at=starts_at, days=days, events_per_day=events_per_day)


def test_the_story_needs_its_three_accounts() -> None:
    """A shape without a staging account is refused with what it has."""
    shape = OrganizationShape(workloads={"333333333333": "prod", "555555555555": "sandbox"})
    with pytest.raises(UsageError, match=r"expected an account for 'staging', got \['prod', 'sandbox'\]"):
        story(shape, 1, MONDAY, 1)
