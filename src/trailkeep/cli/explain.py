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

__all__ = ["command"]


def command(
    files: list[Path] = typer.Argument(
        None, help="JSON documents: bucket, key or topic policies, SCPs, RCPs."
    ),
    live: bool = typer.Option(False, "--live", help="Explain the policy of the archive's bucket instead."),
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

    Values come from the options, then trailkeep.toml when it is there, then the document itself. Exit codes:
    0 CloudTrail would accept and nothing was found, 1 refused or findings, 3 undecidable, with the reason.
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
            "it explains the bucket policy that trailkeep.toml means"
        )
    if live:
        explained = [_live(config, given)]
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
        print_json("explain", body(explained))
    else:
        for line in lines(explained):
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


def _live(config: Path, given: Values) -> Explained:
    from trailkeep.aws.observe_bucket import observe_bucket
    from trailkeep.cli.guarding import reach_accounts
    from trailkeep.workflows.explain import explain_live
    from trailkeep.workflows.init import load_config

    settings = load_config(config)
    archive = settings.archive
    if not archive.account:
        raise UsageError(
            "archive.account: expected 12 digits with --live, got ''; run 'trailkeep apply', write its id"
        )
    accounts = reach_accounts(settings)
    return explain_live(
        settings,
        lambda: observe_bucket(accounts, account=archive.account, name=archive.bucket, region=archive.region),
        given=given,
    )
