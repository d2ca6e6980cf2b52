"""What pages show of an image: its figures, and the call stacks that hold most or grow fastest, with names.

All pages share it: what one has looked at, another need not find out again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from vizreport.live.feeds import Feed
from vizreport.live.session import LiveFigures
from vizreport.model.trace import Image
from vizreport.reports.stack_lists import NamedStack, StackLister
from vizreport.symbols.options import SymbolOptions
from vizreport.symbols.symbolizer import Symbolizer
from vizreport.trace.reader import read_trace

_FRESH_S = 0.4
"""A page refreshes every half second: several of them are served by one look."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An image that can be looked at.

    Attributes:
        path: Of its trace.
    """

    path: str
    image: Image


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is to see of one image.

    Attributes:
        lister: Of its call stacks.
        live: Live bytes and blocks, largest first.
        growing: Bytes per minute and live bytes, those that grow fastest first.
    """

    figures: LiveFigures
    lister: StackLister
    live: tuple[NamedStack, ...]
    growing: tuple[NamedStack, ...]


class Showing:
    """Looks at the images of a feed when it is asked to."""

    def __init__(self, feed: Feed, options: SymbolOptions, *, n_stacks: int) -> None:
        """Looks at nothing yet.

        Args:
            feed: Whose images.
            options: Where to look for names.
            n_stacks: Call stacks of each list.
        """
        self._feed, self._options, self._n_stacks = feed, options, n_stacks
        self._symbolizers: dict[str, Symbolizer] = {}
        self._looked: dict[tuple[str, int], tuple[float, Shown]] = {}

    def list_choices(self) -> Iterator[Choice]:
        """Yields the images that are known, in order of appearance."""
        for path, session in self._feed.sessions.items():
            for image in session.list_images():
                if image.known:
                    yield Choice(path, image)

    def look(self, path: str, index: int) -> Shown:
        """Returns what there is to see of an image, at most half a second old."""
        now = time.monotonic()
        looked = self._looked.get((path, index))
        if looked is None or looked[0] < now - _FRESH_S:
            looked = self._looked[path, index] = now, self._look(path, index)
        return looked[1]

    def _look(self, path: str, index: int) -> Shown:
        figures = self._feed.sessions[path].look(index)
        if path not in self._symbolizers:  # its modules are those of the images that are asked for
            self._symbolizers[path] = Symbolizer(read_trace(path), self._options)
        table = figures.core.stacks
        lister = StackLister(figures.image, figures.stacks, table, self._symbolizers[path], folded=True)
        live = lister.rank(table.live_bytes, table.live_blocks)
        grown = np.maximum(figures.growth, 0).astype(np.uint64)
        growing = lister.rank(grown, np.where(grown > 0, table.live_bytes, np.uint64(0)))
        top = self._n_stacks
        return Shown(
            figures,
            lister,
            lister.name(replace(live, order=live.order[:top])),
            lister.name(replace(growing, order=growing.order[:top])),
        )
