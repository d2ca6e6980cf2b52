"""Saves what has arrived of a trace: a cut of it, which is a valid trace that does not say how it ended."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from vizreport.errors import VizzyError

_PIECE_BYTES = 1 << 20


def save_so_far(path: Path, n_bytes: int, name: str) -> None:
    """Copies the beginning of a trace file; what follows may come meanwhile.

    Args:
        path: Of the file.
        n_bytes: Up to where it is sound.
        name: Where it goes; ``~`` is the user's home. Nothing that is there is overwritten.

    Raises:
        VizzyError: There is nothing yet, or it can't be written.
    """
    if n_bytes == 0:
        raise VizzyError("nothing has arrived that could be saved")
    try:
        target = Path(name).expanduser()
        with target.open("xb") as file:
            try:
                _copy(path, n_bytes, file)
            except OSError:
                with suppress(OSError):
                    target.unlink()
                raise
    except FileExistsError as error:
        raise VizzyError(f"{name}: is there already; choose another name") from error
    except (OSError, ValueError, RuntimeError) as error:  # a name that is none, a home that is not known
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise VizzyError(f"{name}: can't be written: {reason}") from error


def _copy(path: Path, n_bytes: int, target: BinaryIO) -> None:
    with path.open("rb") as file:
        while n_bytes > 0 and (piece := file.read(min(n_bytes, _PIECE_BYTES))):
            n_bytes -= len(piece)
            target.write(piece)
