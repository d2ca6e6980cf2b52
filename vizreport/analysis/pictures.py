"""All that is drawn of one image: what a second pass over its events has to collect, and what is made of that.

The first pass says when the peak is and which call stacks there are; the call tree made of it, what these count for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.fragmentation import Fragmentation, PinningStacks, find_pinning_stacks, measure_fragmentation
from vizreport.analysis.heatmap import Heatmap, HeatmapAccumulator
from vizreport.analysis.held import HeldAccumulator, HeldTimeline
from vizreport.analysis.layout import MAX_PIECES, HeapLayout, find_layout_regions, lay_out
from vizreport.analysis.ranges import RangeAccumulator, RangeTable
from vizreport.analysis.replay import Wanted
from vizreport.analysis.size_lifetimes import SizeLifetimes, SizeLifetimesAccumulator
from vizreport.model.live_set import LiveSet
from vizreport.model.replay import ImageReplay

N_SNAPSHOTS = 16
_SNAPSHOT_BLOCKS = 4_000_000  # 44 bytes each


@dataclass(frozen=True, slots=True)
class Moment:
    """What is held and live at one moment.

    Attributes:
        fragmentation: Held against live.
        pinning: Who pins mostly empty pages.
    """

    fragmentation: Fragmentation
    pinning: PinningStacks


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is drawn of one image.

    Attributes:
        size_lifetimes: Of its own blocks.
        heatmap: Address by time.
        held: Held and live bytes over time.
        ranges: What any range of time allocated and left live; slots are the nodes that were given.
        layouts: Of the heap: from start to end at even times, and at the peak, in order of time.
        peak_layout: Which of these is the peak's.
        peak: Fragmentation at the peak.
        end: Fragmentation at the end.
    """

    size_lifetimes: SizeLifetimes
    heatmap: Heatmap
    held: HeldTimeline
    ranges: RangeTable
    layouts: tuple[HeapLayout, ...]
    peak_layout: int
    peak: Moment
    end: Moment


class PictureCollector:
    """Collects what the pictures of one image are made of: ``wanted`` is for the second pass, whose result they take.

    Snapshots hold at most 4 million blocks together, but there are those of the peak and of the end in any case.
    """

    def __init__(self, first: ImageReplay, nodes: NDArray[np.int64], *, n_snapshots: int = N_SNAPSHOTS) -> None:
        """Begins to collect.

        Args:
            first: What the first pass gave.
            nodes: int64[n_stacks], for each row of ``first.stacks`` what its stack counts for in ranges of time.
            n_snapshots: Heap layouts at most.
        """
        start, end = int(first.timeline.edges[0]), int(first.timeline.edges[-1])
        self._size_lifetimes = SizeLifetimesAccumulator()
        self._heatmap = HeatmapAccumulator(start, end)
        self._held = HeldAccumulator(start, end)
        self._ranges = RangeAccumulator(start, end, stacks=first.stacks.stacks, slots=nodes)
        n_blocks = max(first.peak.blocks + first.totals.inherited_blocks, 1)
        n_even = min(n_snapshots - 1, _SNAPSHOT_BLOCKS // n_blocks)
        times = np.linspace(start, end, n_even) if n_even > 1 else [end]
        self.wanted = Wanted(
            times=[int(time) for time in times],
            rows=[first.peak.row],
            sinks=[self._size_lifetimes, self._heatmap, self._held, self._ranges],
        )

    def finish(self, second: ImageReplay) -> Pictures:
        """Makes the pictures of what the second pass gave."""
        *even, peak = second.snapshots
        end = even[-1]
        snapshots = sorted(second.snapshots, key=lambda live: live.time_ns)
        regions = find_layout_regions(snapshots)
        share = MAX_PIECES // len(snapshots)
        return Pictures(
            size_lifetimes=self._size_lifetimes.result(),
            heatmap=self._heatmap.result(),
            held=self._held.result(),
            ranges=self._ranges.result(),
            layouts=tuple(lay_out(live, regions=regions, max_pieces=share) for live in snapshots),
            peak_layout=next(k for k, live in enumerate(snapshots) if live is peak),
            peak=_look(peak),
            end=_look(end),
        )


def _look(live: LiveSet) -> Moment:
    """Measures one moment."""
    return Moment(measure_fragmentation(live), find_pinning_stacks(live))
