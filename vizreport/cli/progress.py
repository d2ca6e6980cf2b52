"""A progress bar on a terminal's standard error; nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def show_progress(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """Yields what long work calls with how much is done and how much there is; None: nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def update(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield update
    click.echo("\x1b[1A\x1b[2K", nl=False, err=True)  # the bar has served: up one line, and clear it
