"""Pages and the live bytes on them, at one moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.model.live_set import LiveSet

PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class BlockEdges:
    """The pages on which blocks begin and end, once for each block and page; and the pages between.

    Only these can be partly live, so that memory is bounded by blocks and not by their sizes.

    Attributes:
        pages: uint64[m], address // page size.
        blocks: int64[m], which block.
        bytes: uint64[m], of that block on that page.
        inner: uint64[n_blocks], pages that each block fills between its first and its last.
    """

    pages: NDArray[np.uint64]
    blocks: NDArray[np.int64]
    bytes: NDArray[np.uint64]
    inner: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class PageOccupancy:
    """Held pages: those with at least one live byte.

    Attributes:
        page_bytes: Of each page.
        pages: uint64[n], address // page_bytes, increasing: those on which a block begins or ends.
        live_bytes: uint64[n], on each of them.
        n_inner: Held pages besides, each filled by the middle of one block.
    """

    page_bytes: int
    pages: NDArray[np.uint64]
    live_bytes: NDArray[np.uint64]
    n_inner: int

    @property
    def held_bytes(self) -> int:
        """Bytes of all held pages."""
        return (len(self.pages) + self.n_inner) * self.page_bytes

    def count_by_share(self, n_bins: int = 10) -> NDArray[np.int64]:
        """Counts held pages by how full they are: int64[n_bins], bin k: k/n_bins < live share <= (k + 1)/n_bins."""
        bins = (self.live_bytes * np.uint64(n_bins) - np.uint64(1)) // np.uint64(self.page_bytes)
        counts = np.bincount(np.minimum(bins, np.uint64(n_bins - 1)).astype(np.int64), minlength=n_bins)
        counts[-1] += self.n_inner
        return counts


def find_edges(addresses: NDArray[np.uint64], sizes: NDArray[np.uint64], *, page_bytes: int = PAGE_BYTES) -> BlockEdges:
    """Finds the pages on which blocks begin and end. A block of no bytes has none."""
    page = np.uint64(page_bytes)
    some = np.flatnonzero(sizes)
    starts = addresses[some]
    lasts = starts + np.minimum(sizes[some] - np.uint64(1), ~starts)
    first_pages, last_pages = starts // page, lasts // page
    two = first_pages != last_pages
    on_last = lasts % page + np.uint64(1)
    on_first = np.where(two, page - starts % page, lasts - starts + np.uint64(1))
    inner = np.zeros(len(sizes), dtype=np.uint64)
    inner[some] = np.where(two, last_pages - first_pages - two.astype(np.uint64), np.uint64(0))
    return BlockEdges(
        pages=np.concatenate([first_pages, last_pages[two]]),
        blocks=np.concatenate([some, some[two]]),
        bytes=np.concatenate([on_first, on_last[two]]),
        inner=inner,
    )


def find_page_occupancy(live: LiveSet, *, page_bytes: int = PAGE_BYTES) -> PageOccupancy:
    """Adds up the live bytes of each held page."""
    edges = find_edges(live.addresses, live.sizes, page_bytes=page_bytes)
    pages, rows = np.unique(edges.pages, return_inverse=True)
    live_bytes = np.zeros(len(pages), dtype=np.uint64)
    np.add.at(live_bytes, rows, edges.bytes)
    return PageOccupancy(page_bytes, pages, live_bytes, int(edges.inner.sum()))
