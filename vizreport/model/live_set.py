"""What is live at one moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LiveSet:
    """The blocks of one image that are live after all events up to and including a time, by address.

    Attributes:
        time_ns: The moment, ns since start.
        addresses: uint64[n], non-decreasing.
        sizes: uint64[n], requested bytes.
        start_times: uint64[n], ns since start.
        stacks: uint32[n], stack node ids of the allocations.
        threads: uint32[n], indexes of Image.threads: who allocated it.
    """

    time_ns: int
    addresses: NDArray[np.uint64]
    sizes: NDArray[np.uint64]
    start_times: NDArray[np.uint64]
    stacks: NDArray[np.uint32]
    threads: NDArray[np.uint32]

    def __len__(self) -> int:
        """Returns the number of blocks."""
        return len(self.addresses)
