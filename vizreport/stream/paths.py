"""Names of the files that streams are written to, made of a pattern."""

from __future__ import annotations

import glob
import itertools
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from vizreport.errors import VizzyError

_SIDE = ".stream"
_FIELD = re.compile(r"\{(\w*)\}")


def fill_pattern(pattern: str, names: dict[str, str]) -> str:
    """Fills in the fields of a pattern.

    Raises:
        VizzyError: It has one that is not known.
    """

    def fill(match: re.Match[str]) -> str:
        if match[1] not in names:
            known = ", ".join(f"{{{name}}}" for name in sorted(names))
            raise VizzyError(f"{pattern}: {match[0]} is no field of a file name; there are {known}")
        return names[match[1]]

    return _FIELD.sub(fill, pattern)


def check_pattern(pattern: str) -> None:
    """Checks the pattern of a file name before anybody connects.

    Raises:
        VizzyError: It has a field that is not known, names a folder, or its folder can't be written into.
    """
    path = Path(fill_pattern(pattern, dict.fromkeys(("n", "host", "time", "id"), "x")))
    if not pattern or pattern.endswith("/") or path.name in ("", "..") or path.is_dir():
        folder = pattern.rstrip("/") or "."
        raise VizzyError(f"{pattern or repr(pattern)}: is a folder; give a file name, such as {folder}/{{n}}.trace")
    if "{" not in str(Path(pattern).parent) and not os.access(path.parent, os.W_OK | os.X_OK):
        raise VizzyError(f"{path.parent}: is no folder that can be written into; make it, or give another name")


def list_paths(pattern: str, stream_id: bytes, host: str) -> Iterator[Path]:
    """Yields the paths that a pattern allows for a stream, one after another without an end.

    What is filled in can't lead out of the folder: digits, letters, "-", "_", and dots between them.
    """
    names = {
        "host": re.sub(r"[^0-9A-Za-z.-]", "_", host).strip("."),
        "time": time.strftime("%Y%m%d-%H%M%S"),
        "id": stream_id[:4].hex(),
    }
    for n in itertools.count(1):
        path = Path(fill_pattern(pattern, {**names, "n": str(n)}))
        if "{n}" not in pattern and n > 1:
            path = path.with_name(f"{path.stem}-{n}{path.suffix}")
        yield path


def list_left(pattern: str) -> list[Path]:
    """Returns the files of incomplete streams that earlier receivers left under names that the pattern allows."""
    wild = Path("*".join(glob.escape(part) for part in _FIELD.split(pattern)[::2]))
    sides = glob.glob(str(wild.with_name(f"{wild.stem}*{wild.suffix}{_SIDE}")))
    return [Path(side.removesuffix(_SIDE)) for side in sorted(sides)]


def find_side_path(path: Path) -> Path:
    """Returns where the id of an incomplete stream stands beside its file."""
    return path.with_name(path.name + _SIDE)
