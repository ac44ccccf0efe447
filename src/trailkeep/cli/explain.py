"""``trailkeep explain``: why would CloudTrail refuse this policy, and what in it is dangerous or useless."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trailkeep.cli.output import note, print_json
from trailkeep.core.errors import UsageError

if TYPE_CHECKING:
    from trailkeep.guard.delivery import Kind, Values
    from trailkeep.guard.explain import Explained
    from trailkeep.guard.live import Absence, Live

__all__ = ["command"]


def command(
    files: list[Path] = typer.Argument(
        None, help="JSON documents: bucket, key or topic policies, SCPs, RCPs."
    ),
    live: bool = typer.Option(
        False, "--live", help="Explain the policies in force instead: bucket, key, topic, SCPs, RCPs."
    ),
    kind: str = typer.Option(
        "",
        "--kind",
        help="bucket-policy, key-policy, topic-policy, scp or rcp; else told from the document.",
    ),
    config: Path = typer.Option(
        Path("trailkeep.toml"), "--config", help="Configuration file; used when it is there."
    ),
    bucket: str = typer.Option("", "--bucket", help="The archive's bucket."),
    prefix: str = typer.Option("", "--prefix", help="The trail's S3 key prefix, where it has one."),
    management_account: str = typer.Option(
        "", "--management-account", help="Account of the trail, 12 digits."
    ),
    organization_id: str = typer.Option("", "--organization-id", help="Organization id (o-...)."),
    archive_account: str = typer.Option("", "--archive-account", help="The bucket's account, 12 digits."),
    trail_arn: str = typer.Option("", "--trail-arn", help="The ARN of the trail."),
    topic_arn: str = typer.Option("", "--topic-arn", help="The ARN of the topic, for its policy."),
    account_trail: bool = typer.Option(
        False, "--account-trail", help="The trail is of one account, not of an organization."
    ),
    no_bucket_key: bool = typer.Option(
        False, "--no-bucket-key", help="The bucket has no S3 Bucket Key, so CloudTrail decrypts nothing."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Say why CloudTrail would refuse a policy, offline, and what in it is dangerous or does nothing.

    Values come from the options, then trailkeep.toml when it is there, then the document itself. With --live
    nothing is offline: the policies in force are read from AWS. Exit codes: 0 CloudTrail would accept and
    nothing was found, 1 refused or findings, 3 undecidable or not readable, with the reason.
    """
    from trailkeep.cli.explain_view import body, lines, summary
    from trailkeep.core.verdict import worst
    from trailkeep.guard.delivery import Values

    given = Values(
        bucket=bucket,
        prefix=prefix,
        management_account=management_account,
        organization_id=organization_id,
        archive_account=archive_account,
        trail=trail_arn,
        resource=topic_arn,
    )
    if bool(files) is live:
        raise UsageError(
            f"explain: expected files or --live, got {'both' if live else 'neither'}; "
            "name the JSON document that you would paste"
        )
    if live and (kind or account_trail or no_bucket_key):
        raise UsageError(
            "explain --live: expected no --kind, --account-trail or --no-bucket-key, got one; "
            "it explains the policies in force of the organization in trailkeep.toml"
        )
    absences: tuple[Absence, ...] = ()
    if live:
        found = _live(config, given)
        explained, absences = list(found.explained), found.absences
    else:
        explained = _files(
            files,
            config,
            given,
            kind=_kind(kind),
            for_account=account_trail,
            has_bucket_key=not no_bucket_key,
        )
    if as_json:
        print_json("explain", body(explained, absences))
    else:
        for line in lines(explained, absences):
            typer.echo(line)
    note(summary(explained))
    raise typer.Exit(worst(each.verdict for each in explained).exit_code)


def _kind(text: str) -> Kind | None:
    from trailkeep.guard.delivery import Kind

    if text and text not in {*Kind}:
        raise UsageError(
            f"--kind: expected one of {', '.join(Kind)}, got {text!r}; leave it out to have it told"
        )
    return Kind(text) if text else None


def _files(
    files: list[Path],
    config: Path,
    given: Values,
    *,
    kind: Kind | None,
    for_account: bool,
    has_bucket_key: bool,
) -> list[Explained]:
    from trailkeep.guard.delivery import configured
    from trailkeep.guard.explain import explain
    from trailkeep.workflows.init import load_config

    settings = load_config(config) if config.is_file() else None
    values = (given, configured(settings)) if settings else (given,)
    alone = settings is not None and settings.organization is None and not given.organization_id
    return [
        explain(
            str(file),
            _read(file),
            values=values,
            kind=kind,
            for_account=for_account or alone,
            has_bucket_key=has_bucket_key,
        )
        for file in files
    ]


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "bytes that are not UTF-8"
        raise UsageError(f"{file}: expected a JSON document, got {reason}; name another file") from error


def _live(config: Path, given: Values) -> Live:
    from trailkeep.aws.observe import observe
    from trailkeep.aws.observe_policies import read_key_policy, read_topic_policy
    from trailkeep.cli.guarding import reach_accounts
    from trailkeep.workflows.explain import explain_live
    from trailkeep.workflows.init import load_config

    settings = load_config(config)
    accounts = reach_accounts(settings)
    return explain_live(
        settings,
        observe=lambda: observe(accounts, settings),
        read_key=lambda arn: read_key_policy(accounts, arn),
        read_topic=lambda arn: read_topic_policy(accounts, arn),
        given=given,
    )
