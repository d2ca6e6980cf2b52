"""How large blocks are, how long they live, and how the two go together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vizreport.analysis.log_bins import N_LOG_BINS, find_log_bins, find_log_edges
from vizreport.model.block_batch import NEVER, BlockBatch

_NEVER_BIN = N_LOG_BINS


@dataclass(frozen=True, slots=True)
class LogHistogram:
    """Blocks by bins of log_bins.py, up to the last bin with any.

    Attributes:
        edges: uint64[n], least value of each bin: bytes of a size, ns of a lifetime.
        blocks: int64[n].
        bytes: uint64[n], sum of the blocks' sizes.
    """

    edges: NDArray[np.uint64]
    blocks: NDArray[np.int64]
    bytes: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class SizeLifetimes:
    """An image's own blocks by size and lifetime.

    Attributes:
        blocks: int64[N_LOG_BINS, N_LOG_BINS + 1], by bin of size and of lifetime; last column: live at the end.
        bytes: uint64, the same shape: sum of sizes.
    """

    blocks: NDArray[np.int64]
    bytes: NDArray[np.uint64]

    @property
    def sizes(self) -> LogHistogram:
        """All blocks by size."""
        return _trim(self.blocks.sum(axis=1), self.bytes.sum(axis=1))

    @property
    def lifetimes(self) -> LogHistogram:
        """The blocks that ended, by lifetime."""
        return _trim(self.blocks[:, :_NEVER_BIN].sum(axis=0), self.bytes[:, :_NEVER_BIN].sum(axis=0))

    @property
    def n_live(self) -> int:
        """Blocks without a lifetime: still live at the end."""
        return int(self.blocks[:, _NEVER_BIN].sum())


class SizeLifetimesAccumulator:
    """Counts batches of blocks by size and lifetime; in a megabyte, however many blocks there are."""

    def __init__(self) -> None:
        """Starts with no block."""
        self._blocks = np.zeros((N_LOG_BINS, N_LOG_BINS + 1), dtype=np.int64)
        self._bytes = np.zeros((N_LOG_BINS, N_LOG_BINS + 1), dtype=np.uint64)

    def add(self, batch: BlockBatch) -> None:
        """Counts a batch."""
        lifetimes = find_log_bins(batch.end_times - batch.start_times)
        lifetimes[batch.end_times == NEVER] = _NEVER_BIN
        cells = find_log_bins(batch.sizes) * (N_LOG_BINS + 1) + lifetimes
        sizes = batch.sizes
        if batch.inherited.any():
            cells, sizes = cells[~batch.inherited], sizes[~batch.inherited]
        np.add.at(self._blocks.reshape(-1), cells, 1)
        np.add.at(self._bytes.reshape(-1), cells, sizes)

    def result(self) -> SizeLifetimes:
        """Returns what was counted so far."""
        return SizeLifetimes(self._blocks.copy(), self._bytes.copy())


def _trim(blocks: NDArray[np.int64], sizes: NDArray[np.uint64]) -> LogHistogram:
    """Drops the empty bins after the last one with any block."""
    used = np.flatnonzero(blocks)
    n = int(used[-1]) + 1 if len(used) else 0
    return LogHistogram(find_log_edges(n), blocks[:n], sizes[:n])
