"""What a trace holds so far: replays each image as its events arrive, and gives figures at any time.

Knows no network and no browser. A forked image starts with nothing here: what it inherited is not its own in any
figure, and waiting for its parent to get to the fork would hold it back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.heatmap import Heatmap
from vizreport.kernels import get_kernels
from vizreport.live.run import Rate, Run
from vizreport.model.replay import CoreResults
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Image, Session
from vizreport.trace.growing import GrowingTrace


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """One image, as far as it has arrived.

    Attributes:
        session: Of the recording.
        now_ns: Latest time in the trace, ns since start.
        core: Of all events so far; the timeline ends with the bin that ``now_ns`` is in.
        stacks: Call stacks so far.
        growth: int64[n], of each row of ``core.stacks``: live bytes gained, per minute, in the last minute.
        n_lost: Blocks of the whole trace that are damaged or missing.
    """

    session: Session
    image: Image
    now_ns: int
    core: CoreResults
    stacks: Stacks
    rate: Rate
    growth: NDArray[np.int64]
    n_lost: int

    @property
    def n_dropped(self) -> int:
        """Events that could not be recorded so far."""
        return self.image.n_dropped


def make_figures(run: Run, *, session: Session, image: Image, now_ns: int, stacks: Stacks, n_lost: int) -> LiveFigures:
    """Puts together what LiveFigures holds; now_ns is not before the last event of the run."""
    core = run.take_results(now_ns)
    return LiveFigures(
        session=session,
        image=image,
        now_ns=now_ns,
        core=core,
        stacks=stacks,
        rate=run.measure_rate(now_ns),
        growth=run.measure_growth(now_ns, core.stacks),
        n_lost=n_lost,
    )


class LiveSession:
    """Follows one trace file."""

    def __init__(self, path: str) -> None:
        """Opens the file; nothing needs to be in it yet.

        Raises:
            VizzyError: It can't be opened.
        """
        self.path = path
        self._trace = GrowingTrace(path, get_kernels().decode_events)
        self._runs: dict[int, Run] = {}
        self._images: tuple[int, tuple[Image, ...]] = (0, ())  # as of an offset in the file

    @property
    def version(self) -> int:
        """See feeds.ShownSession."""
        return self._trace.offset

    @property
    def n_bytes_taken(self) -> int:
        """Of the file."""
        return self._trace.offset

    @property
    def done(self) -> bool:
        """Whether all of the trace was taken: it ended in order."""
        return self._trace.done

    def advance(self, *, end: int | None = None) -> bool:
        """Takes some of what arrived, and tells whether there was anything to take.

        Args:
            end: Up to where the file is sound; None: as far as it reaches.

        Raises:
            TraceFormatError: It is no trace, or its header is damaged.
        """
        arrived = self._trace.read_more(end)
        for new in arrived or ():
            self._find_run(new.image).feed(new.events)
        return arrived is not None

    def list_images(self) -> tuple[Image, ...]:
        """Returns the process images so far."""
        if self._images[0] != self._trace.offset and self._trace.collected:
            self._images = self._trace.offset, self._trace.collected.build_images()
        return self._images[1]

    def look(self, index: int) -> LiveFigures:
        """Returns the figures of the image with this index, one of list_images."""
        collected = self._trace.collected
        assert collected is not None
        return make_figures(
            self._find_run(index),
            session=collected.session,
            image=collected.images[index].build(index),
            now_ns=self._trace.last_time_ns,
            stacks=self._trace.read_stacks(index),
            n_lost=self._trace.n_lost,
        )

    def draw_heatmap(self, index: int) -> Heatmap | None:
        """See feeds.ShownSession."""
        return self._find_run(index).draw_heatmap(self._trace.last_time_ns)

    def close(self) -> None:
        """Closes the file."""
        self._trace.close()

    def _find_run(self, index: int) -> Run:
        if index not in self._runs:
            assert self._trace.collected is not None
            start = self._trace.collected.images[index].build(index).start_time_ns
            self._runs[index] = Run(start)
        return self._runs[index]
