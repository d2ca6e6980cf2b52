"""The order of live blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sort_live(
    addresses: NDArray[np.uint64],
    sizes: NDArray[np.uint64],
    start_times: NDArray[np.uint64],
    pending: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Returns the order of live blocks: by address.

    A block whose reallocation is under way comes before the one that has its address by now.
    """
    order = np.argsort(addresses, kind="stable")
    if not pending.any():
        return order
    return np.lexsort((sizes, start_times, ~pending, addresses))
