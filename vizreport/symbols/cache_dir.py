"""Files kept between runs, in the user's cache directory: written whole or not at all, the oldest removed first."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path


def find_cache_dir() -> Path:
    """Returns vizzy's folder in the user's cache directory, which need not exist yet."""
    home = os.environ.get("XDG_CACHE_HOME")
    if home:
        return Path(home) / "vizzy"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "vizzy" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "vizzy"
    return Path.home() / ".cache" / "vizzy"


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file so that nobody ever sees a part of it.

    Raises:
        OSError: It can't be written; nothing is left of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def mark_used(path: Path) -> None:
    """Makes a file the last that is removed."""
    with contextlib.suppress(OSError):
        os.utime(path)


def remove_oldest(folder: Path, max_bytes: int) -> None:
    """Removes files that have not been used for longest until those in a folder take no more than so much.

    Other processes may do the same at once: a file that is gone already is no error.
    """
    files = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            status = path.stat()
            files.append((status.st_mtime_ns, status.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= max_bytes:
            break
        with contextlib.suppress(OSError):
            path.unlink()
        total -= size
