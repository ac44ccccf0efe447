"""Where the logs and digests of an archive are, found level by level without knowing its layout.

::

    [any/folders/]AWSLogs/[o-ORG/]ACCOUNT/FAMILY/REGION/

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from trailkeep.aws.stored import DIGESTS, ArchiveFolder, Discovered
from trailkeep.core.errors import UsageError
from trailkeep.core.layout import Family

__all__ = ["Children", "find_folders"]

_ROOT = "AWSLogs"
_FAMILIES = frozenset({*map(str, Family), DIGESTS})
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}", re.ASCII)
_DEPTH = 4
_SEARCHED = 1000
_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """What is directly below a prefix: folders, which end with a slash, and keys; both as whole keys."""

    folders: tuple[str, ...]
    keys: tuple[str, ...] = ()


def find_folders(children: Callable[[str], Children], prefix: str, *, name: str) -> Discovered:
    """Return the folders of logs and digests that ``prefix`` lets through, or is inside of.

    Args:
        children: lists one level; called from several threads.
        prefix: where to look; it need not end at a folder, and may reach into the layout.
        name: the place, for the message.

    Raises:
        UsageError: there are too many folders to look for an archive in.
    """
    walk = _Walk(children=children, prefix=prefix, name=name)
    folders = sorted(walk.folders(), key=lambda folder: folder.path)
    return Discovered(folders=tuple(folders), strays=tuple(sorted(set(walk.strays))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """One search; ``strays`` grows as it goes."""

    children: Callable[[str], Children]
    prefix: str
    name: str
    strays: list[str] = field(default_factory=list)

    def folders(self) -> Iterator[ArchiveFolder]:
        accounts = [
            (root, organization, account)
            for root in self._roots()
            for organization, account in self._accounts(root)
        ]
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            for found in pool.map(lambda one: tuple(self._of_account(*one)), accounts):
                yield from found

    def _roots(self) -> Iterator[str]:
        """Yield the prefix of every AWSLogs folder."""
        inside = re.match(rf"((?:.*/)?){_ROOT}/", self.prefix, re.DOTALL)
        if inside:
            yield inside[1]
            return
        start = self.prefix[: self.prefix.rfind("/") + 1]
        level, searched = [start], 0
        for _ in range(_DEPTH):
            below: list[str] = []
            for folder in level:
                searched += 1
                if searched > _SEARCHED:
                    raise self._too_many()
                found = self._below(folder, is_archive=False)
                yield from (folder for one in found if one == f"{folder}{_ROOT}/")
                below += [one for one in found if one != f"{folder}{_ROOT}/"]
            level = below

    def _too_many(self) -> UsageError:
        return UsageError(
            f"{self.name}: expected {_ROOT} below at most {_SEARCHED} folders, got more; "
            f"name the folder that {_ROOT} is in"
        )

    def _accounts(self, root: str) -> Iterator[tuple[str, str]]:
        """Yield the organization (empty for none) and the account of every account's folder."""
        base = f"{root}{_ROOT}/"
        for folder in self._below(base):
            name = _name(folder)
            if _ACCOUNT.fullmatch(name):
                yield "", name
            elif _ORGANIZATION.fullmatch(name):
                yield from (
                    (name, _name(inner)) for inner in self._below(folder) if _ACCOUNT.fullmatch(_name(inner))
                )

    def _of_account(self, root: str, organization: str, account: str) -> Iterator[ArchiveFolder]:
        middle = f"{organization}/" if organization else ""
        for family in self._below(f"{root}{_ROOT}/{middle}{account}/"):
            if _name(family) not in _FAMILIES:
                continue
            for region in self._below(family):
                yield ArchiveFolder(
                    prefix=root,
                    organization_id=organization,
                    account=account,
                    family=_name(family),
                    region=_name(region),
                )

    def _below(self, folder: str, *, is_archive: bool = True) -> Iterable[str]:
        """Return the folders in a folder that the prefix lets through."""
        found = self.children(folder)
        if is_archive:
            self.strays.extend(
                key for key in found.keys if key.startswith(self.prefix) and not key.endswith("/")
            )
        return [one for one in found.folders if one.startswith(self.prefix) or self.prefix.startswith(one)]


def _name(folder: str) -> str:
    return folder[:-1].rpartition("/")[2]
