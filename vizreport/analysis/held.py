"""Held and live bytes over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.pages import PAGE_BYTES, find_edges
from vizreport.analysis.time_bins import TimeBins
from vizreport.model.block_batch import NEVER, BlockBatch

N_MOMENTS = 128
_WORD = 64
_PENDING = 1 << 20


@dataclass(frozen=True, slots=True)
class HeldTimeline:
    """Held and live bytes at the end of each bin, inherited blocks included. What lies between is not looked at.

    Attributes:
        bins: Their time.
        held_bytes: uint64[n_bins], of the pages with at least one live byte.
        live_bytes: uint64[n_bins].
    """

    bins: TimeBins
    held_bytes: NDArray[np.uint64]
    live_bytes: NDArray[np.uint64]


class HeldAccumulator:
    """Adds up batches of blocks.

    Most blocks live at the end of no bin. For the others the pages where they begin and end are kept, each with one bit
    for each bin: 24 bytes a page with 128 bins.
    """

    def __init__(self, start_ns: int, end_ns: int, *, n_bins: int = N_MOMENTS, page_bytes: int = PAGE_BYTES) -> None:
        """Starts with nothing live; the bins cover [start, end]."""
        self._bins = TimeBins.cover(start_ns, end_ns, n_bins)
        self._page_bytes = page_bytes
        self._steps = np.zeros((2, self._bins.n + 1), dtype=np.uint64)  # of live bytes and of inner pages, modulo 2^64
        self._pages = np.zeros(0, dtype=np.uint64)
        self._held = np.zeros((0, -(-self._bins.n // _WORD)), dtype=np.uint64)
        self._pending: list[tuple[NDArray[np.uint64], NDArray[np.uint64]]] = []
        self._n_pending = 0

    def add(self, batch: BlockBatch) -> None:
        """Adds a batch."""
        firsts, ends = self._bins.find(batch.start_times), self._bins.find(batch.end_times)
        ends[(batch.end_times == NEVER) | (batch.end_times > np.uint64(self._bins.end_ns))] = self._bins.n
        seen = np.flatnonzero(firsts < ends)
        firsts, ends, sizes = firsts[seen], ends[seen], batch.sizes[seen]
        edges = find_edges(batch.addresses[seen], sizes, page_bytes=self._page_bytes)
        for steps, values in zip(self._steps, (sizes, edges.inner), strict=True):
            np.add.at(steps, firsts, values)
            np.add.at(steps, ends, np.uint64(0) - values)
        held = _set_bits(firsts, ends, self._held.shape[1])
        self._pending.append((edges.pages, held[edges.blocks]))
        self._n_pending += len(edges.pages)
        if self._n_pending > max(_PENDING, len(self._pages)):
            self._merge()

    def result(self) -> HeldTimeline:
        """Returns the timeline of what was added so far."""
        self._merge()
        live_bytes, n_inner = np.cumsum(self._steps, axis=1, dtype=np.uint64)[:, :-1]
        bits = np.unpackbits(self._held.view(np.uint8), axis=1, bitorder="little", count=self._bins.n)
        n_pages = n_inner + bits.sum(axis=0, dtype=np.uint64)
        return HeldTimeline(self._bins, n_pages * np.uint64(self._page_bytes), live_bytes)

    def _merge(self) -> None:
        """Brings the pages that are pending together with those that are known."""
        pages = np.concatenate([self._pages, *(pages for pages, _ in self._pending)])
        held = np.concatenate([self._held, *(held for _, held in self._pending)])
        self._pending.clear()
        self._n_pending = 0
        if len(pages) == 0:
            return
        order = np.argsort(pages)
        pages = pages[order]
        firsts = np.flatnonzero(np.concatenate([[True], pages[1:] != pages[:-1]]))
        self._pages, self._held = pages[firsts], np.bitwise_or.reduceat(held[order], firsts, axis=0)


def _set_bits(firsts: NDArray[np.int64], ends: NDArray[np.int64], n_words: int) -> NDArray[np.uint64]:
    """Returns words whose bits [first, end) are set: uint64[n, n_words]."""
    bits: NDArray[np.uint64] = _set_below(ends, n_words) & ~_set_below(firsts, n_words)
    return bits


def _set_below(ends: NDArray[np.int64], n_words: int) -> NDArray[np.uint64]:
    """Returns words whose bits [0, end) are set: uint64[n, n_words]."""
    counts = np.clip(ends[:, None] - np.arange(n_words) * _WORD, 0, _WORD)
    below = (np.uint64(1) << np.minimum(counts, _WORD - 1).astype(np.uint64)) - np.uint64(1)
    bits: NDArray[np.uint64] = np.where(counts == _WORD, ~np.uint64(0), below)
    return bits
