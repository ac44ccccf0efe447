"""The look that every HTML report shares, and the start of a page: no scripts, nothing from elsewhere."""

from __future__ import annotations

from html import escape

__all__ = ["head"]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = """
:root { color-scheme: light dark; --line: #c8ccd2; --soft: #6a7380; --bad: #b3261e; --ask: #8a5a00;
  --good: #1b6e3c; --none: #6a7380; --back: #f4f5f7 }
@media (prefers-color-scheme: dark) { :root { --line: #444b55; --soft: #a4adba; --bad: #ff8a80;
  --ask: #ffcf7a; --good: #7fd8a0; --none: #a4adba; --back: #1d2127 } }
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 2rem 1.25rem 4rem;
  overflow-wrap: break-word }
h1 { font-size: 1.7rem; margin: 0 0 .25rem } h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem }
p { margin: .25rem 0 } .soft { color: var(--soft) }
.sum { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.25rem 0; padding: 0; list-style: none }
.sum li { background: var(--back); border-left: 4px solid var(--line); padding: .5rem .9rem }
.sum b { display: block; font-size: 1.4rem; line-height: 1.2 }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .45rem .6rem .45rem 0; text-align: left;
  vertical-align: top }
th { font-weight: 600; white-space: nowrap } th:last-child { white-space: normal }
td:first-child { white-space: nowrap } code { font-size: .9em; overflow-wrap: anywhere }
.FAIL { color: var(--bad); font-weight: 600 } .UNKNOWN { color: var(--ask); font-weight: 600 }
.COUNTEREXAMPLE { color: var(--bad); font-weight: 600 } .UNDECIDED { color: var(--ask); font-weight: 600 }
.PASS, .PROVED { color: var(--good) } .RESIDUAL { color: var(--ask) } .NOT, .MUTED { color: var(--none) }
article { border: 1px solid var(--line); border-left: 4px solid var(--line); margin: .75rem 0;
  padding: .6rem 1rem; break-inside: avoid }
article h3 { font-size: 1rem; margin: 0 0 .25rem } article p { overflow-wrap: anywhere }
article.FAIL { border-left-color: var(--bad); font-weight: 400; color: inherit }
article.UNKNOWN { border-left-color: var(--ask); font-weight: 400; color: inherit }
pre { background: var(--back); overflow-wrap: anywhere; padding: .6rem; white-space: pre-wrap }
code, pre { font-family: ui-monospace, monospace; font-size: .85rem }
dt { font-weight: 600 } dd { margin: 0 0 .4rem 1rem } summary { cursor: pointer; padding: .3rem 0 }
@media (max-width: 40rem) { table { display: block; overflow-x: auto } td { min-width: 7rem }
  th { white-space: normal } td:first-child { font-size: .8rem } body { padding: 1.25rem .9rem 3rem } }
@media print { details > * { display: block } details::details-content { content-visibility: visible }
  tr { break-inside: avoid } body { max-width: none; padding: 0 } }
"""


def head(title: str) -> str:
    """Return the page up to its body."""
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
        )
    )
