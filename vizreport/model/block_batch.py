"""A stretch of an image's blocks, in the order in which they ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEVER = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
"""The end time of a block that is still live at the image's end."""


@dataclass(frozen=True, slots=True)
class BlockBatch:
    """Blocks of one image.

    Attributes:
        addresses: uint64[n].
        sizes: uint64[n], requested bytes.
        start_times: uint64[n], ns since start; of an inherited block: of its image's start.
        end_times: uint64[n], ns since start; NEVER: still live at the end.
        start_stacks: uint32[n], stack node ids.
        end_stacks: uint32[n], stack node ids; 0 where none was taken.
        start_threads: uint32[n], indexes of Image.threads; of an inherited block: 0.
        end_threads: uint32[n], indexes of Image.threads; 0 where nothing ended it.
        temporary: bool[n], see the glossary.
        inherited: bool[n], came with the fork.
    """

    addresses: NDArray[np.uint64]
    sizes: NDArray[np.uint64]
    start_times: NDArray[np.uint64]
    end_times: NDArray[np.uint64]
    start_stacks: NDArray[np.uint32]
    end_stacks: NDArray[np.uint32]
    start_threads: NDArray[np.uint32]
    end_threads: NDArray[np.uint32]
    temporary: NDArray[np.bool_]
    inherited: NDArray[np.bool_]

    def __len__(self) -> int:
        """Returns the number of blocks."""
        return len(self.addresses)
