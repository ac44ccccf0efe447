"""``mode = "account"``: one account keeps its own history, from nothing to armed, on the embedded AWS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from account_verbs import ALONE, ALONE_BUCKET, AccountVerbs, account_verbs, deliver_own_log
from trailkeep.sandbox.organization import Sandbox

pytestmark = pytest.mark.sandbox


@pytest.fixture
def verbs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AccountVerbs]:
    """An empty folder, and the credentials of a member account's administrator."""
    with account_verbs(sandbox, monkeypatch, tmp_path) as made:
        yield made


def test_from_nothing_to_armed(verbs: AccountVerbs, sandbox: Sandbox) -> None:
    """Init, plan, apply and arm need nothing but the account, and a second plan has nothing to do."""
    ran = verbs.run("init", "--mode", "account", "--yes")
    print(ran)
    print((verbs.folder / "trailkeep.toml").read_text())
    ran = verbs.run("plan")
    print(ran.stdout, ran.stderr)
    ran = verbs.run("apply", "--yes")
    print(ran.stdout, ran.stderr)
    print(deliver_own_log(sandbox))
    ran = verbs.run("apply", "--yes", "--arm")
    print(ran.exit_code, ran.stdout, ran.stderr)
    print(deliver_own_log(sandbox, minutes_ago=1))
    ran = verbs.run("apply", "--yes", "--arm")
    print(ran.exit_code, ran.stdout, ran.stderr)
    for a in (
        ("plan",),
        ("plan", "--arm"),
        ("plan", "--retire"),
        ("status",),
        ("backfill",),
        ("collect",),
        ("explain", "--live"),
        ("export", "policies"),
        ("export", "terraform", "tf"),
        ("export", "cloudformation", "cf"),
        ("export", "cli", "cli"),
    ):
        ran = verbs.run(*a)
        print("###", a, ran.exit_code, "\n", ran.stdout, ran.stderr)
    for f in ("tf/main.tf", "cli/setup.sh", "cf/trail.template.json"):
        print((verbs.folder / f).read_text())
    print(sorted(set(verbs.proxy.calls)))
    assert 0
