"""What is known of an archive: from an estate, from pasted policies, and what a threat makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from estates import in_force, nothing, with_facts
from trailkeep.core.errors import UsageError
from trailkeep.guard.delivery import Kind
from trailkeep.guard.estate import Unreadable
from trailkeep.guard.facts import ArchiveFacts, Stands, observed, standing, together
from trailkeep.guard.revealed import decode_params, revealed
from trailkeep.guard.threat import Fact, Target
from trailkeep.guard.threats import BY_ID, THREATS

TRAIL = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/org-trail"
KEY = "arn:aws:kms:eu-central-1:222222222222:key/11112222-3333-4444-5555-666677778888"


def _read(folder: Path) -> list[tuple[Kind, Any]]:
    kinds = {"bucket": Kind.BUCKET, "key": Kind.KEY, "scp": Kind.SCP, "rcp": Kind.RCP}
    files = [file for file in sorted(folder.glob("*.json")) if file.stem != "params"]
    return [(kinds[file.stem.partition("-")[0]], json.loads(file.read_text())) for file in files]


def test_an_estate_tells_its_archive() -> None:
    """Names, lock, versioning and trail are taken from what was observed."""
    facts = observed(in_force())
    assert (facts.bucket, facts.archive_account, facts.management_account) == (
        "acme-trail-archive",
        "222222222222",
        "111111111111",
    )
    assert facts.organization == "o-exampleorgid"
    assert Target.BUCKET.resource(facts.names) == "arn:aws:s3:::acme-trail-archive"
    assert Target.TRAIL.resource(facts.names) == facts.trail != ""
    held = {fact: facts.holds(fact) for fact in Fact}
    assert held == {
        Fact.OBJECT_LOCK: True,
        Fact.COMPLIANCE: False,
        Fact.GOVERNANCE: True,
        Fact.VERSIONING: True,
        Fact.NO_EXPIRATION: True,
        Fact.CUSTOMER_KEY: False,
        Fact.REGIONAL_NAME: False,
        Fact.DEFAULT_REGION: True,
        Fact.FEED: False,
        Fact.DELEGATED_TRAIL: False,
    }


def test_an_estate_without_archive_knows_no_state() -> None:
    """Where there is no bucket nothing of it is known, and nothing is assumed."""
    facts = observed(nothing())
    unknown = {fact for fact in Fact if facts.holds(fact) is None}
    assert {Fact.OBJECT_LOCK, Fact.COMPLIANCE, Fact.VERSIONING, Fact.NO_EXPIRATION} <= unknown
    assert Target.BUCKET.resource(facts.names) == "arn:aws:s3:::*"


@pytest.mark.parametrize(
    ("path", "fact"),
    [
        ("bucket.object_lock", Fact.OBJECT_LOCK),
        ("bucket.object_lock", Fact.COMPLIANCE),
        ("bucket.versioning", Fact.VERSIONING),
        ("bucket.lifecycle", Fact.NO_EXPIRATION),
        ("bucket.encryption", Fact.CUSTOMER_KEY),
        ("bucket.region", Fact.DEFAULT_REGION),
        ("trails", Fact.FEED),
        ("delegated_administrators", Fact.DELEGATED_TRAIL),
    ],
)
def test_what_could_not_be_read_is_not_known(path: str, fact: Fact) -> None:
    """A refused call leaves a fact unknown; it is neither so nor not so."""
    refused = {"fact": "Unreadable", "call": "s3:Get", "error": "AccessDenied"}
    assert observed(with_facts(in_force(), {path: refused})).holds(fact) is None


def test_every_expiration_counts() -> None:
    """A rule that ends a log after ten years is an expiration all the same."""
    rules = json.dumps([{"ID": "old", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 3650}}])
    facts = observed(with_facts(in_force(), {"bucket.lifecycle": rules}))
    assert facts.expirations == ("lifecycle rule old expires logs after 3650 days",)
    assert facts.holds(Fact.NO_EXPIRATION) is False


def test_the_key_is_the_one_that_logs_are_encrypted_with() -> None:
    """The trail's key is the archive's; an estate that merely knows a key has none in use."""
    assert observed(in_force()).holds(Fact.CUSTOMER_KEY) is False
    keyed = observed(with_facts(in_force(), {"trails.0.kms_key": KEY}))
    assert (keyed.key, keyed.holds(Fact.CUSTOMER_KEY)) == (KEY, True)
    assert Target.KEY.resource(keyed.names) == KEY


@pytest.mark.parametrize(
    ("threat", "facts", "stands", "deciding"),
    [
        ("delete-version", ArchiveFacts(lock_mode="COMPLIANCE"), Stands.REFUSED, (Fact.COMPLIANCE,)),
        ("delete-version", ArchiveFacts(lock_mode="GOVERNANCE"), Stands.REFUSED, (Fact.GOVERNANCE,)),
        ("delete-version", ArchiveFacts(lock_mode=""), Stands.YES, ()),
        ("delete-version", ArchiveFacts(), Stands.UNKNOWN, (Fact.COMPLIANCE, Fact.GOVERNANCE)),
        ("bypass-governance", ArchiveFacts(lock_mode="GOVERNANCE"), Stands.YES, ()),
        ("bypass-governance", ArchiveFacts(lock_mode="COMPLIANCE"), Stands.ABSENT, (Fact.GOVERNANCE,)),
        ("suspend-versioning", ArchiveFacts(has_lock=True), Stands.REFUSED, (Fact.OBJECT_LOCK,)),
        ("destroy-key", ArchiveFacts(has_key=False), Stands.ABSENT, (Fact.CUSTOMER_KEY,)),
        ("destroy-key", ArchiveFacts(has_key=True, lock_mode="COMPLIANCE"), Stands.YES, ()),
        ("hide-by-delete-marker", ArchiveFacts(lock_mode="COMPLIANCE"), Stands.YES, ()),
        (
            "disable-region",
            ArchiveFacts(partition="aws", region="eu-central-1"),
            Stands.REFUSED,
            (Fact.DEFAULT_REGION,),
        ),
        ("disable-region", ArchiveFacts(partition="aws", region="eu-south-2"), Stands.YES, ()),
    ],
)
def test_facts_decide_whether_a_threat_stands(
    threat: str, facts: ArchiveFacts, stands: Stands, deciding: tuple[Fact, ...]
) -> None:
    """Object Lock refuses a deletion and no delete marker; without a key there is none to destroy."""
    answer = standing(BY_ID[threat], facts)
    assert (answer.stands, answer.facts) == (stands, deciding)


def test_nothing_known_excludes_no_threat() -> None:
    """A threat is never set aside for a fact that nobody read."""
    assert {standing(each, ArchiveFacts()).stands for each in THREATS} == {Stands.YES, Stands.UNKNOWN}


def test_the_guard_set_reveals_its_names(shared_data: Path) -> None:
    """Bucket, accounts, organization, trail and key are read from the policies alone, as params.json has them."""
    folder = shared_data / "guard-set"
    facts = revealed(_read(folder))
    given = decode_params((folder / "params.json").read_bytes())
    assert together(given, facts) == together(facts, given)
    assert (facts.trail, facts.key) == (TRAIL, KEY)
    assert facts.holds(Fact.CUSTOMER_KEY) is True
    assert facts.holds(Fact.REGIONAL_NAME) is True
    assert facts.holds(Fact.OBJECT_LOCK) is None


def test_the_common_recipe_reveals_its_bucket_only(shared_data: Path) -> None:
    """Placeholders are no ids: of the recipe only bucket and partition are known."""
    facts = revealed(_read(shared_data / "common-recipe"))
    assert facts == ArchiveFacts(partition="aws", bucket="gov-my-cloudtrail")


def _bucket(*resources: str, **conditions: Any) -> tuple[Kind, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": [*resources],
        "Condition": conditions,
    }
    return Kind.BUCKET, {"Version": "2012-10-17", "Statement": statement}


def test_two_buckets_are_none() -> None:
    """Where policies are about two buckets, nobody knows which is meant."""
    assert revealed([_bucket("arn:aws:s3:::first/*", "arn:aws:s3:::second/*")]).bucket == ""


def test_the_bucket_policy_is_asked_first() -> None:
    """An SCP that guards more buckets does not hide which one the bucket policy is of."""
    scp = {"Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::other/*"}]}
    facts = revealed([(Kind.SCP, scp), _bucket("arn:aws:s3:::logs/team/AWSLogs/o-exampleorgid/*")])
    assert (facts.bucket, facts.organization) == ("logs", "o-exampleorgid")


def test_conditions_tell_no_name() -> None:
    """An organization or an account in a condition may be another one than the archive's."""
    facts = revealed(
        [
            _bucket(
                "arn:aws:s3:::logs/*",
                StringEquals={"aws:PrincipalOrgID": "o-exampleorgid", "s3:ResourceAccount": "222222222222"},
            )
        ]
    )
    assert (facts.organization, facts.archive_account) == ("", "")


@pytest.mark.parametrize(
    "document", [[], "text", {"Statement": ["text"]}, {"Statement": {"Condition": []}}, None]
)
def test_what_is_no_policy_reveals_nothing(document: Any) -> None:
    """A document of another form tells nothing, and breaks nothing."""
    assert revealed([(Kind.BUCKET, document)]) == ArchiveFacts()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "params.json: expected a JSON object, got "),
        ("[" * 100_000, "params.json: expected a JSON object, got it nests deeper than 100 levels; "),
        ("1e999", "params.json: expected a JSON object, got 1e999 is a number that is too large; "),
        ("[]", "params.json: expected a JSON object of texts, got something else; correct the file"),
        (
            '{"bucket": 1}',
            "params.json: expected a JSON object of texts, got something else; correct the file",
        ),
        (
            '{"buckets": "logs"}',
            (
                "params.json: expected archive_account, bucket, key, management_account, organization, "
                "partition, prefix, region, trail, got buckets; correct the names"
            ),
        ),
    ],
)
def test_params_that_cannot_be_read_are_refused(text: str, message: str) -> None:
    """A misspelt name is an error, not a value that is silently missing."""
    with pytest.raises(UsageError) as raised:
        decode_params(text.encode())
    assert str(raised.value).startswith(message)


def test_what_was_given_comes_first() -> None:
    """The first source that knows a value wins; that there is no lock is knowledge, too."""
    first, second = (
        ArchiveFacts(bucket="first", lock_mode=""),
        ArchiveFacts(bucket="second", lock_mode="GOVERNANCE"),
    )
    assert together(first, second) == first
    assert together(ArchiveFacts(), second) == second


def test_an_unreadable_estate_is_all_unknown() -> None:
    """With no trail and no bucket readable, every fact is open except what names tell."""
    refused = Unreadable(call="x:Y", error="AccessDenied")
    tree = {"fact": "Unreadable", "call": refused.call, "error": refused.error}
    estate = with_facts(
        in_force(), {"bucket": tree, "trails": tree, "delegated_administrators": tree, "organization": tree}
    )
    facts = observed(estate)
    assert {facts.holds(fact) for fact in Fact} == {None}
    assert facts.organization == ""


def test_a_bucket_that_nobody_may_read_hides_no_trail() -> None:
    """The only organization trail is the one that is meant where the bucket could not be read; of two, none is."""
    closed = {"bucket": {"fact": "Unreadable", "call": "sts:AssumeRole", "error": "AccessDenied"}}
    estate = with_facts(in_force(), closed)
    assert observed(estate).trail == observed(in_force()).trail != ""
    assert not isinstance(estate.trails, Unreadable)
    second = replace(estate.trails[0], name="second", arn=TRAIL)
    assert observed(replace(estate, trails=(*estate.trails, second))).trail == ""
