"""boto3 sessions that read AWS's service models quickly, each model once in a process.

botocore looks through the folders of all services for one, and makes ordered dictionaries of its JSON in
Python. Here only names are listed, msgspec reads the JSON, and all sessions share what was read.

Source: https://github.com/boto/botocore/blob/develop/botocore/loaders.py
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from threading import RLock
from typing import Any

import boto3
import botocore.session
import msgspec
from botocore.loaders import JSONFileLoader, Loader

__all__ = ["botocore_session", "new_session"]

_LOCK = RLock()
_READ: dict[tuple[str, ...], dict[Any, Any]] = {}


class _Files(JSONFileLoader):
    def _load_file(self, full_path: str, open_method: Callable[[str, str], Any]) -> Any:
        if not Path(full_path).is_file():
            return None
        with open_method(full_path, "rb") as file:
            return msgspec.json.decode(file.read())


class _Models(Loader):
    FILE_LOADER_CLASS = _Files

    def __init__(self, paths: tuple[str, ...]) -> None:
        super().__init__(extra_search_paths=list(paths))
        self._cache = _READ.setdefault(paths, {})

    def list_available_services(self, type_name: str) -> list[str]:
        """List the names that may be services; whether one has the type is seen when it is read."""
        del type_name
        return sorted({name for path in self.search_paths for name in _names(path)})

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        """Load a model, one at a time: what is read is shared, and botocore adds to it."""
        with _LOCK:
            return super().load_service_model(service_name, type_name, api_version)


@lru_cache(maxsize=32)
def _names(folder: str) -> tuple[str, ...]:
    path = Path(folder)
    return tuple(one.name for one in path.iterdir()) if path.is_dir() else ()


def botocore_session() -> botocore.session.Session:
    """Return a session of botocore; ``AWS_DATA_PATH`` names more models, as everywhere."""
    session = botocore.session.get_session()
    named: str = session.get_config_variable("data_path") or ""
    paths = (str(Path(os.path.expandvars(path)).expanduser()) for path in named.split(os.pathsep) if path)
    session.register_component("data_loader", _Models(tuple(paths)))
    return session


def new_session(region: str | None = None) -> boto3.session.Session:
    """Return a session with the credentials at hand.

    Raises:
        ProfileNotFound: ``AWS_PROFILE`` names no profile.
    """
    return boto3.session.Session(region_name=region, botocore_session=botocore_session())
