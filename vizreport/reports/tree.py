"""The allocation tree of one process image: which functions, by call stack, account for how much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vizreport.analysis.call_paths import find_paths, invert_paths, prune_paths
from vizreport.analysis.call_sites import find_call_sites
from vizreport.analysis.call_tree import CallTree, build_tree
from vizreport.analysis.forest import Rows
from vizreport.analysis.metrics import take_values
from vizreport.analysis.replay import Wanted, replay_images
from vizreport.analysis.stack_groups import find_ends
from vizreport.errors import VizzyError
from vizreport.kernels import get_kernels
from vizreport.model.names import Names
from vizreport.model.replay import ImageReplay
from vizreport.model.trace import Image
from vizreport.symbols.symbolizer import Symbolizer
from vizreport.trace.format import NODE_DEPTH_CUT, NODE_UNWIND_GAP, NotRecorded
from vizreport.trace.reader import Trace


@dataclass(frozen=True, slots=True)
class TreeAsked:
    """What is asked for.

    Attributes:
        metric: A key of METRICS.
        inverted: From the leaf up.
        min_share: Parts of the whole below which a function is not shown but added to "other"; 0 to 1.
        folded: Leave out allocator frames.
    """

    metric: str = "peak"
    inverted: bool = False
    min_share: float = 0.01
    folded: bool = True


EVERYTHING = TreeAsked(min_share=0.0)


@dataclass(frozen=True, slots=True)
class ImageTree:
    """The tree of one process image.

    Attributes:
        depth_cut: The part of the figure whose call stacks were cut at the depth limit: their topmost function is not
            where they begin.
        unwind_gaps: The part whose call stacks were cut for want of unwind data.
    """

    image: Image
    tree: CallTree
    depth_cut: int
    unwind_gaps: int


def make_trees(
    trace: Trace,
    symbolizer: Symbolizer | None = None,
    asked: TreeAsked = EVERYTHING,
    *,
    pid: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[ImageTree, ...]:
    """Returns the trees of the images of one process, of COMMAND if none is named.

    Args:
        trace: Of which.
        symbolizer: Of the trace; None: one with no options.
        asked: What is wanted.
        pid: Of the process.
        progress: As in replay_images.

    Raises:
        VizzyError: No process has the pid, or nothing was recorded of it.
    """
    chosen = {image.index for image in _choose_images(trace, pid)}
    replays = replay_images(trace, images=chosen, wanted=lambda image: Wanted(n_bins=1), progress=progress)
    symbolizer = symbolizer or Symbolizer(trace)
    trees = [make_tree(trace, replayed, symbolizer, asked) for replayed in replays]
    return tuple(sorted(trees, key=lambda each: each.image.index))


def _choose_images(trace: Trace, pid: int | None) -> tuple[Image, ...]:
    """Returns the recorded images of a process."""
    if not trace.images:
        raise VizzyError(f"{trace.path}: the trace describes no process")
    if pid is None:
        pid = trace.images[0].pid
    images = tuple(image for image in trace.images if image.pid == pid)
    if not images:
        raise VizzyError(f"{trace.path}: no process has the pid {pid}; `vizreport info` lists them")
    recorded = tuple(image for image in images if image.not_recorded == NotRecorded.RECORDED)
    if not recorded:
        raise VizzyError(f"{trace.path}: process {pid} was not recorded; `vizreport summary --pid {pid}` says why")
    return recorded


def make_tree(trace: Trace, replayed: ImageReplay, symbolizer: Symbolizer, asked: TreeAsked) -> ImageTree:
    """Returns the tree of one image. Only what is shown is named."""
    image, table = replayed.image, replayed.stacks
    stacks = trace.read_stacks(image.index, get_kernels().decode_nodes)

    def name(rows: Rows) -> Names:
        return symbolizer.name_stacks(image, stacks, rows)

    values = take_values(table, [asked.metric])
    used = np.flatnonzero(values[:, 0])
    leaves, roots = find_ends(stacks, table.stacks[used])
    if asked.folded:
        leaves = find_call_sites(stacks, leaves, name)
    minimum = np.ceil(values.sum(axis=0) * asked.min_share).astype(np.uint64)
    cut = invert_paths if asked.inverted else prune_paths
    paths = cut(find_paths(stacks, leaves), values[used], minimum)
    return ImageTree(
        image=image,
        tree=build_tree(paths, name(paths.rows), values[used], inverted=asked.inverted, folded=asked.folded),
        depth_cut=int(values[used][roots == NODE_DEPTH_CUT].sum()),
        unwind_gaps=int(values[used][roots == NODE_UNWIND_GAP].sum()),
    )
