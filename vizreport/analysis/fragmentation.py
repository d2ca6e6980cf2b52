"""How much memory is held beyond what is live, at one moment, and which call stacks hold it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.pages import PAGE_BYTES, PageOccupancy, find_edges, find_page_occupancy
from vizreport.model.live_set import LiveSet

MOSTLY_EMPTY = 0.25
"""A page is mostly empty if at most this share of its bytes is live."""

_CHUNK_HEADER, _CHUNK_ALIGNMENT, _CHUNK_LEAST = 8, 16, 32


@dataclass(frozen=True, slots=True)
class Fragmentation:
    """Held against live bytes; the glossary has the formulas.

    Attributes:
        time_ns: The moment, ns since start.
        live_bytes: Requested sizes of the live blocks, inherited ones too.
        chunk_bytes: What these blocks take with headers and padding as glibc's malloc makes them: an estimate.
        pages: Held pages and what is live on them.
    """

    time_ns: int
    live_bytes: int
    chunk_bytes: int
    pages: PageOccupancy

    @property
    def held_bytes(self) -> int:
        """Bytes of the pages with at least one live byte: the least that must be resident."""
        return self.pages.held_bytes

    @property
    def external_fragmentation(self) -> float:
        """The share of held bytes that no block's chunk takes: in [0, 1], 0 where nothing is held."""
        return max(0.0, 1 - self.chunk_bytes / self.held_bytes) if self.held_bytes else 0.0

    @property
    def internal_fragmentation(self) -> float:
        """The share of chunk bytes that was not requested: in [0, 1], 0 where there are none."""
        return 1 - self.live_bytes / self.chunk_bytes if self.chunk_bytes else 0.0


@dataclass(frozen=True, slots=True)
class PinningStacks:
    """Call stacks whose blocks keep mostly empty pages held, those that pin most bytes first.

    Attributes:
        n_pages: Mostly empty pages.
        empty_bytes: Bytes on them that are not live; ``pinned_bytes`` sums to it.
        stacks: uint32[n], stack node ids.
        pages: int64[n], mostly empty pages with a block of the stack.
        pinned_bytes: float64[n], the stack's share of their empty bytes: each page's are split equally among the blocks
            on it.
        releasable_bytes: int64[n], bytes of the mostly empty pages where all blocks are the stack's: without its blocks
            they need not be held.
    """

    n_pages: int
    empty_bytes: int
    stacks: NDArray[np.uint32]
    pages: NDArray[np.int64]
    pinned_bytes: NDArray[np.float64]
    releasable_bytes: NDArray[np.int64]


def measure_fragmentation(live: LiveSet, *, page_bytes: int = PAGE_BYTES) -> Fragmentation:
    """Compares what is held with what is live."""
    taken = (live.sizes + np.uint64(_CHUNK_HEADER + _CHUNK_ALIGNMENT - 1)) & ~np.uint64(_CHUNK_ALIGNMENT - 1)
    return Fragmentation(
        time_ns=live.time_ns,
        live_bytes=int(live.sizes.sum()),
        chunk_bytes=int(np.maximum(taken, np.uint64(_CHUNK_LEAST)).sum()),
        pages=find_page_occupancy(live, page_bytes=page_bytes),
    )


def find_pinning_stacks(
    live: LiveSet, *, page_bytes: int = PAGE_BYTES, mostly_empty: float = MOSTLY_EMPTY
) -> PinningStacks:
    """Finds who keeps mostly empty pages held."""
    edges = find_edges(live.addresses, live.sizes, page_bytes=page_bytes)
    occupancy = find_page_occupancy(live, page_bytes=page_bytes)
    empty = np.uint64(page_bytes) - np.minimum(occupancy.live_bytes, np.uint64(page_bytes))
    pinned = occupancy.live_bytes <= mostly_empty * page_bytes
    rows = np.searchsorted(occupancy.pages, edges.pages)
    rows, blocks = rows[pinned[rows]], edges.blocks[pinned[rows]]
    stacks, stack_rows = np.unique(live.stacks[blocks], return_inverse=True)

    n_blocks = np.bincount(rows, minlength=len(pinned))
    pinned_bytes = np.bincount(stack_rows, weights=empty[rows] / n_blocks[rows], minlength=len(stacks))
    pairs = np.unique(rows * max(len(stacks), 1) + stack_rows)  # each stack once for each page
    pages, stack_of_pair = np.divmod(pairs, max(len(stacks), 1))
    alone = np.bincount(pages, minlength=len(pinned))[pages] == 1
    order = np.argsort(-pinned_bytes, kind="stable")
    return PinningStacks(
        n_pages=int(np.count_nonzero(pinned)),
        empty_bytes=int(empty[pinned].sum()),
        stacks=stacks[order],
        pages=np.bincount(stack_of_pair, minlength=len(stacks))[order],
        pinned_bytes=pinned_bytes[order].astype(np.float64),
        releasable_bytes=np.bincount(stack_of_pair[alone], minlength=len(stacks))[order] * page_bytes,
    )
