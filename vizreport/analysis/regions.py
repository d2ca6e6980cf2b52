"""Which parts of the address space the heap uses: the rows of every picture that has an address axis.

Between the program's break and the mappings near the stack lie a hundred terabytes of nothing. A gap is left out of the
picture, and named, if nothing was ever live in it and it is large beside what was used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PAGE = 4096
MAX_REGIONS = 128
_LEAST_GAP = 64 * 1024
_GAP_SHARE = 32


@dataclass(frozen=True, slots=True)
class Regions:
    """Disjoint address ranges in increasing order, each one a run of addresses to draw without a break.

    Attributes:
        starts: uint64[n].
        ends: uint64[n], one past the last address.
    """

    starts: NDArray[np.uint64]
    ends: NDArray[np.uint64]

    @property
    def sizes(self) -> NDArray[np.uint64]:
        """uint64[n], bytes."""
        return self.ends - self.starts

    @property
    def gaps(self) -> NDArray[np.uint64]:
        """uint64[n - 1], bytes left out between each region and the next."""
        return self.starts[1:] - self.ends[:-1]

    @property
    def offsets(self) -> NDArray[np.uint64]:
        """uint64[n + 1], bytes of all regions before each one; the last: of all of them."""
        return np.concatenate([np.zeros(1, np.uint64), np.cumsum(self.sizes, dtype=np.uint64)])

    def find(self, addresses: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Returns the region of each address: int64[n_addresses]. Each must lie in one."""
        return np.searchsorted(self.starts, addresses, side="right").astype(np.int64) - 1

    def fold(self, addresses: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Returns how many bytes of regions lie before each address: uint64[n_addresses]."""
        regions = self.find(addresses)
        return self.offsets[regions] + (addresses - self.starts[regions])


def find_regions(
    starts: NDArray[np.uint64], ends: NDArray[np.uint64], *, granule: int = PAGE, max_regions: int = MAX_REGIONS
) -> Regions:
    """Folds the address space around the given ranges, which may overlap and stand in any order.

    Edges are rounded outwards to the granule, a power of two. With U bytes used, a gap separates two regions if it is
    at least U/32 and 64 KiB; of more than max_regions - 1 such gaps only the largest do.
    """
    if len(starts) == 0:
        return Regions(np.zeros(0, np.uint64), np.zeros(0, np.uint64))
    starts, ends = _merge(starts, ends, granule)
    gaps = starts[1:] - ends[:-1]
    used = int((ends - starts).sum())
    apart = gaps >= np.uint64(max(_LEAST_GAP, used // _GAP_SHARE))
    if np.count_nonzero(apart) >= max_regions:
        largest = np.argsort(gaps, kind="stable")[len(gaps) - (max_regions - 1) :]
        apart = np.zeros(len(gaps), dtype=np.bool_)
        apart[largest] = True
    cuts = np.flatnonzero(apart)
    return Regions(
        np.concatenate([starts[:1], starts[cuts + 1]]),
        np.concatenate([ends[cuts], ends[-1:]]),
    )


def _merge(
    starts: NDArray[np.uint64], ends: NDArray[np.uint64], granule: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Rounds ranges to the granule and joins those that overlap or touch."""
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], ends[order]
    lasts = np.where(ends > starts, ends - np.uint64(1), starts) | np.uint64(granule - 1)
    starts = starts & ~np.uint64(granule - 1)
    reach = np.minimum(np.maximum.accumulate(lasts), np.uint64(0xFFFF_FFFF_FFFF_FFFE)) + np.uint64(1)
    first = np.flatnonzero(np.concatenate([[True], starts[1:] > reach[:-1]]))
    last = np.concatenate([first[1:] - 1, [len(starts) - 1]])
    return starts[first], reach[last]
