"""What dropped events leave uncertain.

A block whose free was dropped looks as if it were in use for ever. Events were dropped only within known spans of time,
so that holds only of blocks that were allocated before the last span ended, and only of as many as events were dropped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vizreport.model.replay import CERTAIN, Uncertain
from vizreport.model.trace import Drops, Image


def find_uncertain(image: Image, sizes: NDArray[np.uint64], start_times: NDArray[np.uint64]) -> Uncertain:
    """Returns how much of what seems to be in use may have been freed by events that were dropped.

    Args:
        image: Whose.
        sizes: uint64[n], bytes of its own blocks that are in use at its end.
        start_times: uint64[n], when each was allocated, ns since start.
    """
    n_dropped = image.n_dropped
    if n_dropped == 0:
        return CERTAIN
    known = int(image.drops.events.sum(dtype=np.uint64)) >= n_dropped
    suspects = sizes[start_times <= image.drops.ends.max()] if known else sizes
    n = min(n_dropped, len(suspects))
    return Uncertain(n_dropped, int(np.sort(suspects)[len(suspects) - n :].sum(dtype=np.uint64)), n)


def join_spans(drops: Drops, most: int) -> Drops:
    """Joins neighbouring spans, those with the shortest gaps first, until there are at most so many (at least 1)."""
    n = len(drops)
    if n <= most:
        return drops
    gaps = drops.starts[1:].astype(np.int64) - drops.ends[:-1].astype(np.int64)
    kept = np.sort(np.argsort(gaps, kind="stable")[n - most :])  # the gaps that stay
    firsts = np.append(0, kept + 1)
    return Drops(drops.starts[firsts], drops.ends[np.append(kept, n - 1)], np.add.reduceat(drops.events, firsts))
