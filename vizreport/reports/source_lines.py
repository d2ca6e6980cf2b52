"""Lines of source files that lie on this machine, for pages that may show them."""

from __future__ import annotations

from pathlib import Path

_AROUND = 2
_MOST_BYTES = 10 << 20


class SourceLines:
    """Reads each file once; what is not there has no lines."""

    def __init__(self) -> None:
        """Reads nothing yet."""
        self._files: dict[str, list[str]] = {}

    def find(self, file: str, line: int) -> tuple[tuple[int, str, bool], ...]:
        """Returns the line and those around it: number, text, whether it is the line itself."""
        lines = self._files.get(file)
        if lines is None:
            lines = self._files[file] = _read(file)
        first, last = max(line - _AROUND, 1), min(line + _AROUND, len(lines))
        return tuple((number, lines[number - 1], number == line) for number in range(first, last + 1))


def _read(file: str) -> list[str]:
    path = Path(file)
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return []
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError):  # a trace names what it likes
        return []
