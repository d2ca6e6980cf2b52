"""Saves what has arrived of a trace: a cut of it, which is a valid trace that does not say how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vizreport.errors import VizzyError
from vizreport.output_file import write_output

_PIECE_BYTES = 1 << 20


def save_so_far(path: Path, n_bytes: int, target: Path) -> None:
    """Copies the beginning of a trace file; what follows may come meanwhile.

    Args:
        path: Of the file.
        n_bytes: Up to where it is sound.
        target: Where it goes. Nothing that is there is overwritten.

    Raises:
        VizzyError: There is nothing yet, or it can't be written.
    """
    if n_bytes == 0:
        raise VizzyError("nothing has arrived that could be saved")
    if target.exists():
        raise VizzyError(f"{target}: is there already; choose another name")
    try:
        write_output(target, _read_pieces(path, n_bytes))
    except OSError as error:
        raise VizzyError(f"{target}: can't be written: {error.strerror}") from error


def _read_pieces(path: Path, n_bytes: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while n_bytes > 0 and (piece := file.read(min(n_bytes, _PIECE_BYTES))):
            n_bytes -= len(piece)
            yield piece
