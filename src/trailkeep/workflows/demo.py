"""``demo``: the main job from an empty organization to an answer, on an embedded AWS.

Every step runs the real command line against the embedded AWS, as a user would, and is checked: the demo ends
with PASS only when each command ended as it should and the intrusion of 180 days ago was found.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from trailkeep.core.config import Config
from trailkeep.core.errors import StoppedError
from trailkeep.core.verdict import ExitCode, Verdict, VerdictKind
from trailkeep.sandbox.attack import Attempt, attack_archive
from trailkeep.sandbox.delivery import deliver
from trailkeep.sandbox.events import Activity, Beat, OrganizationShape, Story, activity, story
from trailkeep.sandbox.organization import LOG_ARCHIVE_ACCOUNT_ID, MANAGEMENT_ACCOUNT_ID, Sandbox
from trailkeep.workflows.init import load_config

__all__ = ["Demo", "run_demo"]

DAYS = 200
_EVENTS_PER_DAY = 40
_SEED = 7


@dataclass(slots=True, kw_only=True)
class Demo:
    """One run: where it works, whom it tells, and what went otherwise than it should."""

    folder: Path
    sandbox: Sandbox
    say: Callable[[str], None]
    now: datetime
    seed: int = _SEED
    surprises: list[str] = field(default_factory=list)

    def trailkeep(self, *arguments: str, ends_with: ExitCode = ExitCode.OK) -> None:
        """Run a command as the management account's administrator and show what it prints."""
        self.say(f"\n$ trailkeep {shlex.join(arguments)}")
        sys.stdout.flush()
        done = subprocess.run(self._command(arguments), env=self._environment(), cwd=self.folder, check=False)
        self.expect(
            f"'trailkeep {arguments[0]}' ends with {ends_with.value}", so=done.returncode == ends_with
        )

    def answer(self, *arguments: str) -> Any:
        """Run a command quietly and return its JSON document."""
        command = self._command((*arguments, "--json"))
        done = subprocess.run(
            command, env=self._environment(), cwd=self.folder, check=False, capture_output=True
        )
        self.expect(f"'trailkeep {arguments[0]} --json' ends with 0", so=done.returncode == ExitCode.OK)
        return json.loads(done.stdout or b"{}")

    def expect(self, what: str, *, so: bool) -> None:
        """Remember what is not as it should be."""
        if not so:
            self.surprises.append(what)
            self.say(f"!! expected: {what}")

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "trailkeep", *arguments]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | self.sandbox.environment()


def run_demo(
    folder: Path,
    *,
    say: Callable[[str], None],
    now: datetime,
    days: int = DAYS,
    sandbox: Sandbox | None = None,
) -> Verdict:
    """Play the whole story in ``folder`` and return PASS when everything went as it should.

    With a ``sandbox`` that runs already, it is played there.

    Raises:
        StoppedError: the folder already holds a demo.
    """
    if (folder / "trailkeep.toml").exists():
        raise StoppedError(f"{folder}: expected an empty folder, got one with a trailkeep.toml; name another")
    folder.mkdir(parents=True, exist_ok=True)
    with nullcontext(sandbox) if sandbox else Sandbox() as running:
        demo = Demo(folder=folder, sandbox=running, say=say, now=now)
        _build(demo)
        plot = _live(demo, days)
        _collect(demo)
        _ask(demo, plot)
        _attack(demo)
    if demo.surprises:
        return Verdict(kind=VerdictKind.FAIL, reason="; ".join(demo.surprises))
    return Verdict(kind=VerdictKind.PASS)


def _build(demo: Demo) -> None:
    demo.say(f"An embedded AWS organization listens on {demo.sandbox.endpoint_url}: management account")
    demo.say(f"{MANAGEMENT_ACCOUNT_ID}, log archive {LOG_ARCHIVE_ACCOUNT_ID}, three workload accounts.")
    demo.say("\n1. Build the archive; it is locked and guarded once logs arrive")
    ids = ("--management-account", MANAGEMENT_ACCOUNT_ID, "--archive-account", LOG_ARCHIVE_ACCOUNT_ID)
    demo.trailkeep("init", *ids, "--region", demo.sandbox.region, "--yes")
    demo.trailkeep("plan", ends_with=ExitCode.FOUND)
    demo.trailkeep("apply", "--yes", ends_with=ExitCode.FOUND)


def _live(demo: Demo, days: int) -> Story:
    config = load_config(demo.folder / "trailkeep.toml")
    shape = _shape(demo, config)
    starts_at = (demo.now - timedelta(days=days)).replace(microsecond=0)
    demo.say(f"\n2. Live {days} days: CloudTrail delivers what the five accounts do, an intrusion among it")
    stream = activity(shape, seed=demo.seed, starts_at=starts_at, days=days, events_per_day=_EVENTS_PER_DAY)
    report = deliver(demo.sandbox, _arming_after_a_day(demo, stream, starts_at))
    demo.say(
        f"{report.events:,} events in {report.objects:,} log files; {report.duplicates:,} events came twice, "
        f"{report.late_objects:,} files came hours late, {report.lost_events:,} events were lost"
    )
    demo.expect("no event is lost on the way to the archive", so=report.lost_events == 0)
    return story(shape, demo.seed, starts_at, days)


def _arming_after_a_day(demo: Demo, stream: Iterator[Activity], starts_at: datetime) -> Iterator[Activity]:
    """Yield what happens, and arm the archive in the midst of it: once the logs of a day have arrived."""
    is_armed = False
    for happening in stream:
        if not is_armed and happening.occurred_at >= starts_at + timedelta(days=1):
            is_armed = True
            demo.say("\nAfter the first day logs of member accounts are there, so the archive can be armed:")
            demo.trailkeep("apply", "--arm", "--yes")
            demo.say("\nA second plan finds nothing left to do. Life goes on.")
            demo.trailkeep("plan")
        yield happening


def _shape(demo: Demo, config: Config) -> OrganizationShape:
    return OrganizationShape(
        organization_id=demo.sandbox.organization_id,
        home_region=config.trail_region,
        trail_name=config.trail.name,
        bucket=config.archive.bucket,
    )


def _collect(demo: Demo) -> None:
    demo.say("\n3. Collect the archive into the lake, every event once")
    demo.trailkeep("collect")
    demo.say("\nAgain: nothing is new.")
    demo.trailkeep("collect")


def _ask(demo: Demo, plot: Story) -> None:
    demo.say("\n4. Who stopped logging, half a year ago?")
    question = ("search", "--event-name", "StopLogging", "--event-name", "DeleteTrail", "--since", "200d")
    demo.trailkeep(*question)
    stopped = plot.moment(Beat.LEGACY_TRAIL_STOPPED)
    found = {row["event_id"]: row for row in demo.answer(*question).get("rows", ())}
    demo.expect("the answer has the call that stopped logging", so=stopped.event_id in found)
    for beat in (Beat.ORG_TRAIL_STOP_DENIED, Beat.ORG_TRAIL_DELETE_DENIED):
        tried = plot.moment(beat)
        row = found.get(tried.event_id, {})
        demo.expect(f"the answer shows: {beat}", so=bool(row.get("error_code") == tried.error_code))
    demo.say("\nThe event itself, as CloudTrail wrote it, and the log it came from:")
    demo.trailkeep("show", stopped.event_id)
    demo.say("\nWhat else was done with the key that was stolen first?")
    counted = (
        "count(*) as calls, count(error_code) as failed, min(event_time) as first, max(event_time) as last"
    )
    demo.trailkeep(
        "sql",
        f"select source_ip_address, {counted} from events "  # noqa: S608 - the demo's own key
        f"where user_identity_access_key_id = '{plot.stolen_key}' group by all order by calls desc",
    )


def _attack(demo: Demo) -> None:
    demo.say(f"\n5. An attacker holds the archive account {LOG_ARCHIVE_ACCOUNT_ID}: its root user and an")
    demo.say("administrator. They try to destroy, replace and expire the logs.")
    bucket = load_config(demo.folder / "trailkeep.toml").archive.bucket
    for attempt in attack_archive(demo.sandbox, bucket):
        demo.say("\n".join(_told(attempt)))
        demo.expect(f"{attempt.who} is refused {attempt.call}", so=attempt.refused)


def _told(attempt: Attempt) -> Iterator[str]:
    yield f"{'refused' if attempt.refused else 'ALLOWED'}: {attempt.who}: {attempt.call}"
    if attempt.refused:
        yield f"  {attempt.answer}"
