"""What leaves the process: one JSON document or text on stdout, prose and progress on stderr."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from trailkeep import __version__
from trailkeep.core.errors import TrailkeepError

__all__ = ["document", "fail", "for_terminal", "note", "plain", "pretty", "print_json"]


def document(verb: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the versioned JSON document of a verb (schema ``<verb>/1``)."""
    return {"trailkeep": {"schema": f"{verb}/1", "version": __version__}, **body}


def print_json(verb: str, body: dict[str, Any]) -> None:
    """Print the one JSON document of a verb on stdout."""
    sys.stdout.write(for_terminal(pretty(msgspec.json.encode(document(verb, body)).decode())) + "\n")


def pretty(text: str) -> str:
    """Return JSON with line breaks; as it is where it is too deep or holds text that is no Unicode."""
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return text


def for_terminal(text: str) -> str:
    """Return text as it is for a file or a pipe, and with control characters made visible on a terminal."""
    return plain(text) if sys.stdout.isatty() else text


def note(text: str) -> None:
    """Print one line of prose on stderr."""
    sys.stderr.write(plain(text) + "\n")


def plain(text: str) -> str:
    r"""Return ``text`` with control characters made visible, so that no log can drive a terminal.

    >>> plain("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode()
        for char in text
    )


def fail(error: TrailkeepError, *, as_json: bool) -> int:
    """Report an error of ours and return its exit code."""
    if as_json:
        print_json("error", {"error": {"kind": type(error).__name__, "message": str(error)}})
    note(f"trailkeep: {error}")
    return error.exit_code
