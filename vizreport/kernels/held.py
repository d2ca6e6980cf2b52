"""Columns of blocks, as the numpy replay holds them between one stretch of events and the next."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from vizreport.model.live_set import LiveSet

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

_NARROW, _FLAGS = np.zeros(0, np.uint32), np.zeros(0, np.bool_)


@dataclass(frozen=True, slots=True)
class Held:
    """Blocks that have not ended.

    Attributes:
        addresses: uint64[n].
        sizes: uint64[n].
        start_times: uint64[n], ns.
        stacks: uint32[n].
        threads: uint32[n].
        numbers: int64[n], how many allocations its thread had made with it.
        own: bool[n], not inherited.
    """

    addresses: NDArray[np.uint64]
    sizes: NDArray[np.uint64]
    start_times: NDArray[np.uint64]
    stacks: NDArray[np.uint32]
    threads: NDArray[np.uint32]
    numbers: Rows
    own: Mask

    def __len__(self) -> int:
        """Returns the number of blocks."""
        return len(self.addresses)

    def take(self, rows: Rows | Mask) -> Held:
        """Returns some of them."""
        return Held(*(getattr(self, field.name)[rows] for field in fields(self)))

    def join(self, *others: Held) -> Held:
        """Returns these and others behind them."""
        parts = (self, *others)
        return Held(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(self)))


def _make_zeros(n: int) -> Held:
    wide, narrow = np.zeros(n, np.uint64), np.zeros(n, np.uint32)
    return Held(wide, wide, wide, narrow, narrow, np.zeros(n, np.int64), np.zeros(n, np.bool_))


NO_BLOCKS = _make_zeros(0)
ANY_BLOCK = _make_zeros(1)


def inherit(live: LiveSet) -> Held:
    """Returns a live set as inherited blocks."""
    n = len(live)
    return Held(
        live.addresses,
        live.sizes,
        live.start_times,
        live.stacks,
        live.threads,
        np.zeros(n, np.int64),
        np.zeros(n, np.bool_),
    )


@dataclass(frozen=True, slots=True)
class Pending:
    """First halves of reallocations that have no second half yet, in their order.

    Attributes:
        blocks: What each gave back; anything where that was nothing.
        found: bool[n], it gave back a block.
        threads: uint32[n], whose call it is.
        stacks: uint32[n], call stack of the first half.
        temporary: bool[n], the block was temporary then.
    """

    blocks: Held
    found: Mask
    threads: NDArray[np.uint32]
    stacks: NDArray[np.uint32]
    temporary: Mask

    def __len__(self) -> int:
        """Returns the number of first halves."""
        return len(self.found)

    def take(self, rows: Rows | Mask) -> Pending:
        """Returns some of them."""
        return Pending(
            self.blocks.take(rows), self.found[rows], self.threads[rows], self.stacks[rows], self.temporary[rows]
        )

    def join(self, other: Pending) -> Pending:
        """Returns these and others behind them."""
        return Pending(
            self.blocks.join(other.blocks),
            np.concatenate([self.found, other.found]),
            np.concatenate([self.threads, other.threads]),
            np.concatenate([self.stacks, other.stacks]),
            np.concatenate([self.temporary, other.temporary]),
        )


NONE_PENDING = Pending(NO_BLOCKS, _FLAGS, _NARROW, _NARROW, _FLAGS)


@dataclass(frozen=True, slots=True)
class Ends:
    """Blocks that end, in order.

    Attributes:
        rows: int64[n], of the events with which they end, non-decreasing.
        blocks: Which.
        threads: uint32[n], of those events.
        stacks: uint32[n], where they were given back; 0 where none was taken.
        temporary: bool[n].
        freed: bool[n], freed or reallocated; else another block took the address.
    """

    rows: Rows
    blocks: Held
    threads: NDArray[np.uint32]
    stacks: NDArray[np.uint32]
    temporary: Mask
    freed: Mask

    def join(self, *others: Ends) -> Ends:
        """Returns all in order of their rows; of one row first those that stand here first."""
        parts = (self, *others)
        rows = np.concatenate([part.rows for part in parts])
        order = np.argsort(rows, kind="stable")
        return Ends(
            rows[order],
            self.blocks.join(*(part.blocks for part in others)).take(order),
            np.concatenate([part.threads for part in parts])[order],
            np.concatenate([part.stacks for part in parts])[order],
            np.concatenate([part.temporary for part in parts])[order],
            np.concatenate([part.freed for part in parts])[order],
        )
