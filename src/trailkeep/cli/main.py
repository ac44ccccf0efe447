"""``trailkeep``: registers the verbs and turns errors into exit codes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from typer.exceptions import TyperException

from trailkeep import __version__
from trailkeep.core.errors import TrailkeepError

__all__ = ["VERBS", "build", "main"]

VERBS = (
    "init",
    "plan",
    "apply",
    "explain",
    "prove",
    "export",
    "status",
    "audit",
    "verify",
    "verify-report",
    "keys",
    "backfill",
    "collect",
    "search",
    "show",
    "sql",
    "demo",
)
_INTERRUPTED = 130


def build(verbs: Iterable[str] = VERBS) -> typer.Typer:
    """Return the command line application with one command per verb."""
    app = typer.Typer(
        name="trailkeep",
        help="Keep an AWS organization's CloudTrail history safe, provable and searchable.",
        epilog="Exit codes: 0 all good, 1 findings or changes pending, 2 wrong usage or configuration, "
        "3 unknown, 4 stopped by AWS, network or disk.",
        rich_markup_mode=None,
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )

    @app.callback(invoke_without_command=True)
    def root(
        version: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
    ) -> None:
        if version:
            typer.echo(f"trailkeep {__version__}")
            raise typer.Exit

    for verb in verbs:
        app.command(verb)(importlib.import_module(f"trailkeep.cli.{verb.replace('-', '_')}").command)
    return app


def main() -> None:
    """Run the command line; every error of ours becomes one line on stderr and its exit code."""
    try:
        code = build(_needed(sys.argv[1:2]))(standalone_mode=False)
    except TrailkeepError as error:
        from trailkeep.cli.output import fail

        sys.exit(fail(error, as_json="--json" in sys.argv))
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(_INTERRUPTED)
    except TyperException as error:
        sys.exit(_refuse(error))
    if code == _INTERRUPTED:  # typer may have made an exit code of it
        sys.stderr.write("\ntrailkeep: interrupted; what was committed stays, run the same command again\n")
    sys.exit(code if isinstance(code, int) else 0)


def _needed(first: Sequence[str]) -> Sequence[str]:
    """Return the verb that is asked for, whose imports are enough, or all of them."""
    return first if first and first[0] in VERBS else VERBS


def _refuse(error: Any) -> int:
    """Report what the parser refuses, as text and, where one is asked for, as a document."""
    from trailkeep.cli.output import print_json

    error.show()
    if "--json" in sys.argv:
        print_json("error", {"error": {"kind": "UsageError", "message": error.format_message()}})
    return int(error.exit_code)
