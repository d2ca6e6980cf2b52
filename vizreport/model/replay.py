"""What one pass over an image's events gives: the core results, which summary and tree are made of.

The words are the glossary's; all figures but ``inherited_*`` are of the image's own blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.model.live_set import LiveSet
from vizreport.model.trace import Image


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of one image. A reallocation that succeeded counts as an allocation and a free; mappings count nothing.

    Attributes:
        n_events: Events that were replayed, mappings too.
        allocs: Allocations.
        frees: Frees, of inherited blocks and of unknown addresses too.
        bytes_allocated: Sum of requested sizes.
        live_bytes: In use at exit: own blocks that are not freed.
        live_blocks: How many those are.
        inherited_bytes: Of blocks that came with the fork and are not freed.
        inherited_blocks: How many those are.
        n_unmatched_frees: Frees and reallocations of addresses where nothing was live.
        n_duplicates: Allocations at addresses where a block was live; that block ends there.
        n_temporary: Temporary blocks.
        mapped_bytes: In the program's own mappings at the end, in whole pages of 4 KiB.
        peak_mapped_bytes: The most there ever was in them.
    """

    n_events: int
    allocs: int
    frees: int
    bytes_allocated: int
    live_bytes: int
    live_blocks: int
    inherited_bytes: int
    inherited_blocks: int
    n_unmatched_frees: int
    n_duplicates: int
    n_temporary: int
    mapped_bytes: int
    peak_mapped_bytes: int


@dataclass(frozen=True, slots=True)
class Peak:
    """The first moment with the most live bytes of the image's own blocks.

    Attributes:
        row: Number of the event that reached it, counted in the image; -1: no bytes were ever live.
    """

    bytes: int
    blocks: int
    time_ns: int
    row: int


@dataclass(frozen=True, slots=True)
class StackTable:
    """One row for each stack id that occurs in the image's events, ids increasing.

    Attributes:
        stacks: uint32[n], stack node ids.
        allocs: uint64[n], allocations made there.
        bytes_allocated: uint64[n].
        frees: uint64[n], blocks allocated there that were freed or reallocated.
        live_bytes: uint64[n], at the end: leaked.
        live_blocks: uint64[n], likewise.
        peak_bytes: uint64[n], live at the moment of the image's peak.
        peak_blocks: uint64[n], likewise.
        temporary: uint64[n], temporary blocks allocated there.
        lifetime_ns: uint64[n], sum over the blocks that ``frees`` counts.
        walks: uint64[n], how often the stack was taken: by allocations, mappings, and frees where they have stacks.
    """

    stacks: NDArray[np.uint32]
    allocs: NDArray[np.uint64]
    bytes_allocated: NDArray[np.uint64]
    frees: NDArray[np.uint64]
    live_bytes: NDArray[np.uint64]
    live_blocks: NDArray[np.uint64]
    peak_bytes: NDArray[np.uint64]
    peak_blocks: NDArray[np.uint64]
    temporary: NDArray[np.uint64]
    lifetime_ns: NDArray[np.uint64]
    walks: NDArray[np.uint64]

    def __len__(self) -> int:
        """Returns the number of stacks."""
        return len(self.stacks)


@dataclass(frozen=True, slots=True)
class ThreadTable:
    """One row for each thread that allocated or freed, ids increasing; and who freed whose blocks.

    Attributes:
        threads: uint32[n], indexes of Image.threads.
        allocs: uint64[n].
        bytes_allocated: uint64[n].
        frees: uint64[n], as in Totals.
        foreign_frees: uint64[n], those of them that ended a block which another thread had allocated.
        pair_starts: uint32[m], allocating thread of each pair that occurs; pairs are sorted by it, then by the other.
        pair_ends: uint32[m], freeing thread.
        pair_blocks: uint64[m], own blocks that the one allocated and the other freed or reallocated.
        pair_bytes: uint64[m], of those.
    """

    threads: NDArray[np.uint32]
    allocs: NDArray[np.uint64]
    bytes_allocated: NDArray[np.uint64]
    frees: NDArray[np.uint64]
    foreign_frees: NDArray[np.uint64]
    pair_starts: NDArray[np.uint32]
    pair_ends: NDArray[np.uint32]
    pair_blocks: NDArray[np.uint64]
    pair_bytes: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Live bytes and blocks over an image's time, in equal bins: no spike vanishes.

    An event belongs to the bin k with edges[k] <= time < edges[k + 1]. Minimum and maximum are over all moments of a
    bin, its beginning included, when what the bin before left was live.

    Attributes:
        edges: uint64[n_bins + 1], ns since start, non-decreasing.
        min_bytes: uint64[n_bins], least live bytes of own blocks.
        max_bytes: uint64[n_bins], most.
        last_bytes: uint64[n_bins], at the bin's end.
        min_blocks: uint64[n_bins], least live own blocks.
        max_blocks: uint64[n_bins], most.
        last_blocks: uint64[n_bins], at the bin's end.
        allocs: uint64[n_bins], in the bin.
        frees: uint64[n_bins], in the bin, as in Totals.
        bytes_allocated: uint64[n_bins], in the bin.
    """

    edges: NDArray[np.uint64]
    min_bytes: NDArray[np.uint64]
    max_bytes: NDArray[np.uint64]
    last_bytes: NDArray[np.uint64]
    min_blocks: NDArray[np.uint64]
    max_blocks: NDArray[np.uint64]
    last_blocks: NDArray[np.uint64]
    allocs: NDArray[np.uint64]
    frees: NDArray[np.uint64]
    bytes_allocated: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class CoreResults:
    """Everything that the pass accumulates whether or not anybody asks for more."""

    totals: Totals
    peak: Peak
    stacks: StackTable
    threads: ThreadTable
    timeline: Timeline


@dataclass(frozen=True, slots=True)
class Uncertain:
    """How far dropped events make the figures uncertain.

    Attributes:
        events: How many were dropped. Counts of allocations and frees may be too small by so many.
        bytes: Of those blocks, at most.
        blocks: So many of those in use at exit may have been freed.
    """

    events: int
    bytes: int
    blocks: int


CERTAIN = Uncertain(0, 0, 0)


@dataclass(frozen=True, slots=True)
class ImageReplay:
    """What the pass over one image gave.

    Attributes:
        snapshots: The live sets that were asked for, in that order: those of times first, then those of rows.
        uncertain: What dropped events may have changed.
    """

    image: Image
    totals: Totals
    peak: Peak
    stacks: StackTable
    threads: ThreadTable
    timeline: Timeline
    snapshots: tuple[LiveSet, ...]
    uncertain: Uncertain
