"""Text on standard output: as it is, but on a terminal broken between words, so that indentation stays readable."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator

import click

from vizreport.reports.ink import Ink, strip_ink
from vizreport.reports.tree_text import ASCII_LINES, UNICODE_LINES

_HANGING_COLUMNS = 4


def find_width() -> int | None:
    """Returns the columns of the terminal that standard output is, or None: it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def choose_ink() -> Ink:
    """Returns colours for a terminal that shows them, unless NO_COLOR is set (https://no-color.org)."""
    return Ink(sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")


def choose_lines() -> tuple[str, str, str, str]:
    """Returns what trees are drawn with: box-drawing characters on a terminal that has them."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return UNICODE_LINES if sys.stdout.isatty() and encoding == "utf8" else ASCII_LINES


def echo_lines(lines: Iterable[str]) -> None:
    """Prints lines; what is no terminal gets each as one line."""
    width = find_width()
    if width is not None:
        lines = wrap_lines(lines, width)
    # Colours were chosen by choose_ink: click must not take them out again.
    click.echo("\n".join(lines), color=True)


def wrap_lines(lines: Iterable[str], width: int) -> Iterator[str]:
    """Yields lines of at most this width, further in from the second on. Words that are longer are not broken."""
    for line in lines:
        if len(strip_ink(line)) <= width:
            yield line
        else:
            yield from _wrap(line, width)


def _wrap(line: str, width: int) -> Iterator[str]:
    first, *words = re.findall(r"\s*\S+", line)
    indent = " " * (len(line) - len(line.lstrip()) + _HANGING_COLUMNS)
    begun = first
    for word in words:
        if len(strip_ink(begun + word)) > width:
            yield begun
            begun = indent + word.lstrip()
        else:
            begun += word
    yield begun
