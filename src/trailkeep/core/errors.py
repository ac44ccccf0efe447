"""The errors of Trailkeep, split by who has to act.

::

    TrailkeepError
    ├── UsageError              exit 2   the caller asked for something impossible
    │   └── ConfigError         exit 2   trailkeep.toml says something impossible
    ├── UncheckedError          exit 3   something could not be checked, so nothing was decided
    └── StoppedError            exit 4   AWS, the network or a disk stopped the job
        ├── AwsCallError                 one AWS call failed
        ├── InterruptedRunError exit 130 Ctrl-C, where guards were lifted
        └── LakeError                    the lake could not be read or written

What is wrong with the *world* (an altered log, a missing guard) is never an exception: it is a finding.
Messages read ``<thing>: expected <what>, got <what>; <what to do next>``.
"""

from __future__ import annotations

__all__ = [
    "AwsCallError",
    "ConfigError",
    "InterruptedRunError",
    "LakeError",
    "StoppedError",
    "TrailkeepError",
    "UncheckedError",
    "UsageError",
]


class TrailkeepError(Exception):
    """Trailkeep could not do its job; ``exit_code`` says who has to act."""

    exit_code = 4


class UsageError(TrailkeepError):
    """The command line or an argument is wrong; nothing was done."""

    exit_code = 2


class ConfigError(UsageError):
    """``trailkeep.toml`` is wrong at ``key_path``; nothing was done."""

    def __init__(self, key_path: str, message: str) -> None:
        super().__init__(f"{key_path}: {message}")
        self.key_path = key_path


class UncheckedError(TrailkeepError):
    """Something that the decision needs could not be read; the outcome is UNKNOWN."""

    exit_code = 3


class StoppedError(TrailkeepError):
    """AWS, the network or a disk stopped the job; what was committed stays, run it again."""

    exit_code = 4


class InterruptedRunError(StoppedError):
    """Ctrl-C stopped the job while more had to be said than that; what was committed stays."""

    exit_code = 130


class AwsCallError(StoppedError):
    """One AWS call failed: ``call`` is ``service:Operation``, ``code`` AWS's error code."""

    def __init__(self, call: str, code: str, message: str) -> None:
        super().__init__(f"{call}: {code}: {message}")
        self.call = call
        self.code = code


class LakeError(StoppedError):
    """The lake could not be read or written."""
