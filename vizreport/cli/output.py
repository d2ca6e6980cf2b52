"""Text on standard output: as it is, but on a terminal broken between words, so that indentation stays readable."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator

import click

_HANGING_COLUMNS = 4


def find_width() -> int | None:
    """Returns the columns of the terminal that standard output is, or None: it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def echo_lines(lines: Iterable[str]) -> None:
    """Prints lines; what is no terminal gets each as one line."""
    width = find_width()
    if width is not None:
        lines = wrap_lines(lines, width)
    click.echo("\n".join(lines))


def wrap_lines(lines: Iterable[str], width: int) -> Iterator[str]:
    """Yields lines of at most this width, further in from the second on. Words that are longer are not broken."""
    for line in lines:
        if len(line) <= width:
            yield line
            continue
        hanging = " " * (len(line) - len(line.lstrip()) + _HANGING_COLUMNS)
        yield from textwrap.wrap(line, width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False)
