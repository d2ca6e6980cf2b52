"""The distinct values of an array. np.unique imports numpy.ma, which is a twentieth of a short command's time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sort_distinct(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns each value once, increasing."""
    ordered = np.sort(values)
    first = np.ones(len(ordered), np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]
