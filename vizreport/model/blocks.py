"""Blocks: what replaying an image's events gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Inherited:
    """The live blocks that a forked image starts with.

    Attributes:
        addresses: uint64[n].
        sizes: uint64[n], bytes.
    """

    addresses: NDArray[np.uint64]
    sizes: NDArray[np.uint64]


NOTHING_INHERITED = Inherited(np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.uint64))


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of one image: first the inherited ones, then its own in order of allocation.

    Row numbers of events stand for time: they keep the authoritative order, which times alone do not.

    Attributes:
        addresses: uint64[n].
        sizes: uint64[n], requested bytes.
        starts: int64[n], event that allocated it; -1: inherited.
        ends: int64[n], event with which its bytes end; n_events: still live at the end.
        releases: int64[n], event that gave its address back: before ``ends`` in a reallocation, else equal; n_events:
            nothing did.
        n_events: Events of the image.
        n_unmatched_frees: Frees and reallocations of addresses where nothing was live.
        n_duplicates: Allocations at addresses where a block was live; that block ends there.
    """

    addresses: NDArray[np.uint64]
    sizes: NDArray[np.uint64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    releases: NDArray[np.int64]
    n_events: int
    n_unmatched_frees: int
    n_duplicates: int

    def __post_init__(self) -> None:
        """Makes the columns read-only."""
        for column in (self.addresses, self.sizes, self.starts, self.ends, self.releases):
            column.flags.writeable = False

    @property
    def own(self) -> NDArray[np.bool_]:
        """bool[n]: allocated by this image."""
        return self.starts >= 0

    @property
    def live(self) -> NDArray[np.bool_]:
        """bool[n]: not freed by the end."""
        live: NDArray[np.bool_] = self.ends == self.n_events
        return live
