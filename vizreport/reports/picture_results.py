"""What a page's pictures are made of, for one process image, from one or two passes over the trace.

The first pass gives the core results, of all images. With them the image, its call tree and its peak are known, and a
second pass collects for that image what its other pictures need.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Flag, auto

import numpy as np

from vizreport.analysis.call_paths import find_paths
from vizreport.analysis.call_tree import CallTree
from vizreport.analysis.metrics import METRICS, take_values
from vizreport.analysis.pictures import PictureCollector, Pictures
from vizreport.analysis.replay import Wanted, replay_images
from vizreport.errors import VizzyError
from vizreport.kernels import get_kernels
from vizreport.model.live_set import LiveSet
from vizreport.model.replay import ImageReplay
from vizreport.model.stacks import Stacks
from vizreport.model.trace import Image
from vizreport.reports.call_trees import build_page_tree
from vizreport.reports.source_lines import SourceLines
from vizreport.reports.stack_lists import StackLister
from vizreport.reports.summary import Asked, ImageSummary, summarize_stacks
from vizreport.symbols.symbolizer import Symbolizer
from vizreport.trace.reader import Trace
from vizreport.views.calltree import find_ends

N_BINS = 1500
_LEAST_BINS = 200

Progress = Callable[[int, int], None]


class Need(Flag):
    """What a picture needs besides the core results."""

    TREE = auto()
    SECOND_PASS = auto()
    MOMENT = auto()


NOTHING = Need(0)


@dataclass(frozen=True, slots=True)
class PictureResults:
    """Results for one image.

    Attributes:
        replays: Core results of all images, in order of start.
        replayed: Those of the image that the pictures show.
        summary: Its largest leaks and other lists of call stacks, and its anomalies.
        tree: Its call tree, or None: not asked for.
        pictures: What the second pass gave, or None: not asked for. Slots of its ranges are places in the tree's ends.
        moment: What was live at the moment that was asked for, or None.
        sources: Where source lines come from, or None: the page shows none.
    """

    trace: Trace
    symbolizer: Symbolizer
    stacks: Stacks
    replays: tuple[ImageReplay, ...]
    replayed: ImageReplay
    summary: ImageSummary
    tree: CallTree | None
    pictures: Pictures | None
    moment: LiveSet | None
    sources: SourceLines | None

    @property
    def image(self) -> Image:
        """The image that the pictures show."""
        return self.replayed.image


def collect_results(
    trace: Trace,
    symbolizer: Symbolizer,
    needs: Need,
    asked: Asked,
    *,
    moment: int | str = "peak",
    sources: SourceLines | None = None,
    progress: Progress | None = None,
) -> PictureResults:
    """Makes as many passes as are needed.

    Args:
        trace: Of which.
        symbolizer: Of the trace.
        needs: What to collect.
        asked: Which process, and how many call stacks its lists have; no pid: the one that had most bytes live at once.
        moment: A time, ns since start, or "start", "peak" or "end".
        sources: Where source lines come from, if the page is to show them.
        progress: As in replay_images.

    Raises:
        VizzyError: There is no such process, or none at all.
    """
    n_passes = 2 if Need.SECOND_PASS in needs else 1
    first = replay_images(trace, wanted=_want_bins, progress=_part(progress, 0, n_passes))
    replays = tuple(sorted(first, key=lambda replayed: replayed.image.index))
    replayed = _choose(trace, replays, asked.pid)
    image = replayed.image
    stacks = trace.read_stacks(image.index, get_kernels().decode_nodes)
    lister = StackLister(image, stacks, replayed.stacks, symbolizer, folded=True)
    tree = None
    slots = np.zeros(len(replayed.stacks), dtype=np.int64)
    if Need.TREE in needs:
        tree = build_page_tree(
            find_paths(stacks, lister.sites),
            take_values(replayed.stacks, list(METRICS)),
            lambda rows: symbolizer.name_stacks(image, stacks, rows),
        )
        slots = np.searchsorted(find_ends(tree), tree.ends)
    pictures = None
    if Need.SECOND_PASS in needs:
        collector = PictureCollector(replayed, slots)
        second = replay_images(
            trace, images={image.index}, wanted=lambda _: collector.wanted, progress=_part(progress, 1, n_passes)
        )
        pictures = collector.finish(next(iter(second)))
    return PictureResults(
        trace=trace,
        symbolizer=symbolizer,
        stacks=stacks,
        replays=replays,
        replayed=replayed,
        summary=summarize_stacks(replayed, stacks, lister, asked),
        tree=tree,
        pictures=pictures,
        moment=_find_live(trace, replayed, moment) if Need.MOMENT in needs else None,
        sources=sources,
    )


def _find_live(trace: Trace, replayed: ImageReplay, moment: int | str) -> LiveSet:
    """Returns what was live at a moment."""
    start, end = int(replayed.timeline.edges[0]), int(replayed.timeline.edges[-1])
    if moment == "peak":
        wanted = Wanted(n_bins=1, rows=[replayed.peak.row])
    else:
        times = {"start": start, "end": end}
        wanted = Wanted(n_bins=1, times=[times[moment] if isinstance(moment, str) else min(moment, end)])
    found = replay_images(trace, images={replayed.image.index}, wanted=lambda _: wanted)
    return next(iter(found)).snapshots[0]


def _want_bins(image: Image) -> Wanted:
    """Says how finely an image's time is divided; images of few events may be many."""
    return Wanted(n_bins=min(N_BINS, max(_LEAST_BINS, image.n_events)))


def _part(progress: Progress | None, done_before: int, n_passes: int) -> Progress | None:
    """Returns what reports one of several passes as a part of the whole."""
    if progress is None:
        return None
    return lambda done, total: progress(done + done_before * total, n_passes * total)


def _choose(trace: Trace, replays: Sequence[ImageReplay], pid: int | None) -> ImageReplay:
    """Returns the image that the pictures show: of the process, or of all, the one with the highest peak."""
    of_process = [replayed for replayed in replays if pid in (None, replayed.image.pid)]
    if pid is not None and not of_process:
        raise VizzyError(f"{trace.path}: no process has the pid {pid}; `vizreport info` lists them")
    if not of_process:
        raise VizzyError(f"{trace.path}: the trace describes no process; there is nothing to draw")
    return max(of_process, key=lambda replayed: (replayed.peak.bytes, replayed.totals.allocs))
