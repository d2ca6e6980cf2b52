"""Names of just-in-time compiled code, by the perf map that the recorder saved (docs/trace-format.md, section 3)."""

from __future__ import annotations

import re
from bisect import bisect_right

from vizreport.model.places import Place

_PYTHON = re.compile(r"py::(?P<function>[^:]+):(?P<file>.+)")
_V8 = re.compile(r"\w+:[*~^+]?(?P<function>[^ ]*) (?P<file>[^ ].*):(?P<line>\d+):\d+")

Functions = list[tuple[int, int, str]]
"""(start, end, name), by start; none overlap."""


class JitMap:
    """What a perf map calls the addresses of an image."""

    def __init__(self, text: str) -> None:
        """Takes the lines that make sense."""
        self._functions = _flatten([function for line in text.splitlines() if (function := _parse_line(line))])
        self._starts = [start for start, _, _ in self._functions]

    def find(self, address: int) -> Place | None:
        """Returns the function at a run-time address, or None."""
        at = bisect_right(self._starts, address) - 1
        if at < 0 or address >= self._functions[at][1]:
            return None
        return _make_place(self._functions[at][2])


def _make_place(name: str) -> Place:
    """Returns function, file and line, where the name has the form that CPython or V8 gives it."""
    if python := _PYTHON.fullmatch(name):
        return Place(python["function"], python["file"])
    if script := _V8.fullmatch(name):
        return Place(script["function"] or "(anonymous)", script["file"], int(script["line"]))
    return Place(name)


def _start(function: tuple[int, int, str]) -> int:
    return function[0]


def _parse_line(line: str) -> tuple[int, int, str] | None:
    start, _, rest = line.partition(" ")
    size, _, name = rest.partition(" ")
    try:
        first, n = int(start, 16), int(size, 16)
    except ValueError:
        return None
    return (first, first + n, name) if first >= 0 and n > 0 and name else None


def _flatten(functions: Functions) -> Functions:
    """Returns the functions with those parts cut off that later lines replaced: code is moved, and thrown away."""
    kept: Functions = []
    for start, end, name in functions:
        first = bisect_right(kept, start, key=_start)
        if first and kept[first - 1][1] > start:
            first -= 1
        last = first
        while last < len(kept) and kept[last][0] < end:
            last += 1
        replaced = kept[first:last]
        left = [(s, start, n) for s, e, n in replaced[:1] if s < start]
        right = [(end, e, n) for s, e, n in replaced[-1:] if e > end]
        kept[first:last] = [*left, (start, end, name), *right]
    return kept
