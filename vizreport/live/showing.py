"""What there is to see of an image: its figures, and the call stacks that hold most or grow fastest, with names.

Names come when they are found: until then a frame is a module and an offset.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vizreport.live.background_names import BackgroundNames, NameThread
from vizreport.live.feeds import Feed, ShownSession
from vizreport.live.session import LiveFigures
from vizreport.model.trace import Image
from vizreport.reports.stack_lists import NamedStack, StackLister
from vizreport.symbols.options import SymbolOptions


@dataclass(frozen=True, slots=True)
class Choice:
    """An image that can be looked at.

    Attributes:
        path: Of its trace.
    """

    path: str
    image: Image


def choose_busiest(choices: Sequence[Choice]) -> Choice | None:
    """Returns what is worth looking at: of the newest recording the image that did most."""
    newest = [choice for choice in choices if choice.path == choices[-1].path]
    return max(newest, key=lambda choice: choice.image.n_events, default=None)


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is to see of one image.

    Attributes:
        names: Of its trace.
        lister: Of its call stacks.
        live: Live bytes and blocks, largest first.
        growing: Bytes per minute and live bytes, those that grow fastest first.
    """

    figures: LiveFigures
    names: BackgroundNames
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
        self.feed, self._options, self._n_stacks = feed, options, n_stacks
        self._thread = NameThread()
        self._names: dict[str, tuple[ShownSession, BackgroundNames]] = {}  # a path may come again, for another trace

    def list_choices(self) -> Iterator[Choice]:
        """Yields the images that are known, in order of appearance."""
        for path, session in self.feed.sessions.items():
            for image in session.list_images():
                if image.known:
                    yield Choice(path, image)

    def find_names(self, path: str) -> BackgroundNames:
        """Returns the names of a trace of the feed; those of traces that it dropped are forgotten."""
        session = self.feed.sessions[path]
        if path not in self._names or self._names[path][0] is not session:
            self._names = {each: kept for each, kept in self._names.items() if each in self.feed.sessions}
            self._names[path] = session, BackgroundNames(path, self._options, self._thread)
        return self._names[path][1]

    def look(self, path: str, index: int) -> Shown:
        """Returns what there is to see of an image."""
        figures, names = self.feed.sessions[path].look(index), self.find_names(path)
        table = figures.core.stacks
        lister = StackLister(figures.image, figures.stacks, table, names, folded=True)
        live = lister.rank(table.live_bytes, table.live_blocks)
        grown = np.maximum(figures.growth, 0).astype(np.uint64)
        growing = lister.rank(grown, np.where(grown > 0, table.live_bytes, np.uint64(0)))
        top = self._n_stacks
        return Shown(
            figures,
            names,
            lister,
            lister.name(replace(live, order=live.order[:top])),
            lister.name(replace(growing, order=growing.order[:top])),
        )
