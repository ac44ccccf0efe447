"""``trailkeep.toml`` is read strictly, written with comments, and the two agree."""

from __future__ import annotations

import dataclasses
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailkeep.core.config import Config, build_config, parse_config, reference, render
from trailkeep.core.errors import ConfigError
from trailkeep.core.fields import FIELDS, MAX_RETENTION_DAYS
from trailkeep.core.mutes import MUTE_FIELDS

MINIMAL = """
[organization]
id = "o-abcdef1234"
management_account = "111111111111"
[archive]
account = "222222222222"
region = "eu-central-1"
bucket = "acme-trail-222222222222"
"""


def _changed(old: str, new: str) -> str:
    assert old in MINIMAL
    return MINIMAL.replace(old, new)


def test_defaults() -> None:
    """Four keys and a bucket are enough, the rest have safe defaults."""
    config = parse_config(MINIMAL)
    assert config.retention.days == 400
    assert config.retention.lock_mode == "GOVERNANCE"
    assert config.trail.name == "trailkeep"
    assert config.trail_region == "eu-central-1"
    assert config.guards.scp
    assert config.archive.access_role == "OrganizationAccountAccessRole"
    assert config.lake.path == "lake"


def test_trail_region_of_its_own() -> None:
    """The trail may live in another region than the bucket."""
    assert parse_config(MINIMAL + '[trail]\nregion = "us-east-1"\n').trail_region == "us-east-1"


def test_all_bad_keys_at_once() -> None:
    """Every bad key is reported in one error, each on its own line."""
    text = _changed('"222222222222"', '"2222"') + '[retention]\ndays = 0\nlock_mode = "FOREVER"\n'
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert caught.value.key_path == "archive.account"
    assert str(caught.value) == (
        "archive.account: expected 12 digits in quotes, or an empty string, got '2222'; "
        "leave it empty to have the account created from account_name and account_email\n"
        "retention.days: expected a whole number of days from 1 to 36500, got 0; "
        "400 is a year and a month; PCI DSS asks for 365, HIPAA for 2190\n"
        "retention.lock_mode: expected GOVERNANCE or COMPLIANCE, got 'FOREVER'; "
        "COMPLIANCE cannot be lifted by anyone, not even AWS, before a log's days are over"
    )


def test_unknown_key_names_the_nearest() -> None:
    """An unknown key is an error that names the nearest key."""
    with pytest.raises(ConfigError, match=r"^archive\.buckets: .* did you mean archive\.bucket\?$"):
        parse_config(MINIMAL + 'buckets = "x"\n')


def test_unknown_section_names_the_nearest() -> None:
    """An unknown section is an error that names the nearest section."""
    with pytest.raises(ConfigError, match=r"^archives: .* did you mean archive\?$"):
        parse_config(MINIMAL + "[archives]\n")


def test_key_without_section() -> None:
    """A key outside its section is an error, not ignored."""
    with pytest.raises(ConfigError, match="days: expected a section that exists"):
        parse_config("days = 3\n" + MINIMAL)


def test_array_of_strings() -> None:
    """An array is read as it is written, and of a bad one only the bad items are named."""
    text = MINIMAL + '[trail]\ndata_events = ["AWS::S3::Object", "AWS::Lambda::Function"]\n'
    assert parse_config(text).trail.data_events == ("AWS::S3::Object", "AWS::Lambda::Function")
    with pytest.raises(ConfigError, match=r"^trail\.data_events: expected resource types.*, got 'x', 3; for"):
        parse_config(text.replace('["AWS::S3::Object"', '["AWS::S3::Object", "x", 3'))


@pytest.mark.parametrize(
    ("group", "role", "names"),
    [
        ("111111111111", "222222222222", ["trail.cloudwatch_role"]),
        ("222222222222", "222222222222", ["trail.cloudwatch_log_group", "trail.cloudwatch_role"]),
        ("111111111111", "", ["trail.cloudwatch_role"]),
        ("", "111111111111", ["trail.cloudwatch_log_group"]),
        ("111111111111", "111111111111", []),
    ],
)
def test_live_feed_is_in_the_management_account(group: str, role: str, names: list[str]) -> None:
    """A CloudWatch Logs feed needs a log group and a role, both in the management account."""
    feed = "[trail]\n"
    if group:
        feed += f'cloudwatch_log_group = "arn:aws:logs:eu-central-1:{group}:log-group:trail:*"\n'
    if role:
        feed += f'cloudwatch_role = "arn:aws:iam::{role}:role/trail"\n'
    try:
        parse_config(MINIMAL + feed)
        wrong = []
    except ConfigError as error:
        wrong = [line.split(":")[0] for line in str(error).splitlines()]
    assert wrong == names


def test_not_toml() -> None:
    """Text that is not TOML is an error that names the line."""
    with pytest.raises(ConfigError, match=r"trailkeep\.toml: expected TOML, got .*line 1"):
        parse_config("organization = = 3\n")


def test_missing_keys() -> None:
    """An empty file is told every required key."""
    with pytest.raises(ConfigError) as caught:
        parse_config("")
    named = [line.split(":")[0] for line in str(caught.value).splitlines()]
    assert named == ["organization.id", "organization.management_account", "archive.region"]


def test_archive_is_not_the_management_account() -> None:
    """The archive cannot be in the management account, where no organization policy acts."""
    with pytest.raises(ConfigError, match=r"archive\.account: expected another account"):
        parse_config(_changed('"222222222222"', '"111111111111"'))


def test_created_account_needs_name_and_mail() -> None:
    """Without an account id, name and e-mail of the account to create are required."""
    with pytest.raises(ConfigError) as caught:
        parse_config(_changed('account = "222222222222"\n', ""))
    assert str(caught.value).count("because archive.account is empty") == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("organization.id", '"o-short"'),
        ("organization.id", '"O-ABCDEF1234"'),
        ("organization.management_account", "111111111111"),
        (
            "organization.management_account",
            '"\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661"',
        ),
        ("archive.region", '"frankfurt"'),
        ("archive.region", '"eu-central-1\\n"'),
        ("archive.bucket", '"Has-Capitals"'),
        ("archive.bucket", '"ab"'),
        ("archive.bucket", '"a..b"'),
        ("archive.bucket", '"10.0.0.1"'),
        ("archive.bucket", '"-leading"'),
        ("archive.bucket", '"xn--bucket"'),
        ("archive.bucket", '"bucket-s3alias"'),
        ("archive.access_role", '"with space"'),
        ("archive.account_email", '"nobody"'),
        ("retention.days", "36501"),
        ("retention.days", "true"),
        ("retention.days", "1.5"),
        ("retention.days", '"400"'),
        ("trail.name", '"a--b"'),
        ("trail.name", '"ab"'),
        ("trail.name", '"10.0.0.1"'),
        ("guards.scp", '"yes"'),
        ("guards.scp", "1"),
        ("trail.management_events", '"none"'),
        ("trail.data_events", '"AWS::S3::Object"'),
        ("trail.data_events", '["AWS::S3::Object", 3]'),
        ("trail.data_events", '["AWS::S3"]'),
        ("trail.data_events", '["AWS::S3::Object=bucket/"]'),
        ("trail.network_events", '["ec2"]'),
        ("trail.insights", '["ApiCallRate"]'),
        ("trail.sns_topic", '"logs"'),
        ("trail.delegated_administrator", '"prod"'),
        ("trail.delegated_administrator", '"111111111111"'),
        ("trail.cloudwatch_log_group", '"arn:aws:logs:eu-central-1:111111111111:log-group:g"'),
        ("lake.path", '""'),
        ("lake.path", "[]"),
    ],
)
def test_bad_values(key: str, value: str) -> None:
    """A value that AWS or Trailkeep could not use is refused by name."""
    section, name = key.split(".")
    lines = [line for line in MINIMAL.splitlines() if not line.startswith(f"{name} =")]
    text = "\n".join(lines)
    text = (
        text.replace(f"[{section}]", f"[{section}]\n{name} = {value}")
        if f"[{section}]" in text
        else f"{text}\n[{section}]\n{name} = {value}\n"
    )
    tomllib.loads(text)
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert caught.value.key_path == key
    assert "\n" not in str(caught.value)


_NAME = st.from_regex(r"[a-z0-9][a-z0-9-]{4,30}[a-z0-9]", fullmatch=True).map(lambda s: "b" + s + "b")
_ACCOUNT = st.from_regex(r"[0-9]{12}", fullmatch=True).filter(lambda s: s != "111111111111")
_PRINTABLE = st.text(min_size=1, max_size=40).filter(str.isprintable)

_DATA_EVENTS = st.lists(
    st.sampled_from(["AWS::S3::Object", 'AWS::S3::Object=arn:aws:s3:::a"\\/', "AWS::Lambda::Function"])
).map(tuple)


@st.composite
def _configs(draw: st.DrawFn) -> Config:
    return build_config(
        {
            "organization.id": draw(st.from_regex(r"o-[a-z0-9]{10,32}", fullmatch=True)),
            "organization.management_account": "111111111111",
            "archive.account": draw(_ACCOUNT | st.just("")),
            "archive.account_name": draw(_PRINTABLE),
            "archive.account_email": "logs@example.com",
            "archive.region": draw(st.sampled_from(["eu-central-1", "us-gov-west-1", "cn-north-1"])),
            "archive.bucket": draw(_NAME),
            "retention.days": draw(st.integers(1, MAX_RETENTION_DAYS)),
            "retention.lock_mode": draw(st.sampled_from(["GOVERNANCE", "COMPLIANCE"])),
            "guards.scp": draw(st.booleans()),
            "lake.path": draw(_PRINTABLE),
            "trail.management_events": draw(st.sampled_from(["all", "write-only"])),
            "trail.data_events": draw(_DATA_EVENTS),
            "trail.insights": draw(st.sampled_from([(), ("ApiCallRateInsight",)])),
        }
    )


@given(_configs())
def test_render_round_trips(config: Config) -> None:
    """What is written is read back as the same configuration."""
    assert parse_config(render(config)) == config


def test_rendered_file_explains_every_key() -> None:
    """The written file has one comment before each key."""
    text = render(parse_config(MINIMAL))
    for field in FIELDS:
        assert f"# {field.comment}\n{field.name} = " in text


def test_fields_and_config_agree() -> None:
    """Every key of the table is an attribute of the configuration, and the other way round."""
    config = parse_config(MINIMAL)
    attributes = {
        f"{section.name}.{field.name}"
        for section in dataclasses.fields(Config)
        if section.name != "mutes"  # an array of tables; see test_mutes.py
        for field in dataclasses.fields(getattr(config, section.name))
    } | {"mode"}
    assert attributes == {field.key for field in FIELDS}


def test_reference_has_a_row_for_every_key() -> None:
    """The reference documents every key with its type, default and what is allowed."""
    rows = list(reference())
    mutes = [f"audit.mute[].{name}" for name, _, _ in MUTE_FIELDS]
    assert [row[0] for row in rows] == [*(field.key for field in FIELDS), *mutes]
    assert ("retention.days", "int", "400") in {row[:3] for row in rows}
    assert ("trail.data_events", "list[str]", "[]") in {row[:3] for row in rows}
    assert ("archive.region", "str", "") in {row[:3] for row in rows}


AUDIT = "arn:aws:iam::333333333333:role/security/audit"


def test_list_of_readers() -> None:
    """A TOML array of role ARNs is read, written and documented as a list."""
    config = parse_config(MINIMAL + f'readers = ["{AUDIT}"]\n')
    assert config.archive.readers == (AUDIT,)
    assert f'readers = ["{AUDIT}"]\n' in render(config)
    assert parse_config(render(config)) == config
    assert ("archive.readers", "list[str]", "[]") in {row[:3] for row in reference()}


@pytest.mark.parametrize(
    "readers",
    [
        f'"{AUDIT}"',
        '["*"]',
        "[1]",
        '["arn:aws:iam::333333333333:user/audit"]',
        '["arn:aws:iam::333333333333:root"]',
        f'["{AUDIT}", "{AUDIT}"]',
        f'["{AUDIT}*"]',
    ],
)
def test_readers_are_roles(readers: str) -> None:
    """Readers are different roles by their ARN: no user, no account, no wildcard."""
    with pytest.raises(ConfigError, match=r"^archive\.readers: expected a list of different role ARNs"):
        parse_config(MINIMAL + f"readers = {readers}\n")


@pytest.mark.parametrize(("expires", "is_fine"), [(0, True), (399, False), (400, True), (1, False)])
def test_logs_expire_after_the_lock(expires: int, is_fine: bool) -> None:  # noqa: FBT001 - a test parameter
    """Logs may not be told to go before their lock ends."""
    text = MINIMAL + f"lifecycle_expire_days = {expires}\n"
    if is_fine:
        assert parse_config(text).archive.lifecycle_expire_days == expires
        return
    with pytest.raises(ConfigError, match=r"expected at least the 400 days of retention\.days"):
        parse_config(text)


def test_bucket_of_the_account_alone() -> None:
    """Without a bucket name the archive gets one that nobody but its account can create, written out."""
    config = parse_config(_changed('bucket = "acme-trail-222222222222"\n', ""))
    assert config.archive.bucket == "trailkeep-222222222222-eu-central-1-an"
    assert parse_config(render(config)) == config


def test_bucket_of_an_account_that_is_to_be_created() -> None:
    """An account that does not exist yet has no id that could be in the name, so the name is asked for."""
    text = _changed('bucket = "acme-trail-222222222222"\n', "").replace(
        'account = "222222222222"', 'account_name = "logs"\naccount_email = "logs@example.com"'
    )
    with pytest.raises(ConfigError, match=r"^archive\.bucket: expected a bucket name because"):
        parse_config(text)
