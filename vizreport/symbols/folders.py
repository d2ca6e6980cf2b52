"""Files in folders that another machine's files were copied to, or that a build left."""

from __future__ import annotations

import os
from collections import deque
from functools import cache
from pathlib import Path, PurePosixPath

_MOST_LINKS = 40
_MOST_FILES = 200_000
"""Files that are listed of a folder: somebody may name the root."""


def is_file(path: Path) -> bool:
    """Tells whether there is a file that may be looked at. A trace names what it likes: no name is an error."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def resolve_in_root(root: Path, path: str) -> Path:
    """Returns where a path leads below a root folder, as it would on the machine whose root that is.

    Absolute symbolic links begin at the root, and nothing leads out of it. What is not there is no link.

    Args:
        root: The folder.
        path: Absolute.
    """
    at = root
    left = deque(PurePosixPath(path).parts[1:])
    n_links = 0
    while left:
        part = left.popleft()
        if part == "..":
            at = at.parent if at != root else root
            continue
        try:
            target = os.readlink(at / part) if n_links < _MOST_LINKS else None
        except (OSError, ValueError):
            target = None
        if target is None:
            at = at / part
            continue
        n_links += 1
        parts = PurePosixPath(target).parts
        if target.startswith("/"):
            at, parts = root, parts[1:]
        left.extendleft(reversed(parts))
    return at


def find_by_name(folder: Path, name: str) -> tuple[Path, ...]:
    """Returns the files with this name anywhere below a folder, those nearest to it first."""
    return _list_files(folder).get(name, ())


@cache
def _list_files(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Returns the files below a folder by their names; links to folders are not followed."""
    found: dict[str, list[Path]] = {}
    n_files = 0
    for where, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            found.setdefault(name, []).append(Path(where, name))
        n_files += len(names)
        if n_files > _MOST_FILES:
            break
    return {name: tuple(sorted(paths, key=lambda path: len(path.parts))) for name, paths in found.items()}
