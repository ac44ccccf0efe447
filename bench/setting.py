"""Where things are: the archives, our command, and the peers that can run here."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from facts import Archive, Facts
from race import Contestant, Found, lines

__all__ = ["Setting", "document", "zgrep"]

_HERE = Path(__file__).parent
_PEERS = _HERE.parent / ".venv-peers" / "bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The working folder of this run and what was generated in it."""

    folder: Path
    facts: Facts

    @property
    def trailkeep(self) -> str:
        """Our command, as installed beside this interpreter."""
        return str(Path(sys.executable).parent / "trailkeep")

    @property
    def trailscraper(self) -> str:
        """Its command; ``make bench`` installs it."""
        return str(_PEERS / "trailscraper")

    @property
    def no_trailscraper(self) -> str:
        """Why trailscraper cannot run here; empty when it can."""
        return "" if Path(self.trailscraper).exists() else "not installed; make bench installs it"

    def script(self, name: str, *arguments: str) -> list[str]:
        """Return the command of a script beside this one."""
        return [sys.executable, str(_HERE / name), *arguments]

    def lake(self, name: str) -> Path:
        """Return the folder of a lake."""
        return self.folder / "lakes" / name

    def shown(self, command: str) -> str:
        """Return a command without the names of this machine's folders."""
        here = {
            self.trailkeep: "trailkeep",
            self.trailscraper: "trailscraper",
            sys.executable: "python",
            str(_HERE): "bench",
            str(self.folder): "$DIR",
        }
        for path, name in here.items():
            command = command.replace(path, name)
        return command


def document(out: Path) -> Found:
    """Read what one of our own scripts printed."""
    return msgspec.json.decode(out.read_bytes(), type=Found)


def zgrep(setting: Setting, archive: Archive, value: str, files: int) -> Contestant:
    """Return ``zgrep -l`` over every file of an archive, on all cores; ``files`` hold the value."""
    names = setting.folder / f"{Path(archive.folder).name}.names"
    names.write_bytes(b"\0".join(bytes(path) for path in archive.paths()))
    cores = str(os.cpu_count() or 1)
    command = ["xargs", "-0", "-a", str(names), "-P", cores, "-n", "50", "zgrep", "-l", "-F", "-e", value]
    return Contestant(
        name="zgrep -l",
        command=lambda _: command,
        read=lines,
        expected=files,
        unit="files",
        good=(0, 123),  # xargs: some zgrep found nothing
        absent="" if shutil.which("zgrep") else "no zgrep on this machine",
    )
