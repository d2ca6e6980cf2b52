"""What is worth saying about a heap in a sentence: facts that pass their threshold, with the numbers to say them.

A finding says what is so, not what to do. Each names a node of the call tree where there is one place to look at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.call_tree import CallTree
from vizreport.analysis.figures import LEAKED, PEAK, TEMPORARY
from vizreport.analysis.forest import Rows, Values, find_marked, sum_subtrees
from vizreport.analysis.growth import NS_PER_MINUTE, measure_growth
from vizreport.analysis.owners import Owner, find_owner
from vizreport.analysis.pictures import Moment, Pictures
from vizreport.analysis.ranges import RangeTable
from vizreport.model.replay import CERTAIN, ImageReplay, StackTable, ThreadTable, Totals, Uncertain

LEAST_TEMPORARY_SHARE = 0.3
LEAST_ALLOCS = 1000
LEAST_LEAK_SHARE = 0.5
LEAST_LEAKED_BYTES = 4096
LEAST_TREND = 0.9
LEAST_GROWTH_SHARE = 0.1
LEAST_GROWTH_NS = 5_000_000_000
LEAST_GROWTH_PART = 0.1
LEAST_EMPTY_SHARE = 0.25
LEAST_EMPTY_BYTES = 1 << 20
LEAST_FOREIGN_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class PeakOwner:
    """More than half of what was live at the peak was allocated under one function."""

    owner: Owner
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class ManyTemporaries:
    """At least 30 % of at least 1000 allocations are temporary; and the function under which most of these lie."""

    temporary: int
    allocs: int
    owner: Owner | None


@dataclass(frozen=True, slots=True)
class LargestLeak:
    """Of at least 4 KiB that are leaked, at least half was allocated by one call path.

    Attributes:
        node: Where the path ends.
        bytes: Leaked by it.
        leaked_bytes: Of all.
        leaked_blocks: Of all.
    """

    node: int
    bytes: int
    leaked_bytes: int
    leaked_blocks: int


@dataclass(frozen=True, slots=True)
class SteadyGrowth:
    """Live bytes keep growing: after the first quarter of at least 5 s, 95 of 100 pairs of moments rise.

    What was gained since is at least 10 % of the most that was live.

    Attributes:
        bytes_per_minute: Robust slope, of all live bytes.
        owner: The function under which most of the growth is, and its bytes per minute; or None.
    """

    bytes_per_minute: int
    owner: Owner | None


@dataclass(frozen=True, slots=True)
class PinnedPages:
    """At least 1 MiB, and a quarter of what is held, is empty space on mostly empty pages.

    Attributes:
        time_ns: When, ns since start.
        empty_bytes: On mostly empty pages.
        held_bytes: Of all pages with a live byte.
        node: Whose blocks pin most of it.
        pinned_bytes: How much they do.
    """

    time_ns: int
    empty_bytes: int
    held_bytes: int
    node: int
    pinned_bytes: int


@dataclass(frozen=True, slots=True)
class ForeignFrees:
    """One thread frees at least 10 % of the blocks that end, and another one allocated them; 1000 blocks or more.

    Attributes:
        start_thread: Index of the thread that allocated them.
        end_thread: Index of the thread that freed them.
        blocks: How many these are.
        ended_blocks: All that ended.
    """

    start_thread: int
    end_thread: int
    blocks: int
    ended_blocks: int


Finding = PeakOwner | ManyTemporaries | LargestLeak | SteadyGrowth | PinnedPages | ForeignFrees


def find_findings(first: ImageReplay, tree: CallTree, pictures: Pictures, nodes: Rows) -> tuple[Finding, ...]:
    """Finds all there is to say about an image, in the order in which to say it.

    Args:
        first: What the first pass gave.
        tree: From the root down; its figures are those of figures.py, and ``ends`` is of the rows of ``first.stacks``.
        pictures: What the second pass gave.
        nodes: int64[n_slots], the node of the tree for each slot of ``pictures.ranges`` but the last.
    """
    found = (
        find_peak_owner(tree),
        find_steady_growth(pictures.ranges, nodes, tree, first.uncertain),
        find_largest_leak(first.totals, tree, first.uncertain),
        find_pinned_pages(pictures.end, first.stacks, tree) or find_pinned_pages(pictures.peak, first.stacks, tree),
        find_many_temporaries(first.totals, tree),
        find_foreign_frees(first.threads),
    )
    return tuple(finding for finding in found if finding is not None)


def find_peak_owner(tree: CallTree) -> PeakOwner | None:
    """Tells under which function most of what was live at the peak was allocated."""
    owner = find_owner(tree, tree.total_values[:, PEAK])
    return PeakOwner(owner, int(tree.total_values[0, PEAK])) if owner else None


def find_many_temporaries(totals: Totals, tree: CallTree) -> ManyTemporaries | None:
    """Tells whether many allocations are temporary."""
    if totals.allocs < LEAST_ALLOCS or totals.n_temporary < LEAST_TEMPORARY_SHARE * totals.allocs:
        return None
    return ManyTemporaries(totals.n_temporary, totals.allocs, find_owner(tree, tree.total_values[:, TEMPORARY]))


def find_largest_leak(totals: Totals, tree: CallTree, uncertain: Uncertain = CERTAIN) -> LargestLeak | None:
    """Tells whether one leak is most of what is leaked, even if all that dropped events make uncertain was freed."""
    leaked = tree.self_values[:, LEAKED]
    node = int(leaked.argmax())
    n_bytes = int(leaked[node])
    certain = n_bytes - uncertain.bytes
    if node == 0 or totals.live_bytes < LEAST_LEAKED_BYTES or certain < LEAST_LEAK_SHARE * totals.live_bytes:
        return None
    return LargestLeak(node, n_bytes, totals.live_bytes, totals.live_blocks)


def find_steady_growth(
    ranges: RangeTable, nodes: Rows, tree: CallTree, uncertain: Uncertain = CERTAIN
) -> SteadyGrowth | None:
    """Tells whether live bytes keep growing, and under which function; ``nodes`` as in find_findings.

    What may have been freed by events that were dropped is no growth.
    """
    bins = ranges.bins
    if bins.end_ns - bins.start_ns < LEAST_GROWTH_NS:
        return None
    live = ranges.sum_live()
    whole = live.sum(axis=0, keepdims=True)
    growth = measure_growth(whole, bin_ns=bins.width_ns)
    gained = int(whole[0, -1]) - int(whole[0, bins.n // 4]) - uncertain.bytes
    if growth.trends[0] < LEAST_TREND or gained < LEAST_GROWTH_SHARE * int(whole.max()):
        return None
    bytes_per_minute = float(growth.bytes_per_minute[0])
    kept = _find_growing(live, np.append(nodes, 0), tree, bytes_per_minute * bins.n * bins.width_ns / NS_PER_MINUTE)
    index = np.cumsum(kept) - 1
    series = np.zeros((np.count_nonzero(kept), bins.n), dtype=np.uint64)
    np.add.at(series, index[find_marked(tree.parents, kept)[np.append(nodes, 0)]], live)
    series = sum_subtrees(np.append(index, -1)[tree.parents[kept]], series)
    # What shrinks elsewhere may make a part grow faster than the whole does.
    slopes = measure_growth(series, bin_ns=bins.width_ns).bytes_per_minute
    rates = np.zeros(len(tree), dtype=np.uint64)
    rates[kept] = np.rint(np.maximum(slopes, 0)).astype(np.uint64)
    return SteadyGrowth(int(rates[0]), find_owner(tree, rates))


def _find_growing(live: Values, nodes: Rows, tree: CallTree, gained: float) -> NDArray[np.bool_]:
    """Returns which nodes may have half of the growth: node 0 and few others, of hundreds of thousands.

    Half of all pairs of moments are further apart than 29 % of the time that is looked at, and half of all slopes are
    at least the median. So a node that grows half as fast as all has gained a tenth of what all did, at some moment.
    """
    most = np.zeros((len(tree), 1), dtype=np.uint64)
    np.add.at(most[:, 0], nodes, live.max(axis=1))
    kept: NDArray[np.bool_] = sum_subtrees(tree.parents, most)[:, 0] >= LEAST_GROWTH_PART * gained
    kept[0] = True
    return kept


def find_pinned_pages(moment: Moment, stacks: StackTable, tree: CallTree) -> PinnedPages | None:
    """Tells whether much of what is held is empty, and who holds it; ``tree.ends`` is of the rows of ``stacks``."""
    fragmentation, pinning = moment.fragmentation, moment.pinning
    if pinning.empty_bytes < max(LEAST_EMPTY_BYTES, LEAST_EMPTY_SHARE * fragmentation.held_bytes):
        return None
    by_node = np.zeros(len(tree))
    rows = np.searchsorted(stacks.stacks, pinning.stacks)
    known = np.flatnonzero(stacks.stacks[np.minimum(rows, len(stacks) - 1)] == pinning.stacks)
    np.add.at(by_node, tree.ends[rows[known]], pinning.pinned_bytes[known])
    node = int(by_node.argmax())
    return PinnedPages(fragmentation.time_ns, pinning.empty_bytes, fragmentation.held_bytes, node, round(by_node[node]))


def find_foreign_frees(threads: ThreadTable) -> ForeignFrees | None:
    """Tells whether one thread frees much of what another one allocated."""
    ended = int(threads.pair_blocks.sum())
    foreign = np.where(threads.pair_starts != threads.pair_ends, threads.pair_blocks, np.uint64(0))
    if len(foreign) == 0:
        return None
    pair = int(foreign.argmax())
    blocks = int(foreign[pair])
    if blocks < LEAST_ALLOCS or blocks < LEAST_FOREIGN_SHARE * ended:
        return None
    return ForeignFrees(int(threads.pair_starts[pair]), int(threads.pair_ends[pair]), blocks, ended)
