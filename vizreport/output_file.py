"""A file that a user asked for: written whole, or left as it was."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

# A name may have 255 bytes: of one that has them all, the temporary one must not have more.
_PREFIX_CHARACTERS = 40


def write_output(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Writes a file, under another name until it is whole. What is no regular file (a device, a pipe) is written into.

    Args:
        path: Where it goes; a symbolic link stays one.
        parts: What is in it, in order. They may be read from the file that is replaced.

    Raises:
        OSError: It can't be written. What was there still is.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            file.writelines(parts)
        return
    path = path.resolve()
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:_PREFIX_CHARACTERS]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(OSError):
            Path(temporary).chmod(path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask())
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
